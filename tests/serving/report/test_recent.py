"""What was answered just now."""

from __future__ import annotations

import numpy as np

from modelserving.records import ScoredColumns, ScoredRun
from modelserving.serving.report.recent import Recent, percentile, sample


def run(
    count: int, data_type: str = "wine", model: str = "m", label: str | None = None, score: float = 5.0
) -> ScoredRun:
    """Answers of one model, each two milliseconds after its record was published."""
    numbers = np.arange(count)
    words = [(label, ())] * count if label is not None else ()
    return ScoredRun(
        (data_type, model, "1", "d", 9, 3_000_000),
        np.full(count, score),
        numbers,
        numbers,
        np.ones(count, np.int64),
        words,
    )


def test_a_large_batch_leaves_as_much_as_a_small_one() -> None:
    """At even distances, whether answers are columns or one by one; and nothing of the batch itself."""
    large = ScoredColumns([run(900), run(100, model="other")])
    runs = sample(large)
    assert sum(map(len, runs)) <= 34
    assert [one.offsets[1] for one in runs] == [32, 32]
    assert all(column.base is None for one in runs for column in (one.predictions, one.published_ms))
    singly = [one.offsets.tolist() for one in sample(tuple(large))]
    assert singly == [runs[0].offsets.tolist(), [28, 60, 92]]
    assert sample(()) == ()


def test_it_tells_of_the_last_seconds() -> None:
    """Scores that are numbers, and latencies, by data type; what is older is forgotten, but for the labels' counts."""
    now = [100.0]
    recent = Recent(lambda: now[0])
    recent.add([run(2), run(1, score=float("nan"), label="good"), run(3, "hire", "h")])
    found = recent.look()
    assert [*found] == ["hire", "wine"]
    assert found["wine"].scores.tolist() == [5.0, 5.0]
    assert found["wine"].latencies_ms.tolist() == [2.0, 2.0, 2.0]
    assert (found["wine"].model, found["wine"].labels) == ("m 1", {"good": 1})
    now[0] += 2.1
    later = recent.look()["wine"]
    assert (len(later.scores), later.labels) == (0, {"good": 1})


def test_it_does_not_grow() -> None:
    """However many data types and labels there are."""
    recent = Recent()
    recent.add(run(1, f"type{number}") for number in range(40))
    recent.add(run(1, label=f"label{number}") for number in range(600))
    found = recent.look()
    assert len(found) == 16
    assert len(found["wine"].labels) == 17
    assert found["wine"].labels["other"] == 584
    assert len(found["wine"].scores) == 256


def test_percentiles_are_values_that_were_there() -> None:
    """The smallest value that so many do not exceed."""
    assert percentile(np.arange(1.0, 101.0), 0.99) == 99.0
    assert percentile(np.array([7.0]), 0.5) == 7.0
    assert percentile(np.empty(0), 0.5) is None
