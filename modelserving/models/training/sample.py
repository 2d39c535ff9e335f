"""Wines to learn from, and wines to be examined with."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modelserving.errors import RecordError, SetupError
from modelserving.records import FEATURES, WineRecord, read_wines

_HELD_OUT = 4
"""One wine in so many is kept from training. The wines are drawn in no order, so any fourth one does."""


@dataclass(frozen=True, slots=True, eq=False)
class Sample:
    """The wines of one file.

    Args:
        file: where they came from.
        records: the ``n`` wines.
        features: shape ``(n, 11)``, the measurements in the order of ``FEATURES``.
        quality: shape ``(n,)``, whole numbers.
        held_out: shape ``(n,)``, true for the wines that no model may learn from.
    """

    file: Path
    records: tuple[WineRecord, ...]
    features: NDArray[np.float64]
    quality: NDArray[np.int64]
    held_out: NDArray[np.bool_]

    @property
    def lessons(self) -> NDArray[np.float64]:
        """Measurements of the wines to learn from."""
        return self.features[~self.held_out]

    @property
    def answers(self) -> NDArray[np.int64]:
        """Quality of the wines to learn from."""
        return self.quality[~self.held_out]


def load_sample(file: Path, data_type: str) -> Sample:
    """Read the wines of a file.

    Args:
        file: a wine file with the quality in its last column.
        data_type: the data type of its records.

    Raises:
        SetupError: there is no such file.
        RecordError: it cannot be read, or a wine has no quality.
    """
    if not file.is_file():
        raise SetupError(f"{file} is missing. Make it with `modelserving data make`.")
    wines = list(read_wines(file, data_type))
    graded = [quality for _, quality in wines if quality is not None]
    if len(graded) < len(wines):
        raise RecordError(f"{file} has no column for the quality, so that nothing can be learned from it.")
    records = tuple(record for record, _ in wines)
    return Sample(
        file=file,
        records=records,
        features=np.array([[getattr(record, name) for name in FEATURES] for record in records]),
        quality=np.array(graded).astype(np.int64),
        held_out=np.arange(len(records)) % _HELD_OUT == 0,
    )
