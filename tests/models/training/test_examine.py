"""How good a model is, and which records travel with it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modelserving.models.training import Sample
from modelserving.models.training.examine import choose_golden, measure
from modelserving.models.training.trained import Trained
from modelserving.records import ModelType, WineRecord

RECORDS = tuple(WineRecord(float(n), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) for n in range(12))


def _sample(quality: list[int], held_out: list[int]) -> Sample:
    flags = np.isin(np.arange(len(quality)), held_out)
    return Sample(Path(), RECORDS[: len(quality)], np.zeros((len(quality), 11)), np.array(quality), flags)


def _trained(predictions: list[float], certainty: list[float] | None = None) -> Trained:
    sure = np.array(certainty) if certainty else np.ones(len(predictions))
    return Trained(ModelType.PMML, b"", np.array(predictions), sure, {})


def test_only_wines_that_were_not_learned_from_are_measured() -> None:
    """Answers to the wines of the training, however wrong, change no figure."""
    sample = _sample([5, 5, 5, 9, 4, 6], held_out=[4, 5])

    assert measure(sample, _trained([0, 0, 0, 0, 4, 6])) == measure(sample, _trained([9, 9, 9, 9, 4, 6]))


def test_figures_are_those_of_the_definitions() -> None:
    """By hand: qualities 4, 6, 8 answered with 4.4, 6.6, 8; learned from 5, 5, 8."""
    figures = measure(_sample([5, 5, 8, 4, 6, 8], held_out=[3, 4, 5]), _trained([0, 0, 0, 4.4, 6.6, 8.0]))

    assert figures == {
        "accuracy": pytest.approx(2 / 3, abs=1e-4),
        "baseline_accuracy": 0.0,
        "mae": pytest.approx(1.0 / 3, abs=1e-4),
        "baseline_mae": pytest.approx((2 + 0 + 2) / 3, abs=1e-4),
        "r2": pytest.approx(1 - (0.16 + 0.36) / 8, abs=1e-4),
    }


def test_golden_is_the_surest_unseen_wine_of_each_grade() -> None:
    """One wine for each grade that the model gives, none from the training, in the order of the file."""
    sample = _sample([5] * 6, held_out=[1, 2, 3, 4, 5])
    trained = _trained([5, 6, 5, 5, 7, 6], certainty=[9.0, 0.1, 0.2, 0.7, 0.3, 0.4])

    golden = choose_golden(sample, trained)

    assert [(g.record, g.expected) for g in golden] == [(RECORDS[3], 5), (RECORDS[4], 7), (RECORDS[5], 6)]


def test_no_more_than_five_golden_records_travel() -> None:
    """Of many grades, the ones of which the model is surest."""
    sample = _sample([5] * 8, held_out=list(range(8)))
    trained = _trained(list(range(8)), certainty=[0.1, 0.9, 0.2, 0.8, 0.3, 0.7, 0.4, 0.6])

    assert [g.expected for g in choose_golden(sample, trained)] == [1, 3, 5, 6, 7]


def test_an_expected_answer_has_nine_decimals() -> None:
    """The last bits differ between processors, and would change the catalog from machine to machine."""
    (golden,) = choose_golden(_sample([5], held_out=[0]), _trained([5.1234567894999]))

    assert golden.expected == 5.123456789
