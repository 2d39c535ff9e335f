"""How good a model is, and records whose answers are known."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from modelserving.models.training.sample import Sample
from modelserving.models.training.trained import Trained
from modelserving.records import Golden

TOLERANCE = 1e-6
"""How far a serving engine's answer to a golden record may be from that of the library which trained the model."""

_MOST_GOLDEN = 5
_DECIMALS = 9


def measure(sample: Sample, trained: Trained) -> Mapping[str, float]:
    """Compare a model with the tasters, on the wines that it did not learn from.

    Returns:
        ``accuracy``, the share of wines whose rounded answer is the quality; ``mae``, the mean absolute error; ``r2``,
        the share of the variance that is explained; and, as the ``baseline_...`` of the first two, those of who has
        learned nothing but the most frequent quality (accuracy) or the mean (error). The baseline of ``r2`` is 0.
    """
    truth = sample.quality[sample.held_out].astype(np.float64)
    answers = trained.predictions[sample.held_out]
    mean, most_frequent = sample.answers.mean(), np.bincount(sample.answers).argmax()
    metrics = {
        "accuracy": _share(np.rint(answers) == truth),
        "baseline_accuracy": _share(truth == most_frequent),
        "mae": float(np.abs(answers - truth).mean()),
        "baseline_mae": float(np.abs(mean - truth).mean()),
        "r2": float(1.0 - ((answers - truth) ** 2).sum() / ((truth - truth.mean()) ** 2).sum()),
    }
    return {name: round(value, 4) for name, value in metrics.items()}


def choose_golden(sample: Sample, trained: Trained) -> tuple[Golden, ...]:
    """Choose up to five wines that the model did not learn from: for each grade that it gives, the one it is surest of.

    A sure answer does not tip over when an engine computes with fewer bits.
    """
    candidates = np.flatnonzero(sample.held_out)
    grades = np.rint(trained.predictions[candidates])
    chosen = [_surest(candidates[grades == grade], trained) for grade in np.unique(grades)]
    surest_first = sorted(chosen, key=lambda row: -trained.certainty[row])[:_MOST_GOLDEN]
    return tuple(
        Golden(sample.records[row], round(float(trained.predictions[row]), _DECIMALS)) for row in sorted(surest_first)
    )


def _surest(rows: NDArray[np.intp], trained: Trained) -> int:
    return int(rows[np.argmax(trained.certainty[rows])])


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean())
