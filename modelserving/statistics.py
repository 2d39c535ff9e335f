"""How long scoring takes: one histogram that feeds HTTP, widgets and metrics alike.

Percentiles come from an HdrHistogram (three significant digits from a nanosecond to a minute, in constant memory);
count, sum, minimum and maximum are kept beside it exactly, because people check them by hand.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import Self

from hdrh.histogram import HdrHistogram

_LONGEST_NS = 60_000_000_000


@dataclass(frozen=True, slots=True)
class StatisticsSnapshot:
    """Statistics at one moment; all times in nanoseconds, all zero when nothing was counted.

    Args:
        count: how many records.
        sum_ns: all their times together.
        min_ns: the shortest.
        max_ns: the longest.
        p50_ns: half of them took at most this.
        p90_ns: nine in ten took at most this.
        p99_ns: ninety-nine in a hundred took at most this.
    """

    count: int = 0
    sum_ns: int = 0
    min_ns: int = 0
    max_ns: int = 0
    p50_ns: int = 0
    p90_ns: int = 0
    p99_ns: int = 0

    @property
    def mean_ns(self) -> float:
        """The mean, nanoseconds; 0 when nothing was counted."""
        return self.sum_ns / self.count if self.count else 0.0


class Statistics:
    """A histogram of durations. Any thread may record, any thread may look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._histogram = HdrHistogram(1, _LONGEST_NS, 3)
        self._count = self._sum = self._min = self._max = 0

    def record(self, duration_ns: int, count: int = 1) -> None:
        """Count ``count`` records that took ``duration_ns`` each. A duration below 1 ns counts as 1 ns."""
        if count < 1:
            return
        duration_ns = max(1, duration_ns)
        with self._lock:
            self._histogram.record_value(min(duration_ns, _LONGEST_NS), count)
            self._min = min(self._min, duration_ns) if self._count else duration_ns
            self._count += count
            self._sum += duration_ns * count
            self._max = max(self._max, duration_ns)

    def snapshot(self) -> StatisticsSnapshot:
        """What was counted so far."""
        with self._lock:
            if not self._count:
                return StatisticsSnapshot()
            # "Nine in ten took at most this" wants the rank rounded up; left alone, the histogram takes the nearest.
            shares = [100 * -(-self._count * percent // 100) / self._count for percent in (50, 90, 99)]
            found = self._histogram.get_percentile_to_value_dict(shares)
            p50, p90, p99 = (max(self._min, min(int(found[share]), self._max)) for share in shares)
            return StatisticsSnapshot(self._count, self._sum, self._min, self._max, p50, p90, p99)

    def encode(self) -> str:
        """All that was counted so far, as a line of text from which ``decode`` makes it again."""
        with self._lock:
            histogram = self._histogram.encode().decode("ascii")
            return json.dumps([self._count, self._sum, self._min, self._max, histogram])

    @classmethod
    def decode(cls, text: str) -> Self:
        """What was counted when ``encode`` wrote this; counting goes on from there.

        Raises:
            ValueError: ``encode`` did not write this.
        """
        made = cls()
        try:
            made._count, made._sum, made._min, made._max, histogram = json.loads(text)
            made._histogram.decode_and_add(histogram)
        except Exception as error:  # the library says what it does not like in many ways
            raise ValueError(f"{text[:40]!r} are no statistics: {error}") from error
        return made

    def merge(self, other: Statistics) -> None:
        """Count what another has counted, too. The other is not changed, and must not be counting meanwhile."""
        if not other._count:
            return
        with self._lock:
            self._histogram.add(other._histogram)
            self._min = min(self._min, other._min) if self._count else other._min
            self._count += other._count
            self._sum += other._sum
            self._max = max(self._max, other._max)
