"""Dead letters: what could not be decoded, scored or built, kept as it came, with the reason beside it.

A letter has the value, the key and the headers of the message as they came; behind its headers stand ours, which say
where it was read and why it failed. Kafka Streams' own letters (KIP-1034) are built in the same way, with other names.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from modelserving.kafka.clients import MAX_MESSAGE_BYTES, Connection
from modelserving.kafka.reading import read_topic

Headers: TypeAlias = Sequence[tuple[str, bytes | None]]
"""Of a message: names and bytes, in their order; a name may come several times."""

_REASON_BYTES = 4_000
_KEY_BYTES = 64 * 1024
_HEADERS_BYTES = 256 * 1024
_OURS = "x-error-class"
_STREAMS = "__streams.errors.exception"
_NAMES = {
    _OURS: ("x-original-topic", "x-original-partition", "x-original-offset", "x-stage", _OURS, "x-error-reason"),
    _STREAMS: (
        "__streams.errors.topic",
        "__streams.errors.partition",
        "__streams.errors.offset",
        "",
        _STREAMS,
        "__streams.errors.message",
    ),
}
"""By the first of the headers that a server adds: those that name topic, partition, offset, stage, error, reason."""


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
        headers: those that the message came with.
        cut: whether the message had more than this: it was too large, or had what cannot be written again.
    """

    value: bytes | None
    key: bytes | None
    topic: str
    partition: int
    offset: int
    stage: str
    error: str
    reason: str
    headers: Headers = ()
    cut: bool = False

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
    """The headers of the dead letter's message: first its own, as they came, then where it was and why it failed.

    What cannot be written as it came is told, so that nobody takes the letter for the message: ``x-original-bytes``,
    how large key and value were; ``x-original-nulls``, which of its headers had no value, counted from 0, or ``value``
    where it had neither key nor value; ``x-original-headers``, how many there were of headers that were too large.
    """
    fields = {
        _OURS: letter.error,
        "x-error-reason": letter.reason,
        "x-original-topic": letter.topic,
        "x-original-partition": str(letter.partition),
        "x-original-offset": str(letter.offset),
        "x-stage": letter.stage,
    }
    if len(letter.body or b"") + len(letter.label or b"") < letter.size:
        fields["x-original-bytes"] = str(letter.size)
    nulls = [str(index) for index, (_, value) in enumerate(letter.headers) if value is None]
    if letter.value is None and letter.key is None:
        nulls.append("value")
    own = [(name, value or b"") for name, value in letter.headers]
    if sum(len(name) + len(value) for name, value in own) > _HEADERS_BYTES:
        fields["x-original-headers"] = str(len(own))
        own, nulls = [], []
    if nulls:
        fields["x-original-nulls"] = " ".join(nulls)
    # A reason may quote its input, which may be as large as a message.
    return [*own, *((name, text.encode("utf-8", "replace")[:_REASON_BYTES]) for name, text in fields.items())]


def read_dead_letters(connection: Connection, topic: str) -> list[DeadLetter]:
    """All dead letters that are on a topic now.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: there is no such topic.
    """
    return list(each_dead_letter(connection, topic))


def each_dead_letter(connection: Connection, topic: str) -> Iterator[DeadLetter]:
    """As ``read_dead_letters``, one after the other: all together may not fit into memory."""
    return map(letter_in, read_topic(connection, topic))


def letter_in(record: Any) -> DeadLetter:
    """The dead letter that a message of a dead-letter topic is.

    A message by somebody else may lack our headers; it is shown as far as it goes.
    """
    found: Headers = tuple(record.headers or ())
    # A letter may have been a letter before: the last that begins is the one that was written last.
    start = max((at for at, (name, _) in enumerate(found) if name in _NAMES), default=None)
    names = _NAMES[_OURS if start is None else found[start][0]]
    said = {name: value.decode("utf-8", "replace") for name, value in found[start or 0 :] if value is not None}
    topic, partition, offset, stage, error, reason = (said.get(name, "") for name in names)
    nulls = said.get("x-original-nulls", "").split()
    return DeadLetter(
        value=None if "value" in nulls else record.value,
        key=record.key,
        topic=topic,
        partition=int(partition) if partition.isdecimal() else -1,
        offset=int(offset) if offset.isdecimal() else -1,
        stage=stage,
        error=error.rpartition(".")[2],
        reason=reason,
        headers=tuple((n, None if str(at) in nulls else v) for at, (n, v) in enumerate(found[: start or 0])),
        cut=bool(nulls) or "x-original-bytes" in said or "x-original-headers" in said,
    )
