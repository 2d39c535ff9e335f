"""Statistics, against exact computation."""

from __future__ import annotations

import math
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.statistics import Statistics, StatisticsSnapshot

MINUTE = 60_000_000_000
durations = st.lists(
    st.tuples(st.integers(1, 10_000) | st.integers(1, MINUTE), st.integers(1, 5)), min_size=1, max_size=60
)


def recorded(*pairs: tuple[int, int]) -> StatisticsSnapshot:
    statistics = Statistics()
    for duration, count in pairs:
        statistics.record(duration, count)
    return statistics.snapshot()


@given(durations)
def test_figures_agree_with_exact_computation(pairs: list[tuple[int, int]]) -> None:
    """Count, sum, minimum, maximum and mean are exact; percentiles are within one in a thousand."""
    seen = recorded(*pairs)
    every = sorted(duration for duration, count in pairs for _ in range(count))
    assert (seen.count, seen.sum_ns, seen.min_ns, seen.max_ns) == (len(every), sum(every), every[0], every[-1])
    assert seen.mean_ns == sum(every) / len(every)
    for found, percent in ((seen.p50_ns, 50), (seen.p90_ns, 90), (seen.p99_ns, 99)):
        exact = every[math.ceil(len(every) * percent / 100) - 1]
        assert abs(found - exact) <= exact / 1000


def test_nothing_counted_is_all_zero() -> None:
    """Before the first record there is no smallest time of a minute, and no division by zero."""
    assert Statistics().snapshot() == StatisticsSnapshot(0, 0, 0, 0, 0, 0, 0)
    assert Statistics().snapshot().mean_ns == 0.0


@pytest.mark.parametrize("duration", [0, -5])
def test_a_duration_below_one_nanosecond_counts_as_one(duration: int) -> None:
    """A clock that stood still is not an error, and a minimum of 0 would say that nothing was measured."""
    assert recorded((duration, 2)) == StatisticsSnapshot(2, 2, 1, 1, 1, 1, 1)


def test_a_duration_above_a_minute_is_kept_exactly_where_that_is_promised() -> None:
    """The histogram ends at a minute; count, sum, minimum and maximum do not."""
    seen = recorded((2 * MINUTE, 1), (3 * MINUTE, 1))
    assert (seen.sum_ns, seen.min_ns, seen.max_ns) == (5 * MINUTE, 2 * MINUTE, 3 * MINUTE)
    assert seen.min_ns <= seen.p50_ns <= seen.p99_ns <= seen.max_ns


def test_no_records_change_nothing() -> None:
    """A batch in which nothing was scored has a time but no record that took it."""
    assert recorded((1, 0), (MINUTE, 0)) == StatisticsSnapshot()
    assert recorded((500, 3), (1, 0), (MINUTE, 0)) == recorded((500, 3))


class Slow(int):
    """A duration in whose sum another thread gets its turn."""

    def __mul__(self, other: int) -> int:
        time.sleep(0.0005)
        return int(self) * other


def test_threads_that_record_at_once_lose_nothing() -> None:
    """Every record of every thread is counted, and a look in between never sees half of one."""
    statistics = Statistics()

    def record(_: int) -> None:
        for _ in range(50):
            statistics.record(Slow(7), 2)

    def look(_: int) -> None:
        seen = statistics.snapshot()
        while seen.count < 4 * 50 * 2:
            assert seen.sum_ns == 7 * seen.count
            seen = statistics.snapshot()

    with ThreadPoolExecutor(5) as pool:
        watching = pool.submit(look, 0)
        list(pool.map(record, range(4)))
        watching.result()
    seen = statistics.snapshot()
    assert (seen.count, seen.sum_ns, seen.min_ns, seen.max_ns) == (400, 2_800, 7, 7)


def counting(*pairs: tuple[int, int]) -> Statistics:
    statistics = Statistics()
    for duration, count in pairs:
        statistics.record(duration, count)
    return statistics


@given(durations, durations)
def test_what_is_written_and_read_goes_on_as_if_nothing_had_been(
    before: list[tuple[int, int]], after: list[tuple[int, int]]
) -> None:
    """A restart loses no count and bends no percentile."""
    heir = Statistics.decode(counting(*before).encode())
    for duration, count in after:
        heir.record(duration, count)
    assert heir.snapshot() == recorded(*before, *after)


@given(durations | st.just([]), durations | st.just([]))
def test_two_that_are_merged_are_one_that_counted_all(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    """Also when one of them, or both, have counted nothing."""
    merged = counting(*one)
    merged.merge(counting(*other))
    assert merged.snapshot() == recorded(*one, *other)


@pytest.mark.parametrize("text", ["", "{}", "[]", '[1, 2, 3, 4, "?"]', "[1, 2, 3, 4, 5]"])
def test_what_are_no_statistics_is_refused(text: str) -> None:
    """Whatever somebody has put in their place."""
    with pytest.raises(ValueError, match="are no statistics"):
        Statistics.decode(text)
