"""From single scores to a snapshot."""

from __future__ import annotations

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from modelserving.records import ScoredRecord
from modelserving.widgets.stage.snapshot import WINDOW_S, Condition, StageSnapshot
from modelserving.widgets.stage.tally import StageTally

_NOW = 1_800_000_000_000_000_000
_MS = 1_000_000


def _scored(
    offset: int,
    model: str = "a",
    *,
    partition: int = 0,
    prediction: float = 5.0,
    age_ms: int = 1000,
    latency_ms: int = 10,
) -> ScoredRecord:
    at = _NOW - age_ms * _MS
    return ScoredRecord(
        "wine", prediction, model, "1", f"digest-{model}", partition, offset, 1000, at, at // _MS - latency_ms
    )


def _look(tally: StageTally) -> StageSnapshot:
    return tally.snapshot(_NOW, Condition.RUNNING, None)


def test_a_swap_is_noted_at_the_first_record_of_the_new_model() -> None:
    """The snapshot names the partition and offset from which on another model scored."""
    tally = StageTally()
    tally.add([_scored(0, "a"), _scored(1, "a"), _scored(2, "b"), _scored(3, "b")])
    snapshot = _look(tally)
    assert [(swap.partition, swap.offset, snapshot.models[swap.model].name) for swap in snapshot.swaps] == [(0, 2, "b")]
    assert snapshot.model is not None
    assert snapshot.model.name == "b"


def test_the_first_model_is_no_swap() -> None:
    """A model that replaces nothing is not counted as a swap."""
    tally = StageTally()
    tally.add([_scored(0)])
    assert _look(tally).swap_count == 0


def test_a_model_that_comes_back_is_the_same_model() -> None:
    """Name, version and digest make a model; it keeps its colour when it returns, and the return is a swap."""
    tally = StageTally()
    tally.add([_scored(0, "a"), _scored(1, "b"), _scored(2, "a")])
    snapshot = _look(tally)
    assert ([model.name for model in snapshot.models], snapshot.swap_count) == (["a", "b"], 2)


@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abc"))))
def test_swaps_are_counted_partition_by_partition(scores: list[tuple[int, str]]) -> None:
    """Results of several partitions may be read in turns; that alone is no swap."""
    tally = StageTally()
    tally.add(_scored(offset, model, partition=partition) for offset, (partition, model) in enumerate(scores))
    expected = 0
    for number in range(3):
        models = [model for partition, model in scores if partition == number]
        expected += sum(before != after for before, after in pairwise(models))
    assert _look(tally).swap_count == expected


def test_counts_go_on_when_the_picture_is_full() -> None:
    """Every score is counted, while the points to draw stay at some hundreds."""
    tally = StageTally()
    tally.add(_scored(n, prediction=n % 700 / 100, age_ms=20_000 - n // 5) for n in range(100_000))
    snapshot = _look(tally)
    assert snapshot.scored == 100_000
    assert 100 <= len(snapshot.points) <= 1000


def test_a_batch_scored_in_one_moment_is_seen_in_its_breadth() -> None:
    """Scores of one moment are one column of points, a point for each value."""
    tally = StageTally()
    tally.add(_scored(n, prediction=4 + n % 3) for n in range(50))
    assert sorted({point.prediction for point in _look(tally).points}) == [4, 5, 6]


def test_old_points_leave_the_picture() -> None:
    """A point older than the window is not drawn any more; it stays counted."""
    tally = StageTally()
    tally.add([_scored(0, age_ms=int(WINDOW_S * 1000) + 1), _scored(1, age_ms=1)])
    assert (len(_look(tally).points), _look(tally).scored) == (1, 2)


def test_a_score_that_is_no_number_is_counted_and_not_drawn() -> None:
    """The stage sends no such score; whoever else does, the picture survives."""
    tally = StageTally()
    tally.add([_scored(0, prediction=math.nan), _scored(1, prediction=math.inf)])
    assert (_look(tally).scored, _look(tally).points) == (2, ())


def test_latency_is_the_time_from_publishing_to_score() -> None:
    """Half of the records took at most the median, 99 of 100 at most the 99th percentile."""
    tally = StageTally()
    tally.add(_scored(n, latency_ms=n + 1) for n in range(100))
    snapshot = _look(tally)
    assert (snapshot.latency_p50_ms, snapshot.latency_p99_ms) == (50, 99)


def test_a_clock_that_went_back_gives_no_negative_latency() -> None:
    """A record from the future took no time."""
    tally = StageTally()
    tally.add([_scored(0, latency_ms=-5)])
    assert _look(tally).latency_p50_ms == 0


def test_a_flood_of_models_costs_no_memory() -> None:
    """Whoever sends thousands of models does not make the view grow."""
    tally = StageTally()
    tally.add(_scored(n, f"m{n}") for n in range(5_000))
    snapshot = _look(tally)
    assert snapshot.swap_count == 4_999
    assert len(snapshot.models) <= 64
    assert snapshot.model is not None
    assert snapshot.model.name == "m4999"
