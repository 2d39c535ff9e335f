"""Wines drawn from published statistics."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from modelserving.datasets import RED_WINES, WINE_SETS, WineSet, draw_wines, make_datasets
from modelserving.records import FEATURES, read_wines

DATA = Path(__file__).resolve().parents[2] / "data"
LARGEST = 150_000

each_set = pytest.mark.parametrize("wines", WINE_SETS, ids=lambda wines: wines.data_type)


def _draw(wines: WineSet) -> NDArray[np.float64]:
    return draw_wines(wines.statistics, wines.rows, wines.seed)


@each_set
def test_the_committed_file_is_made_again_byte_for_byte(wines: WineSet, tmp_path: Path) -> None:
    """What lies in ``data/`` is what the code makes, on every system."""
    make_datasets(tmp_path)

    assert (tmp_path / wines.file).read_bytes() == (DATA / wines.file).read_bytes()
    assert (DATA / wines.file).stat().st_size < LARGEST


@each_set
def test_a_file_reads_back_as_what_was_drawn(wines: WineSet, tmp_path: Path) -> None:
    """Rounding happens before writing: no digit is lost on the way to the file and back."""
    make_datasets(tmp_path)

    read = [[*(getattr(r, name) for name in FEATURES), q] for r, q in read_wines(tmp_path / wines.file)]

    np.testing.assert_array_equal(np.array(read, dtype=np.float64), _draw(wines))


@each_set
def test_measurements_have_the_published_spread(wines: WineSet) -> None:
    """Minimum and maximum hold for every wine; mean and quartiles hold as nearly as 1,600 draws can."""
    table = _draw(wines)
    for column, marginal in enumerate(wines.statistics.marginals):
        values = table[:, column]
        lowest, *_, highest = marginal.quantiles
        published = np.array(marginal.quantiles[3:6])
        width = published[2] - published[0]
        assert lowest <= values.min(), FEATURES[column]
        assert values.max() <= highest, FEATURES[column]
        assert np.abs(np.quantile(values, (0.25, 0.5, 0.75)) - published).max() < 0.1 * width, FEATURES[column]
        assert abs(values.mean() - marginal.mean) < 0.15 * width, FEATURES[column]


@each_set
def test_measurements_are_correlated_as_published(wines: WineSet) -> None:
    """Dense wines are sweet, and strong wines are liked: the relations that the models live on are there."""
    found = np.asarray(np.corrcoef(_draw(wines).T))
    published = wines.statistics.correlations()

    assert np.abs(found - published).max() < 0.15
    assert np.abs(found - published).mean() < 0.04
    assert float(found[FEATURES.index("alcohol"), -1]) > 0.35


@each_set
def test_grades_have_the_published_shares(wines: WineSet) -> None:
    """Each grade is given as often as the tasters gave it, to within a wine or two."""
    qualities, counts = np.array(wines.statistics.grades).T
    expected = counts / counts.sum() * wines.rows

    given = [int((_draw(wines)[:, -1] == quality).sum()) for quality in qualities]

    assert sum(given) == wines.rows
    assert np.abs(np.array(given) - expected).max() <= 2


@each_set
def test_free_sulfur_dioxide_is_a_part_of_the_total(wines: WineSet) -> None:
    """No wine has more free sulfur dioxide than sulfur dioxide."""
    table = _draw(wines)

    free, total = FEATURES.index("free_sulfur_dioxide"), FEATURES.index("total_sulfur_dioxide")

    assert (table[:, free] <= table[:, total]).all()


def test_another_seed_gives_other_wines() -> None:
    """The seed is what decides; nothing else is drawn from."""
    first, again, other = (draw_wines(RED_WINES.statistics, 20, seed) for seed in (1, 1, 2))

    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_each_file_is_reported(tmp_path: Path) -> None:
    """Who makes the data is told which file holds how many wines of which type."""
    said: list[str] = []

    files = make_datasets(tmp_path / "new" / "folder", said.append)

    assert [file.name for file in files] == ["wine_red.csv", "wine_white.csv"]
    assert [line.split(": ")[1] for line in said] == [
        "1600 wines of data type 'wine'",
        "1600 wines of data type 'white'",
    ]
