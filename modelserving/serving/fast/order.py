"""Whether messages are where they say that they were read.

The offset of a batch is covered by no checksum, and librdkafka believes it: of a batch with a damaged one, records are
handed out as others than they are. It shows where the next batch goes back, or where the log does not go so far.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from modelserving.kafka.messages import MessageColumns


class Doubt(NamedTuple):
    """What cannot be in one partition.

    Args:
        certain: so many messages that were read before it are beyond doubt.
        offset: behind them.
    """

    certain: int
    offset: int


class OffsetOrder:
    """Follows the offsets of each partition. Jumps by themselves are well: marks of transactions, and deletions."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}

    def expect(self, part: int, offset: int) -> None:
        """Say where a partition is read on."""
        self._next[part] = offset

    def check(
        self, columns: MessageColumns, begin_of: Callable[[int], int], end_of: Callable[[int], int]
    ) -> Mapping[int, Doubt]:
        """See which partitions have something that cannot be; the others go on behind what was read.

        Args:
            columns: what was read.
            begin_of: tells where a partition was begun, if nobody said that, and nothing was read there before.
            end_of: tells where the log of a partition ends; 0 if that is not known.

        Returns:
            What is in doubt, by partition.
        """
        wrong = dict[int, Doubt]()
        for part, offsets in columns.by_partition():
            expected = self._next.get(part)
            count = _certain(offsets, int(offsets[0]) if expected is None else expected, end_of, part)
            if count == len(offsets):
                self._next[part] = int(offsets[-1]) + 1
            elif expected is None:
                wrong[part] = Doubt(0, begin_of(part))
            else:
                wrong[part] = Doubt(count, int(offsets[count - 1]) + 1 if count else expected)
        return wrong

    @staticmethod
    def before(columns: MessageColumns, wrong: Mapping[int, Doubt]) -> list[int]:
        """The numbers of the messages that are beyond doubt."""
        rows = np.arange(len(columns))
        doubtful = [rows[columns.partitions == part][doubt.certain :] for part, doubt in wrong.items()]
        return np.delete(rows, np.concatenate(doubtful)).tolist() if doubtful else rows.tolist()


def _certain(offsets: NDArray[np.int64], expected: int, end_of: Callable[[int], int], part: int) -> int:
    """How many are beyond doubt: all, or those before the first jump."""
    steps = np.diff(offsets, prepend=expected - 1)
    if (steps == 1).all() or ((steps > 0).all() and not 0 < end_of(part) <= offsets[-1]):
        return len(offsets)
    return int(np.argmax(steps != 1))
