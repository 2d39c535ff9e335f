"""Which offsets were never scored, since the broker let them go before: retention, deleted records, a topic made anew.

Offsets jump for good reasons, too: marks of transactions, what was aborted, what was compacted. A jump is a loss as far
as the broker has nothing left where it began. So each jump is noted when it is seen, and judged at the next look at the
broker. One book for all servers: it needs to know what was read, not how.

The offset of a batch is covered by no checksum, and clients believe it: Java's always, librdkafka where that batch is
the last one of an answer. What jumps for no reason that is known here is looked into (``find_misread``).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from modelserving.kafka.gaps import MARKS, Gap
from modelserving.kafka.messages import Message, MessageColumns

_CUT = "the broker has let them go before they were scored (retention, or deleted records)"
_MISREAD = (
    "the batch there says that it is elsewhere, its offset is damaged: its records were scored as others than they "
    "are, and what is behind it was passed over"
)
_MARK = 1
"""A jump of one is a transaction's mark, and not looked into; up to ``MARKS`` once in a partition, if all is well."""
_LOOKED_INTO = 3
"""So many jumps at each look; of many more, the last ones."""
_BEHIND = "the topic ends before the place that was read to: it was made anew, or cut. Reading goes on at its beginning"


_Jump = tuple[int, int, int]
"""A partition, the offset that was expected, and the one that came."""


class OffsetAudit:
    """What was read of a topic, and what never can be. Any thread may call anything.

    Args:
        topic: the records' topic.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._lock = threading.Lock()
        self._next: dict[int, int] = {}
        self._jumps: list[_Jump] = []
        self._doubtful: deque[_Jump] = deque(maxlen=_LOOKED_INTO)
        self._marked = set[int]()
        self._behind: dict[int, int] = {}
        self._lost: dict[int, int] = {}

    @property
    def lost(self) -> Mapping[int, int]:
        """How many offsets were lost, by partition; only partitions with a loss."""
        with self._lock:
            return dict(self._lost)

    @property
    def positions(self) -> Mapping[int, int]:
        """Where reading goes on, by partition."""
        with self._lock:
            return dict(self._next)

    def read(self, messages: Sequence[Message], gaps: Collection[Gap] = ()) -> None:
        """Note what was read, in the order of offsets within each partition."""
        with self._lock:
            for gap in gaps:
                if gap.value is None:  # not even bytes are left; a session may read it again
                    new = gap.end - max(gap.start, self._next.get(gap.partition, gap.start))
                    self._lose(gap.partition, max(new, 0))
            found = [(gap.partition, gap.start, gap.end) for gap in gaps]
            for part, offsets in MessageColumns.of(messages).by_partition():
                found += [(part, start, end + 1) for start, end in _stretches(offsets)]
            for part, start, after in sorted(found) if gaps else found:
                self._pass(part, start, after)

    def look(
        self,
        starts: Mapping[int, int],
        ends: Mapping[int, int],
        committed: Mapping[int, int],
        positions: Mapping[int, int] | None = None,
    ) -> tuple[Gap, ...]:
        """Judge what was noted by what the broker has.

        Args:
            starts: the first offset that is left, by partition.
            ends: the offset of the next record, by partition.
            committed: where the group goes on, by partition, as far as it has committed.
            positions: what ``positions`` said before the broker was asked: reading goes on meanwhile, and what came by
                then may be behind the ends, and jump over what is before the starts now. None: nothing was read since.

        Returns:
            What is lost, and was not told yet.
        """
        with self._lock:
            read = self._next if positions is None else positions
            jumps = [jump for jump in self._jumps if _was_read(jump, read)]
            self._jumps = [jump for jump in self._jumps if not _was_read(jump, read)]
            self._doubtful += [(part, at, to) for part, at, to in jumps if self._is_doubtful(part, at, to, starts)]
            found = [Gap(self._topic, part, at, min(to, starts.get(part, 0)), _CUT) for part, at, to in jumps]
            for part, start in starts.items():
                found += self._settle(part, start, ends.get(part, start), committed.get(part, 0), read.get(part, 0))
            told = tuple(gap for gap in found if gap.count or gap.reason == _BEHIND)
            for gap in told:
                self._lose(gap.partition, gap.count)
        return told

    def find_misread(self, find: Callable[[int, int], object]) -> Iterator[Gap]:
        """Look into jumps of the last looks: what was read as something else than it is, and what was not for that.

        Args:
            find: tells what is at an offset of a partition: a gap, where it cannot be read as what it says.
        """
        while self._doubtful:
            with self._lock:
                part, start, end = self._doubtful.popleft()
            if isinstance(found := find(part, start), Gap) and found.start < end:
                with self._lock:
                    self._lose(part, end - start)
                yield Gap(self._topic, part, start, end, _MISREAD)
            elif end - start <= MARKS:
                self._marked.add(part)

    def _is_doubtful(self, part: int, at: int, to: int, starts: Mapping[int, int]) -> bool:
        believed = MARKS if part in self._marked else _MARK
        return starts.get(part, 0) <= at < to - believed

    def _lose(self, part: int, count: int) -> None:
        if count:
            self._lost[part] = self._lost.get(part, 0) + count

    def _settle(self, part: int, start: int, end: int, committed: int, before: int) -> list[Gap]:
        """One partition. What is read at this moment is not noted yet: a loss is believed when it is seen twice."""
        is_new = part not in self._next
        if (before := max(before, committed)) > end:
            self._next[part] = start
            return [Gap(self._topic, part, before, before, _BEHIND)]
        at = max(self._next.get(part, 0), committed)
        if start > at and (is_new or self._behind.get(part) == at):
            self._next[part] = start
            return [Gap(self._topic, part, at, start, _CUT)]
        self._next[part] = at
        self._behind[part] = at
        if start <= at:
            self._behind.pop(part)
        return []

    def _pass(self, part: int, first: int, after: int) -> None:
        expected = self._next.get(part, first)
        if first > expected:
            self._jumps.append((part, expected, first))
        self._next[part] = max(expected, after)


def _was_read(jump: _Jump, positions: Mapping[int, int]) -> bool:
    """Whether what a jump led to had been read when these were the positions."""
    part, _, to = jump
    return to < positions.get(part, 0)


def _stretches(offsets: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """The first and the last offset of each stretch without a gap; mostly there is one."""
    if offsets[-1] - offsets[0] + 1 == len(offsets):
        yield int(offsets[0]), int(offsets[-1])
        return
    ends = np.flatnonzero(np.diff(offsets) != 1)
    yield from zip(offsets[[0, *(ends + 1)]].tolist(), offsets[[*ends, -1]].tolist(), strict=True)
