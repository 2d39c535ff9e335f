"""Answers meet their truth, as both come: a join of two streams on the real Kafka Streams, within a stated window.

::

    scored ─▶ named by its record ─┐
    truth  ─▶ named by its record ─┴─ within the window ─▶ judged
                     └ what is no truth ─▶ dead letters

The window says how long an answer waits for its truth: that much of the answers is kept in a store with a changelog, so
it costs room, and a restart forgets nothing. What comes later has no pair here; ``models quality`` still finds it.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from modelserving.errors import DecodeError, FieldError, RecordError
from modelserving.kafka.dead_letters import DeadLetter, headers
from modelserving.kstreams import Processor, ProcessorSupplier, Record, java, raw
from modelserving.monitoring.replay.answers import AnswerValue, RecordPosition, answer_of
from modelserving.monitoring.truth.topic import (
    decode_truth,
    judged_topic,
    read_position,
    read_text,
    read_value,
    truth_topic,
)
from modelserving.records import Topics, decode_scored
from modelserving.serving import ModelKey
from modelserving.system.nesting import read_json

WINDOW = timedelta(days=7)
"""How long after an answer its truth may come, unless told otherwise."""


@dataclass(frozen=True, slots=True)
class Judged:
    """An answer that has met its truth.

    Args:
        model: who answered.
        answer: what.
        truth: what turned out to be true.
        position: where the record is in its topic; ``None`` where that is not known.
    """

    model: ModelKey
    answer: AnswerValue
    truth: AnswerValue
    position: RecordPosition | None = field(default=None, compare=False)


def decode_judged(value: bytes | None) -> Judged:
    """Read a pair from a message of the topic ``judged``.

    Raises:
        DecodeError: the value is no JSON object.
        FieldError: it is none.
    """
    try:
        found = read_json(value or b"")
    except ValueError as error:
        raise DecodeError(f"{len(value or b'')} bytes are no pair, which is a JSON object: {error}.") from error
    if not isinstance(found, dict) or not {*ModelKey._fields, "answer", "truth"} <= found.keys():
        raise FieldError("a pair names a model, what it answered, and the truth; this is none.")
    model = ModelKey(*(read_text(name, str(found[name])) for name in ModelKey._fields))
    answer, truth = (read_value(name, found[name]) for name in ("answer", "truth"))
    return Judged(model, answer, truth, read_position(found))


def make_join(topics: Topics, by_key: bool = False, window: timedelta = WINDOW) -> Any:
    """The topology.

    Args:
        topics: reads the answers, and the topic of truths beside them; writes the topic of pairs, and dead letters.
        by_key: whether truths name their records by the messages' keys, which are then unique; else by partition and
            offset.
        window: how long an answer waits for its truth.
    """
    builder = java.StreamsBuilder()
    plain = java.Consumed.with_(raw(), raw())
    scored = builder.stream(topics.scored, plain).process(ProcessorSupplier(lambda: _Named(_name_scored(by_key))))
    truths = builder.stream(truth_topic(topics), plain)
    named = truths.process(ProcessorSupplier(lambda: _Named(_name_truth(by_key))))
    truths.process(ProcessorSupplier(_Refuse)).to(topics.dead_letters)
    within = java.JoinWindows.ofTimeDifferenceWithNoGrace(java.Duration.ofMillis(int(window.total_seconds() * 1000)))
    joined = java.StreamJoined.with_(raw(), raw(), raw())
    pairs = scored.join(named, _pair, within, joined)
    pairs.to(judged_topic(topics), java.Produced.with_(raw(), raw()))
    return builder.build()


Name = Callable[[bytes | None, bytes | None], bytes | None]


class _Named(Processor):
    """Gives each message the name of its record as key; what has none goes no further here."""

    def __init__(self, name: Name) -> None:
        self._name = name

    def process(self, record: Record) -> None:
        try:
            name = self._name(record.key(), record.value())
        except RecordError:
            return
        if name:
            self.context.forward(record.withKey(name))


class _Refuse(Processor):
    """What is no truth becomes a dead letter, with the reason."""

    def process(self, record: Record) -> None:
        key, value = record.key(), record.value()
        try:
            decode_truth(key, value)
        except RecordError as error:
            found = self.context.recordMetadata()
            topic, partition, offset = (found.topic, found.partition, found.offset) if found else ("", -1, -1)
            reason, own = str(error), record.headers()
            letter = DeadLetter(value, key, topic, partition, offset, "truth", type(error).__name__, reason, own)
            told = record.withHeaders(tuple(headers(letter)))
            self.context.forward(told.withKey(letter.label).withValue(letter.body))


def _name_scored(by_key: bool) -> Name:
    def name(key: bytes | None, value: bytes | None) -> bytes | None:
        scored = decode_scored(value)  # by key, too: what is no answer would end the engine where it meets its truth
        read_value("answer", answer_of(scored))
        return key if by_key else b"%d:%d" % (scored.partition, scored.offset)

    return name


def _name_truth(by_key: bool) -> Name:
    def name(key: bytes | None, value: bytes | None) -> bytes | None:
        truth = decode_truth(key, value)
        if by_key or truth.position is None:
            return truth.key if by_key else None
        return b"%d:%d" % truth.position

    return name


def _pair(answered: bytes, said: bytes) -> bytes:
    scored, truth = decode_scored(answered), json.loads(said)["truth"]
    told = {
        "data_type": scored.data_type,
        "name": scored.model_name,
        "version": scored.model_version,
        "digest": scored.model_digest,
        "answer": answer_of(scored),
        "truth": truth,
        "partition": scored.partition,
        "offset": scored.offset,
    }
    return json.dumps(told).encode()
