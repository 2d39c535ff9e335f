"""From what an engine of tensors answers to scores: numbers, indices, labels."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelserving.errors import ScoringError
from modelserving.models.formats.inputs import unanswerable
from modelserving.models.model import Scores

_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


def read_answers(answers: NDArray[Any]) -> Scores:
    """The numbers, or labels, that a matrix of answers means.

    Args:
        answers: shape ``(n, k)``: one number or label for each record, or several numbers, of which the largest one's
            index is the answer.
    """
    if answers.dtype.kind in "OSU":
        return _read_labels(answers[:, 0])
    answers = answers.astype(np.float64)
    values = answers[:, 0].copy() if answers.shape[1] == 1 else answers.argmax(axis=1).astype(np.float64)
    unfit = ~np.isfinite(answers)
    rows = np.flatnonzero(unfit.any(axis=1))
    values[rows] = np.nan
    return Scores(values, {int(row): unanswerable(float(answers[row][unfit[row]][0])) for row in rows})


def read_run(names: Sequence[str], arrays: Sequence[NDArray[Any]], count: int) -> Scores:
    """The answers of one run of an engine; what it gave beside them has to have as many rows.

    Args:
        names: of the outputs, the answer's first.
        arrays: as many, each with a row for each record.
        count: how many records the engine was given.

    Raises:
        ScoringError: it gave another number of rows.
    """
    for name, array in zip(names, arrays, strict=True):
        if array.shape[:1] != (count,):
            given = array.shape[0] if array.ndim else "no"
            raise ScoringError(f"{count} records gave {given} answers ({name!r}).")
    return read_answers(arrays[0].reshape(count, -1))


def flatten(array: NDArray[Any]) -> NDArray[Any]:
    """A matrix of one column as that column; anything else as it is."""
    return array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array


def _read_labels(labels: NDArray[Any]) -> Scores:
    """Labels, and the numbers that they spell."""
    found, rows = np.unique(labels.astype(str), return_inverse=True)
    spelt = [float(label) if _NUMBER.fullmatch(label) else float("nan") for label in found]
    values: NDArray[np.float64] = np.where(np.isfinite(spelt), spelt, np.nan)[rows]
    return Scores(values, labels=found.astype(object)[rows])
