"""Wines to learn from, and wines to be examined with."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from modelserving.errors import RecordError
from modelserving.models.training import load_sample

LINE = "7.9;0.52;0.26;2.2;0.079;14;38;0.99675;3.31;0.62;{alcohol};{quality}\n"


def test_every_fourth_wine_is_held_out(tmp_path: Path) -> None:
    """No wine is both learned from and examined with, and the features keep their order."""
    file = tmp_path / "wines.csv"
    file.write_text("".join(LINE.format(alcohol=9 + n, quality=n) for n in range(8)), encoding="utf-8")

    sample = load_sample(file, "white")

    np.testing.assert_array_equal(np.flatnonzero(sample.held_out), [0, 4])
    np.testing.assert_array_equal(sample.answers, [1, 2, 3, 5, 6, 7])
    np.testing.assert_array_equal(sample.lessons[:, -1], [10, 11, 12, 14, 15, 16])
    np.testing.assert_array_equal(sample.features[0], [7.9, 0.52, 0.26, 2.2, 0.079, 14, 38, 0.99675, 3.31, 0.62, 9])
    assert {record.data_type for record in sample.records} == {"white"}


def test_wines_without_a_quality_cannot_be_learned_from(tmp_path: Path) -> None:
    """A file that lacks the last column is refused with the reason."""
    file = tmp_path / "wines.csv"
    file.write_text("7.9;0.52;0.26;2.2;0.079;14;38;0.99675;3.31;0.62;9.4\n", encoding="utf-8")

    with pytest.raises(RecordError, match="has no column for the quality"):
        load_sample(file, "wine")
