"""What flows into the stage, and what flows out of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

from modelserving.kafka.dead_letters import DeadLetter
from modelserving.kafka.gaps import Gap
from modelserving.kafka.messages import Message, MessageColumns, letter_of
from modelserving.models.info import LoadedModel
from modelserving.models.lifecycle.shadow import ShadowWork
from modelserving.records import ScoredRecord

PartitionKey = tuple[str, int]
"""A topic and a partition of it."""


@dataclass(frozen=True, slots=True)
class Batch:
    """What one poll returned.

    Args:
        messages: of one topic, in the order of their offsets within each partition; ``MessageColumns`` where they come
            from a topic.
        group: kafka-python's metadata of the consumer group in which they were polled; ``None`` outside Kafka. With it
            the broker refuses results of a partition that has gone to another server meanwhile.
        gaps: what was passed over, since it could not be read.
    """

    messages: Sequence[Message]
    group: object | None = None
    gaps: Sequence[Gap] = ()

    @property
    def positions(self) -> dict[PartitionKey, int]:
        """For each partition, the offset to go on from when this batch is done."""
        found = dict[PartitionKey, int]()
        if self.messages:
            topic, messages = self.messages[0].topic, MessageColumns.of(self.messages)
            found = {(topic, partition): int(offsets[-1]) + 1 for partition, offsets in messages.by_partition()}
        for gap in self.gaps:
            key = gap.topic, gap.partition
            found[key] = max(found.get(key, 0), gap.end)
        return found

    @property
    def letters(self) -> tuple[DeadLetter, ...]:
        """What is left of the gaps."""
        return tuple(letter_of(gap) for gap in self.gaps)


@dataclass(frozen=True, slots=True)
class ModelShare:
    """How long one model worked on one batch.

    Args:
        served: the model.
        count: records that it scored.
        each_ns: nanoseconds for each of them.
    """

    served: LoadedModel
    count: int
    each_ns: int


@dataclass(frozen=True, slots=True)
class ScoredBatch:
    """What became of a batch: every message of it is scored, dead or skipped.

    Args:
        scored: the answers; ``ScoredColumns`` where there are many.
        keys: the key of each scored record's message, in the order of ``scored``.
        dead: messages that could not be decoded or scored, with the reason.
        skipped: how many records found no model.
        skipped_types: their data types.
        positions: for each partition, the offset to go on from once this batch is safe.
        shares: which model worked how long.
        group: as in ``Batch``.
        shadows: what shadows have to do when the answers are published.
        notes: headers for the message of each scored record, in the order of ``scored``; empty: none has any.
        on_commit: what is to be called when all of it is committed.
    """

    scored: Sequence[ScoredRecord] = ()
    keys: Sequence[bytes | None] = ()
    dead: tuple[DeadLetter, ...] = ()
    skipped: int = 0
    skipped_types: tuple[str, ...] = ()
    positions: Mapping[PartitionKey, int] = field(default_factory=lambda: MappingProxyType({}))
    shares: tuple[ModelShare, ...] = ()
    group: object | None = None
    shadows: tuple[ShadowWork, ...] = ()
    notes: tuple[list[tuple[str, bytes]], ...] = ()
    on_commit: tuple[Callable[[], None], ...] = ()

    def committed(self) -> None:
        """Say that it is committed."""
        for call in self.on_commit:
            call()
