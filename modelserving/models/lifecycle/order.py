"""What was published and commanded, and the one order of it, whichever way and whenever the messages came.

The broker's time decides, and what a log or a command proves where a publisher's clock lied.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from operator import attrgetter, itemgetter
from typing import TypeAlias

from modelserving.records import ModelCommand, PartitionSeen

_UNDER_WAY_MS = 60_000


@dataclass(frozen=True, slots=True, order=True)
class LogPosition:
    """The position of a message in the one order of both topics.

    Args:
        timestamp_ms: the broker's time of it, milliseconds since 1970.
        rank: 0 for a model, 1 for a command, so that of the same millisecond the model comes first.
        partition: of its topic.
        offset: in the partition.
    """

    timestamp_ms: int
    rank: int
    partition: int
    offset: int


@dataclass(frozen=True, slots=True)
class ModelRef:
    """A model, by name instead of by bytes. Two are equal when a server need not tell them apart.

    Args:
        fingerprint: of all that its descriptor says.
        digest: SHA-256 of its bytes, as commands name it.
        position: of the message that has it; ``None``: it is in the repository.
    """

    fingerprint: str
    digest: str
    position: LogPosition | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Publication:
    """A model that was published; with ``shadow_percent`` more than 0, as a shadow."""

    position: LogPosition
    ref: ModelRef
    data_type: str
    shadow_percent: float


@dataclass(frozen=True, slots=True)
class CommandEvent:
    """A command that was given."""

    position: LogPosition
    command: ModelCommand

    @property
    def data_type(self) -> str:
        """Whose models it is about."""
        return self.command.data_type


Event: TypeAlias = Publication | CommandEvent


def in_order(arrived: Iterable[Event]) -> list[Event]:
    """The events by the broker's time of them; by what a log or a command proves, where a publisher's clock lied.

    Args:
        arrived: as they came. A topic that was made anew comes behind the one before it, and begins at 0 again.
    """
    models: dict[int, list[list[Event]]] = {}
    commands: dict[int, list[list[Event]]] = {}
    for event in arrived:
        logs = models if isinstance(event, Publication) else commands
        eras = logs.setdefault(event.position.partition, [])
        if not eras or _begins_anew(eras[-1][-1].position, event.position):
            eras.append([])
        eras[-1].append(event)
    there = {partition: [position for position, _ in _timed(eras[-1])][::-1] for partition, eras in models.items()}
    given = [pair for eras in commands.values() for log in eras for pair in _timed(log, partial(_overtaken, there))]
    lies = [
        (position.timestamp_ms, seen)
        for position, event in given
        if isinstance(event, CommandEvent)
        for seen in event.command.seen
        if seen.newest_ms > position.timestamp_ms  # else nothing changes
    ]
    published = [pair for eras in models.values() for log in eras for pair in _timed(log, partial(_known, lies))]
    return [event for _, event in sorted([*published, *given], key=itemgetter(0))]


def _begins_anew(before: LogPosition, position: LogPosition) -> bool:
    return position.offset <= before.offset and position.timestamp_ms > before.timestamp_ms


def _timed(
    log: Iterable[Event], proved: Callable[[Event], Iterable[int]] = lambda _: ()
) -> Iterator[tuple[LogPosition, Event]]:
    """When each was published: no later than what comes behind it in the log, nor than is proved otherwise."""
    by_ms: float = float("inf")
    for event in sorted(log, key=lambda event: event.position.offset, reverse=True):
        by_ms = min(by_ms, event.position.timestamp_ms, *proved(event))
        yield replace(event.position, timestamp_ms=int(by_ms)), event


def _overtaken(models: Mapping[int, Sequence[LogPosition]], event: Event) -> Iterator[int]:
    """By when a command was given at the latest: before the models that came after its giver had looked.

    One may come while a command is under way: only times that are further apart than that are a clock that lies.
    """
    for seen in event.command.seen if isinstance(event, CommandEvent) else ():
        positions = models.get(seen.partition, ())
        first = bisect_left(positions, seen.end, key=attrgetter("offset"))
        for position in positions[first : first + 1]:
            if event.position.timestamp_ms - position.timestamp_ms > _UNDER_WAY_MS:
                yield position.timestamp_ms - 1


def _known(lies: Iterable[tuple[int, PartitionSeen]], event: Event) -> Iterator[int]:
    """By when a model was published at the latest: before the commands whose givers had seen it."""
    return (told_ms for told_ms, seen in lies if _covers(seen, event.position))


def _covers(seen: PartitionSeen, position: LogPosition) -> bool:
    """Whether a message was there then; one that is stamped later is of a topic that was made anew since."""
    here = seen.partition == position.partition and position.offset < seen.end
    return here and position.timestamp_ms <= seen.newest_ms
