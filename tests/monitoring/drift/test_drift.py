"""What is drift and what is chance; no broker, three seeds: ``benchmarks/drift.py`` takes a hundred."""

from __future__ import annotations

import random

import pytest

from modelserving.client.drift import Drift, parse_drift
from modelserving.errors import ConfigError
from modelserving.monitoring.drift.columns import PREDICTION, Alarm, DriftWatch
from modelserving.monitoring.drift.detector import CategoryDetector, NumberDetector, detector_for
from tests.fakes import wine

SEEDS = (1, 2, 3)


def numbers(seed: int, count: int, mean: float = 10.0) -> list[float]:
    """Numbers by chance, of spread 2."""
    chance = random.Random(seed)
    return [chance.gauss(mean, 2.0) for _ in range(count)]


def grapes(seed: int, count: int, red: float) -> list[str]:
    """Grapes by chance."""
    chance = random.Random(seed)
    return ["red" if chance.random() < red else "white" for _ in range(count)]


@pytest.mark.parametrize("seed", SEEDS)
def test_chance_is_no_drift(seed: int) -> None:
    """Numbers and categories that stay as they are."""
    assert NumberDetector().add(numbers(seed, 3_000)) is None
    assert CategoryDetector().add(grapes(seed, 3_000, 0.4)) is None


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mean_that_moves_is_seen(seed: int) -> None:
    """Half a spread, within four hundred records, with what it was and what it is."""
    detector = NumberDetector()
    assert detector.add(numbers(seed, 1_500)) is None
    shift = detector.add(numbers(seed + 10, 400, 11.0))
    assert shift is not None
    assert 1_500 < shift.at <= 1_900
    assert float(shift.before.removeprefix("mean ")) == pytest.approx(10, abs=0.4)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_share_that_moves_is_seen(seed: int) -> None:
    """Of a category; one that nobody knew before is seen, too."""
    detector = CategoryDetector()
    assert detector.add(grapes(seed, 1_500, 0.4)) is None
    assert detector.add(grapes(seed + 10, 400, 0.7)) is not None
    newcomer = CategoryDetector()
    newcomer.add(grapes(seed, 1_500, 0.4))
    shift = newcomer.add(["orange"] * 100)
    assert shift is not None


def test_what_is_no_number_is_passed_over() -> None:
    """Missing values, NaN and infinity neither alarm nor end anything; what never changes has no spread."""
    assert NumberDetector().add([5.0, None, float("nan"), float("inf"), "five"] * 500) is None


@pytest.mark.parametrize("far", [1e200, 1.7e308])
def test_numbers_of_any_size_are_watched(far: float) -> None:
    """Their sum and their squares are no numbers any more: one such record would end the watching."""
    assert NumberDetector().add([far, -far, 5.0, *[far] * 500] * 2) is None


def test_numbers_and_categories_are_told_apart() -> None:
    """Numbers alone are numbers; truth is a category, and so are labels of which some spell a number."""
    found = [type(detector_for(values)) for values in ([None, 1], [2.5], ["a"], [True], [None], [3.0, "high"])]
    assert found == [NumberDetector] * 2 + [CategoryDetector] * 4


def test_an_alarm_stands_until_what_is_new_is_usual() -> None:
    """Whoever looks later sees it still; then it goes."""
    heard: list[Alarm] = []
    watch = DriftWatch(on_alarm=heard.append, clock=lambda: 7)
    watch.add_records("wine", {"alcohol": numbers(1, 1_500), "pH": numbers(2, 1_500)})
    watch.add_records("wine", {"alcohol": numbers(3, 500, 12.0), "pH": numbers(4, 500)})
    assert [(one.column, one.time_ms) for one in heard] == [("alcohol", 7)]
    assert watch.alarms() == {("wine", "alcohol"): heard[0], ("wine", "pH"): None}
    assert "alcohol for wine drifts: mean" in str(heard[0])
    for seed in range(12):
        watch.add_records("wine", {"alcohol": numbers(20 + seed, 500, 12.0)})
    assert watch.alarms()["wine", "alcohol"] is None
    assert watch.counts()["wine", "alcohol"][0] == 8_000


def test_a_new_model_is_no_drift() -> None:
    """It answers differently from its first record on; its own answers are watched from there."""
    heard: list[Alarm] = []
    watch = DriftWatch(on_alarm=heard.append)
    watch.add_answers("wine", "tree", numbers(1, 1_500))
    watch.add_answers("wine", "forest", numbers(2, 1_500, 14.0))
    assert heard == []
    watch.add_answers("wine", "forest", numbers(3, 500, 10.0))
    assert [(one.column, one.model) for one in heard] == [(PREDICTION, "forest")]


def test_the_client_lets_a_column_drift_on_purpose() -> None:
    """From the record on that was said."""
    drift = parse_drift("alcohol+1.5@2000")
    assert drift == Drift("alcohol", 1.5, 2_000)
    assert [drift.apply(wine(alcohol=9.0), number).alcohol for number in (1_999, 2_000)] == [9.0, 10.5]
    assert parse_drift("fixed acidity-2") == Drift("fixed_acidity", -2.0, 0)


@pytest.mark.parametrize(("said", "told"), [("alcohol", "is no drift"), ("colour+1", "no column 'colour'")])
def test_what_is_no_drift_is_refused(said: str, told: str) -> None:
    """With what there is."""
    with pytest.raises(ConfigError, match=told):
        parse_drift(said)
