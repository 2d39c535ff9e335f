"""The reader: shows what is on the topics, byte by byte and decoded. It disturbs nobody: it belongs to no group."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kafka.consumer.fetcher import ConsumerRecord

from modelserving.errors import DecodeError, RecordError
from modelserving.kafka import Connection, list_topics, read_topic
from modelserving.records import (
    Action,
    ModelCommand,
    ModelDescriptor,
    Topics,
    decode_command,
    decode_descriptor,
    decode_scored,
)
from modelserving.records.codecs.framing import read_frames
from modelserving.records.decoder import Envelope, RecordDecoder
from modelserving.records.defaults import decode_default
from modelserving.terminal import printable

_FIRST = 5
_KEY = 100


@dataclass(frozen=True, slots=True)
class ReadMessage:
    """One message, as the reader found it.

    Args:
        number: which message of the topic it is, counted from 1.
        topic: where it was.
        partition: of the topic.
        offset: in the partition.
        key: its key, or ``None``.
        size: of its value, bytes.
        first: the first bytes of its value.
        decoded: what it says, or why it says nothing.
        good: whether it could be decoded.
    """

    number: int
    topic: str
    partition: int
    offset: int
    key: bytes | None
    size: int
    first: bytes
    decoded: str
    good: bool

    def __str__(self) -> str:
        key = "none" if self.key is None else self.key[:_KEY].decode("utf-8", "backslashreplace")
        if self.key is not None and len(self.key) > _KEY:
            key += f"… ({len(self.key)} bytes)"
        first = self.first.hex(" ") or "none"
        return printable(
            f"{self.topic} #{self.number}: partition {self.partition}, offset {self.offset}, key {key}, "
            f"{self.size} bytes, first {first}: {self.decoded}"
        )


def read_topics(connection: Connection, topics: Topics, decoder: RecordDecoder | None = None) -> Iterator[ReadMessage]:
    """Every message that is on the topics now, topic by topic.

    Args:
        connection: to the cluster.
        topics: of one pipeline.
        decoder: reads its records; ``None``: they are the workbook's own.

    Raises:
        BrokerUnavailable: no broker answers.
    """
    yield from read_decoded(connection, topics.models, lambda value: _about(decode_descriptor(value)))
    if topics.control in list_topics(connection):  # pipelines of older versions have none
        yield from read_decoded(connection, topics.control, lambda value: _wanted(decode_command(value)))
    if decoder is None:
        yield from read_decoded(connection, topics.records, _read_own)
    else:
        for number, message in enumerate(read_topic(connection, topics.records), start=1):
            yield _seen(number, message, lambda _, of=message: _read(of, decoder))  # type: ignore[misc]
    yield from read_decoded(connection, topics.scored, lambda value: str(decode_scored(value)))
    yield from read_decoded(connection, topics.dead_letters, lambda _: "a dead letter")


def _read_own(value: bytes | None) -> str:
    """A record of the workbook's own.

    Raises:
        DecodeError: it is another one, as far as one can see without its schema.
    """
    try:
        return str(decode_default(value))
    except DecodeError as error:
        if not value:
            raise
        raise DecodeError(
            f"{len(value)} bytes, beginning with {value[:40]!r}: no record of the workbook's own. Name the schema of "
            f"other records with --schema FILE.{_look_framed(value)}"
        ) from error


def _look_framed(value: bytes | None) -> str:
    """What to do about a message that begins like one of Confluent's clients; empty for others."""
    frame = read_frames([value])[0].get(0)
    if frame is None:
        return ""
    return f" It begins like a record of schema {frame.schema_id} in a registry: those are read with --framed."


def read_decoded(connection: Connection, topic: str, decode: Callable[[bytes | None], str]) -> Iterator[ReadMessage]:
    """Every message that is on one topic now, from its beginning to its present end.

    Args:
        connection: to the cluster.
        topic: which.
        decode: says what a value means; a ``RecordError`` is reported, not raised.
    """
    for number, message in enumerate(read_topic(connection, topic), start=1):
        yield _seen(number, message, decode)


def _seen(number: int, message: ConsumerRecord, decode: Callable[[bytes | None], str]) -> ReadMessage:
    value = message.value or b""
    try:
        decoded, good = decode(message.value), True
    except RecordError as error:
        decoded, good = str(error), False
    return ReadMessage(
        number,
        message.topic,
        message.partition,
        message.offset,
        message.key,
        len(value),
        value[:_FIRST],
        decoded,
        good,
    )


def _read(message: Envelope, decoder: RecordDecoder) -> str:
    """A record of any schema.

    Raises:
        RecordError: it is none.
    """
    found = decoder.decode([message])
    for error in found.problems.values():
        raise error if decoder.reads_frames else DecodeError(f"{error}{_look_framed(message.value)}") from error
    types = ", ".join(group.data_type for group in found.groups)
    return f"for {types}: {found.groups[0].records.to_pylist()[0]}"


def _about(model: ModelDescriptor) -> str:
    content = f"by reference, {model.location}" if model.location is not None else f"{len(model.data)} bytes"
    return (
        f"model {model.name} {model.version} ({model.type.slug}) for {model.data_type}, {content}: {model.description}"
    )


def _wanted(command: ModelCommand) -> str:
    which = f", model {command.digest[:12]}…" if command.digest else ""
    share = f" {command.percent:g} %" if command.action is Action.SHADOW else ""
    return f"{command.action.slug}{share} {command.data_type}{which}"
