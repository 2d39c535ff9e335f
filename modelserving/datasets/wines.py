"""Wines that nobody ever drank: drawn with a fixed seed from what is published about real ones.

How a wine comes about:

1. Twelve independent normal numbers are drawn: eleven for the measurements, one for the tasters' mood.
2. Eleven of them are mixed, so that they are correlated as the measurements are (a *Gaussian copula*).
3. Each is bent to the spread of its measurement by its published quantiles, and rounded as laboratories round.
4. How much a wine is liked is the sum of three parts: a linear one, whose weights follow from the published
   correlations of the quality; a bent one, of squares and products, which a tree finds and a line does not; and the
   mood. Then the wines are cut into grades with the published shares.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from modelserving.datasets.files import write_table
from modelserving.datasets.statistics import LEVELS, RED, WHITE, WineStatistics
from modelserving.records import FEATURES

_TAIL = 3.5
"""Normal score at which the published minimum and maximum are reached: about one wine in 4,300."""


@dataclass(frozen=True, slots=True)
class WineSet:
    """One file of wines.

    Args:
        file: its name.
        data_type: the data type under which its records travel.
        statistics: from which they are drawn.
        rows: how many.
        seed: of the random numbers.
    """

    file: str
    data_type: str
    statistics: WineStatistics
    rows: int
    seed: int


RED_WINES = WineSet("wine_red.csv", "wine", RED, rows=1600, seed=2009)
"""Red wines, the main data of the workbook."""

WHITE_WINES = WineSet("wine_white.csv", "white", WHITE, rows=1600, seed=2010)
"""White wines, the second data type."""

WINE_SETS = (RED_WINES, WHITE_WINES)

RECORD_FILES = {wines.data_type: wines.file for wines in WINE_SETS}
"""The file of each data type, in the data folder."""


def make_datasets(folder: Path, report: Callable[[str], None] = lambda _: None) -> tuple[Path, ...]:
    """Write all wine files; the same bytes each time, on every system.

    Args:
        folder: where to; made if it does not exist.
        report: is called with a line of text for each file.

    Returns:
        The files, in the order of ``WINE_SETS``.

    Raises:
        RecordError: a file cannot be written.
    """
    return tuple(_make_dataset(wines, folder, report) for wines in WINE_SETS)


def draw_wines(statistics: WineStatistics, rows: int, seed: int) -> NDArray[np.float64]:
    """Draw wines.

    Args:
        statistics: what they should be like.
        rows: how many.
        seed: equal seeds give equal wines.

    Returns:
        Shape ``(rows, 12)``: the measurements in the order of ``FEATURES``, rounded, then the quality.
    """
    size = len(FEATURES)
    correlations = statistics.correlations()
    drawn = np.random.Generator(np.random.PCG64(seed)).standard_normal((rows, size + 1))
    scores = drawn[:, :size] @ np.linalg.cholesky(correlations[:size, :size]).T
    quality = _grade(statistics, _appeal(statistics, correlations, scores, drawn[:, size]))
    return np.column_stack((_measurements(statistics, scores), quality))


def _make_dataset(wines: WineSet, folder: Path, report: Callable[[str], None]) -> Path:
    table = draw_wines(wines.statistics, wines.rows, wines.seed)
    target = folder / wines.file
    write_table(target, table, [marginal.decimals for marginal in wines.statistics.marginals])
    report(f"{target}: {len(table)} wines of data type {wines.data_type!r}")
    return target


def _measurements(statistics: WineStatistics, scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Bend normal scores to the published spreads; shape ``(n, 11)`` in and out."""
    knots = [-_TAIL, *(NormalDist().inv_cdf(level) for level in LEVELS[1:-1]), _TAIL]
    columns = [
        np.round(np.interp(scores[:, index], knots, marginal.quantiles), marginal.decimals)
        for index, marginal in enumerate(statistics.marginals)
    ]
    free, total = FEATURES.index("free_sulfur_dioxide"), FEATURES.index("total_sulfur_dioxide")
    # The free part of the sulfur dioxide is a part of all of it. Two correlated draws do not know that.
    columns[total] = np.maximum(columns[total], columns[free])
    return np.column_stack(columns)


def _appeal(
    statistics: WineStatistics,
    correlations: NDArray[np.float64],
    scores: NDArray[np.float64],
    mood: NDArray[np.float64],
) -> NDArray[np.float64]:
    """How well each wine is liked: mean 0, variance 1, shape ``(n,)``."""
    size = len(FEATURES)
    among, with_quality = correlations[:size, :size], correlations[:size, size]
    weights = np.linalg.solve(among, with_quality)
    linear_share = float(weights @ with_quality)
    mood_share = 1.0 - linear_share - statistics.bent_share
    bent = np.sqrt(statistics.bent_share) * _bent_part(statistics, among, scores)
    liked: NDArray[np.float64] = scores @ weights + bent + np.sqrt(mood_share) * mood
    return liked


def _bent_part(
    statistics: WineStatistics, among: NDArray[np.float64], scores: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The products and squares: mean 0, variance 1, shape ``(n,)``. Scores are symmetric, so no line finds them."""
    form = np.zeros_like(among)
    for bend in statistics.bends:
        first, second = FEATURES.index(bend.first), FEATURES.index(bend.second)
        form[first, second] += bend.weight / 2
        form[second, first] += bend.weight / 2
    mixed = form @ among
    values = np.einsum("ni,ij,nj->n", scores, form, scores) - np.trace(mixed)
    scaled: NDArray[np.float64] = values / np.sqrt(2.0 * np.trace(mixed @ mixed))
    return scaled


def _grade(statistics: WineStatistics, appeal: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut appeal into grades with the published shares; shape ``(n,)`` in and out."""
    qualities, counts = np.array(statistics.grades, dtype=np.float64).T
    thresholds = np.quantile(appeal, np.cumsum(counts)[:-1] / counts.sum())
    graded: NDArray[np.float64] = qualities[np.searchsorted(thresholds, appeal)]
    return graded
