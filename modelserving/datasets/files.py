"""Wine files, in the form of the original: a header, ``;`` between columns, the quality last."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from modelserving.errors import RecordError
from modelserving.records import FEATURES
from modelserving.system import write_atomically

HEADER = ";".join((*FEATURES, "quality"))
"""The first line of each wine file."""


def write_table(target: Path, table: NDArray[np.float64], decimals: Sequence[int]) -> None:
    """Write wines to a file.

    Args:
        target: the file; it is replaced in one step, so that no reader sees half of it.
        table: shape ``(n, 12)``: measurements in the order of ``FEATURES``, then the quality.
        decimals: for each of the eleven measurements; the quality has none.

    Raises:
        RecordError: the file cannot be written.
    """
    places = (*decimals, 0)
    write_lines(target, [";".join(f"{v:.{p}f}" for v, p in zip(row, places, strict=True)) for row in table])


def write_lines(target: Path, lines: Sequence[str]) -> None:
    """Write a header and the lines, with one line feed after each on every system.

    Raises:
        RecordError: the file cannot be written.
    """
    try:
        write_atomically(target, "\n".join((HEADER, *lines, "")))
    except OSError as error:
        raise RecordError(f"cannot write wine records to {target}: {error}.") from error
