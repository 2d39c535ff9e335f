"""Dead letters: what could not be decoded, scored or built, kept as it came, with the reason beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelserving.kafka.clients import MAX_MESSAGE_BYTES, Connection
from modelserving.kafka.reading import read_topic

if TYPE_CHECKING:
    from kafka.consumer.fetcher import ConsumerRecord

__all__ = ["DeadLetter", "each_dead_letter", "headers", "read_dead_letters"]

_REASON_BYTES = 4_000
_KEY_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that failed.

    Args:
        value: its bytes as they came, or ``None``.
        key: its key as it came, or ``None``.
        topic: where it was read,
        partition: in which partition,
        offset: and at which offset.
        stage: what was done with it: ``decode``, ``score``, ``build`` and the like.
        error: class of the error.
        reason: its message.
    """

    value: bytes | None
    key: bytes | None
    topic: str
    partition: int
    offset: int
    stage: str
    error: str
    reason: str

    @property
    def body(self) -> bytes | None:
        """What is written as the message's value: the bytes as they came, as many as fit.

        kafka-python sends no message that has neither key nor value; such a one is written with an empty value.
        """
        return b"" if self.value is None and self.key is None else self.value and self.value[:MAX_MESSAGE_BYTES]

    @property
    def label(self) -> bytes | None:
        """What is written as the message's key: the key as it came, as much of it as fits."""
        return self.key and self.key[:_KEY_BYTES]

    @property
    def size(self) -> int:
        """How many bytes key and value had; compressed, they may have come in a message of far fewer."""
        return len(self.value or b"") + len(self.key or b"")


def headers(letter: DeadLetter) -> list[tuple[str, bytes]]:
    """What goes into the headers of the dead letter's message; value and key are the message's own."""
    fields = {
        "x-error-class": letter.error,
        "x-error-reason": letter.reason,
        "x-original-topic": letter.topic,
        "x-original-partition": str(letter.partition),
        "x-original-offset": str(letter.offset),
        "x-stage": letter.stage,
    }
    if len(letter.body or b"") + len(letter.label or b"") < letter.size:
        fields["x-original-bytes"] = str(letter.size)
    # A reason may quote its input, which may be as large as a message.
    return [(name, text.encode("utf-8", "replace")[:_REASON_BYTES]) for name, text in fields.items()]


def read_dead_letters(connection: Connection, topic: str) -> list[DeadLetter]:
    """All dead letters that are on a topic now.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: there is no such topic.
    """
    return list(each_dead_letter(connection, topic))


def each_dead_letter(connection: Connection, topic: str) -> Iterator[DeadLetter]:
    """As ``read_dead_letters``, one after the other: all together may not fit into memory."""
    return map(_letter, read_topic(connection, topic))


def _letter(record: ConsumerRecord) -> DeadLetter:
    """A message by somebody else may lack headers; it is shown as far as it goes."""
    said = {name: value.decode("utf-8", "replace") for name, value in record.headers or () if value is not None}
    partition, offset = (said.get(name, "") for name in ("x-original-partition", "x-original-offset"))
    return DeadLetter(
        value=record.value,
        key=record.key,
        topic=said.get("x-original-topic", ""),
        partition=int(partition) if partition.isdecimal() else -1,
        offset=int(offset) if offset.isdecimal() else -1,
        stage=said.get("x-stage", ""),
        error=said.get("x-error-class", ""),
        reason=said.get("x-error-reason", ""),
    )
