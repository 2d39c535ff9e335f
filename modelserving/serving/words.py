"""What an answer says in words: its label, where that is no number, and the outputs beside it, record by record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelserving.models.model import Scores
from modelserving.records.scored import Output


def read_words(scores: Scores) -> Iterator[tuple[str | None, tuple[tuple[str, Output], ...]]]:
    """For each record, its label and its outputs.

    A label that is just how its number is written is left to the number: ``5`` and ``-1.5`` are, ``05`` is not.
    """
    count = len(scores.values)
    labels: Iterable[str | None] = repeat(None, count)
    if scores.labels is not None:
        told = {label: _beyond_number(label) for label in set(scores.labels.tolist())}
        labels = [told[label] for label in scores.labels.tolist()]
    if not scores.outputs:
        return zip(labels, repeat(()), strict=False)
    columns = [[(name, value) for value in _values(column)] for name, column in scores.outputs.items()]
    return zip(labels, zip(*columns, strict=True), strict=True)


def _beyond_number(label: Any) -> str | None:
    if label is None:
        return None
    text = str(label)
    try:
        number = float(text)
    except ValueError:
        return text
    return None if text in {f"{number:g}", repr(number)} and np.isfinite(number) else text


def _values(column: NDArray[Any]) -> Sequence[Output]:
    """A value for each row: a number, a text, or a tuple of either; a text that is missing is empty."""
    flat = column.reshape(len(column), -1)
    if column.dtype.kind in "OSU":
        rows: list[Any] = [tuple("" if one is None else str(one) for one in row) for row in flat.tolist()]
    else:
        rows = [tuple(row) for row in flat.astype(np.float64).tolist()]
    return rows if flat.shape[1] != 1 else [row[0] for row in rows]
