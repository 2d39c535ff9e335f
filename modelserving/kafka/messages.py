"""A message of a topic, whoever read it, and what is left of one that failed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from modelserving.kafka.dead_letters import DeadLetter, Headers
from modelserving.kafka.gaps import Gap


class Message(Protocol):
    """A message of a topic; kafka-python's ``ConsumerRecord`` is one, and so is any named tuple with these fields."""

    @property
    def topic(self) -> str:
        """Where it was read."""
        ...

    @property
    def partition(self) -> int:
        """The partition of the topic."""
        ...

    @property
    def offset(self) -> int:
        """Its number in the partition, counted from 0."""
        ...

    @property
    def timestamp(self) -> int:
        """When it was published, milliseconds since 1970."""
        ...

    @property
    def key(self) -> bytes | None:
        """Its key, if it has one."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its bytes."""
        ...


class MessageRow(NamedTuple):
    """A message by itself, of whatever it was read as."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class MessageColumns(Sequence[Message]):
    """Messages of one topic, column by column; one by itself is made only when somebody asks for it.

    Args:
        values: their bytes.
        keys: of each, or ``None``.
        partitions: shape ``(n,)``,
        offsets: the same; ascending within each partition,
        timestamps: the same; milliseconds since 1970.
        row: makes the message of a number.
        headers: reads those of all, in their order; ``None``: each message is asked.
    """

    __slots__ = ("_headers", "_row", "keys", "offsets", "partitions", "timestamps", "values")

    def __init__(
        self,
        values: Sequence[bytes | None],
        keys: Sequence[bytes | None],
        partitions: NDArray[np.int64],
        offsets: NDArray[np.int64],
        timestamps: NDArray[np.int64],
        row: Callable[[int], Message],
        headers: Callable[[], Iterable[Headers | None]] | None = None,
    ) -> None:
        self.values = values
        self.keys = keys
        self.partitions = partitions
        self.offsets = offsets
        self.timestamps = timestamps
        self._row = row
        self._headers = headers

    @classmethod
    def of(cls, messages: Sequence[Message]) -> MessageColumns:
        """Messages as columns; themselves, if they are."""
        if isinstance(messages, MessageColumns):
            return messages
        return cls(
            [message.value for message in messages],
            [message.key for message in messages],
            np.array([message.partition for message in messages], np.int64),
            np.array([message.offset for message in messages], np.int64),
            np.array([message.timestamp for message in messages], np.int64),
            messages.__getitem__,
            lambda: [getattr(message, "headers", None) for message in messages],
        )

    def __len__(self) -> int:
        return len(self.values)

    @overload
    def __getitem__(self, index: int) -> Message: ...

    @overload
    def __getitem__(self, index: slice) -> Sequence[Message]: ...

    def __getitem__(self, index: int | slice) -> Message | Sequence[Message]:
        found = range(len(self))[index]
        return self._row(found) if isinstance(found, int) else [self._row(row) for row in found]

    def headers(self) -> Iterable[Headers | None]:
        """Those of each message; no message is made for it where nobody has any."""
        return (getattr(message, "headers", None) for message in self) if self._headers is None else self._headers()

    def take(self, rows: Sequence[int]) -> MessageColumns:
        """Some of them, by number; all, where there are as many numbers."""
        if len(rows) == len(self):
            return self
        chosen = np.asarray(rows, np.intp)
        return MessageColumns(
            [self.values[row] for row in rows],
            [self.keys[row] for row in rows],
            self.partitions[chosen],
            self.offsets[chosen],
            self.timestamps[chosen],
            lambda row: self._row(int(chosen[row])),
        )

    def by_partition(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """The offsets of each partition."""
        if not len(self):
            return
        first = int(self.partitions[0])
        if len(self) == 1 or (self.partitions == first).all():
            yield first, self.offsets
            return
        for part in np.unique(self.partitions).tolist():
            yield part, self.offsets[self.partitions == part]


def dead_letter(message: Message, stage: str, error: Exception) -> DeadLetter:
    """What is left of a message that failed.

    Args:
        message: the message; its headers are kept where it has any.
        stage: what was tried: ``decode``, ``score``, ``model`` or ``control``.
        error: why it failed.
    """
    return DeadLetter(
        value=message.value,
        key=message.key,
        topic=message.topic,
        partition=message.partition,
        offset=message.offset,
        stage=stage,
        error=type(error).__name__,
        reason=str(error),
        headers=tuple(getattr(message, "headers", None) or ()),
    )


def letter_of(gap: Gap) -> DeadLetter:
    """What is left of messages that could not even be taken out of their batch."""
    return DeadLetter(
        gap.value, None, gap.topic, gap.partition, gap.start, "read", "UnreadableBatch", str(gap), cut=True
    )
