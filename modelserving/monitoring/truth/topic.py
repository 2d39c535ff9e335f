"""What turned out to be true, days later: a topic of truths, each for one record.

::

    key    value
    -      {"partition": 0, "offset": 42, "truth": 6}     of the record at that position
    b"17"  {"truth": "good"}                              of the record with that key, where keys name records

The topic is named after that of the answers: ``hire-scored``, ``hire-truth``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from modelserving.errors import DecodeError, FieldError, RecordError
from modelserving.kafka import Connection, make_producer, read_topic
from modelserving.kafka.admin import create_named_topics, end_offsets
from modelserving.kafka.settings import KEPT
from modelserving.monitoring.replay.answers import AnswerValue, RecordPosition
from modelserving.records import Topics
from modelserving.system.nesting import read_json

_TEXT_BYTES = 64 * 1024
"""Spelled in JSON, a text may have six times as many. A pair has two, and its topic takes a megabyte, as any does."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What turned out to be true of a record.

    Args:
        truth: the number or label that the model should have answered.
        position: where the record is in its topic; ``None``: the key says which it is.
        key: of the record's message, where it names the record.
    """

    truth: AnswerValue
    position: RecordPosition | None = None
    key: bytes | None = None


def truth_topic(topics: Topics) -> str:
    """The topic of truths that belongs to a pipeline."""
    return f"{topics.scored.removesuffix('-scored')}-truth"


def judged_topic(topics: Topics) -> str:
    """The topic of answers that have met their truth."""
    return f"{topics.scored.removesuffix('-scored')}-judged"


def create_truth_topic(connection: Connection, topics: Topics) -> None:
    """Make the topic of truths with as many partitions as the answers have; one that exists stays as it is.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: the broker refuses.
    """
    create_named_topics(connection, {truth_topic(topics): (len(end_offsets(connection, topics.scored)), KEPT)})


def encode_truth(truth: Truth) -> tuple[bytes | None, bytes]:
    """Key and value of its message."""
    where = truth.position._asdict() if truth.position is not None else {}
    return truth.key, json.dumps({**where, "truth": truth.truth}, allow_nan=False).encode()


def decode_truth(key: bytes | None, value: bytes | None) -> Truth:
    """Read a truth from a message.

    Raises:
        DecodeError: the value is no JSON object.
        FieldError: it says no truth, or not of which record.
    """
    try:
        found: Any = read_json(value or b"")
    except ValueError as error:
        raise DecodeError(f"{len(value or b'')} bytes are no truth, which is a JSON object: {error}.") from error
    if not isinstance(found, dict):
        raise DecodeError(f"a truth is a JSON object, this is {json.dumps(found)[:40]}.")
    position = read_position(found)
    return Truth(read_value("truth", found.get("truth")), position, _key(key) if position is None else None)


def read_value(name: str, said: object) -> AnswerValue:
    """What JSON says to be an answer or a truth.

    Args:
        name: of the field.
        said: what it holds.

    Raises:
        FieldError: it is neither a text nor a finite number.
    """
    if isinstance(said, bool) or not isinstance(said, int | float | str):
        raise FieldError(f'"{name}" is {said!r:.40}; a number or a text was expected.')
    if isinstance(said, str):
        return read_text(name, said)
    try:
        number = float(said)
    except OverflowError:  # as many digits as JSON lets a whole number have
        number = math.inf
    if not math.isfinite(number):
        raise FieldError(f'"{name}" is {said!r:.40}; a finite number was expected.')
    return number


def read_text(name: str, said: str) -> str:
    """A text that can be written again, also beside another one: JSON lets half a character be spelled.

    Raises:
        FieldError: it cannot.
    """
    try:
        length = len(said.encode())
    except UnicodeEncodeError as error:
        raise FieldError(f'"{name}" is no text: {error}.') from error
    if length > _TEXT_BYTES:
        raise FieldError(f'"{name}" has {length} bytes; a label of at most {_TEXT_BYTES} was expected.')
    return said


def read_position(found: Mapping[str, Any]) -> RecordPosition | None:
    """Where JSON says that a record is; ``None`` where it does not say that.

    Raises:
        FieldError: no topic has such a place.
    """
    partition, offset = found.get("partition"), found.get("offset")
    if partition is None and offset is None:
        return None
    return RecordPosition(_whole("partition", partition, 31), _whole("offset", offset, 63))


def _whole(name: str, value: object, bits: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << bits:
        raise FieldError(f'"{name}" is {value!r:.40}; a whole number from 0 on, of {bits} bits, was expected.')
    return value


def _key(key: bytes | None) -> bytes:
    if not key:
        raise FieldError("the truth says of no record: it has neither a partition and an offset, nor a key.")
    return key


def error_of(answer: AnswerValue, truth: AnswerValue) -> float:
    """How wrong an answer was: of numbers, the distance; of labels, 1 where they are not the same."""
    if isinstance(truth, str) and not isinstance(answer, str):
        with suppress(ValueError):
            truth = number if math.isfinite(number := float(truth)) else truth
    if isinstance(answer, str) or isinstance(truth, str):
        return float(answer != truth)
    return abs(answer - truth)


def send_truths(connection: Connection, topics: Topics, truths: Iterable[Truth]) -> int:
    """Publish truths, and hear from the broker that it has them.

    Returns:
        How many.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: it does not take them.
    """
    create_truth_topic(connection, topics)
    with make_producer(connection) as producer:
        sent = []
        for truth in truths:
            key, value = encode_truth(truth)
            sent.append(producer.send(truth_topic(topics), key=key, value=value))
        producer.flush()
        for one in sent:
            one.get(timeout=30)
    return len(sent)


def read_truths(connection: Connection, topics: Topics) -> Iterator[Truth]:
    """The truths that are known now, in the order in which they came; what is none is passed over.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: there is no such topic.
    """
    for message in read_topic(connection, truth_topic(topics)):
        with suppress(RecordError):
            yield decode_truth(message.key, message.value)
