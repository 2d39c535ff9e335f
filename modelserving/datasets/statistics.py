"""What is published about red and white *vinho verde*: the figures from which our own wines are drawn.

Source:
    P. Cortez, A. Cerdeira, F. Almeida, T. Matos, J. Reis: "Modeling wine preferences by data mining from
    physicochemical properties", Decision Support Systems 47(4), 547-553, 2009, doi:10.1016/j.dss.2009.05.016.

Minimum and maximum are those of its Table 1, to more digits where they are commonly reported with more, and the shares
of the grades are those of its histograms. Means to so many digits, quartiles and correlations are not in the paper:
they are the ones that the many public analyses of the same wines report. The 1st, 5th, 95th and 99th percentiles are
ours, round numbers with which the means come out. All figures are **approximate**. None was computed from a data file
for this project.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelserving.records import FEATURES

LEVELS = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
"""The shares of wines that lie below the nine figures of a ``Marginal``."""


@dataclass(frozen=True, slots=True)
class Marginal:
    """How one measurement is spread.

    Args:
        decimals: to how many decimals it is written down.
        mean: its mean, against which our draws are checked.
        quantiles: at ``LEVELS``, from minimum to maximum, in the measurement's own unit.
    """

    decimals: int
    mean: float
    quantiles: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Influence:
    """A bend in how quality depends on the measurements: the product of two of them, or the square of one.

    Args:
        first: a field of the record.
        second: another one, or the same.
        weight: of the product of the two, both as normal scores; only ratios between weights matter.
    """

    first: str
    second: str
    weight: float


@dataclass(frozen=True, slots=True)
class WineStatistics:
    """All that is needed to draw wines of one kind.

    Args:
        marginals: one for each of ``FEATURES``, in that order.
        correlation_rows: the correlation matrix above its diagonal, row by row; the last column is the quality.
        grades: how many wines have which quality, lowest quality first.
        bends: the part of quality that no straight line explains.
        bent_share: the share of the quality's variance that the bends make.
    """

    marginals: tuple[Marginal, ...]
    correlation_rows: tuple[tuple[float, ...], ...]
    grades: tuple[tuple[int, int], ...]
    bends: tuple[Influence, ...]
    bent_share: float

    def correlations(self) -> NDArray[np.float64]:
        """The whole correlation matrix, shape ``(12, 12)``: the eleven measurements, then the quality."""
        size = len(FEATURES) + 1
        matrix = np.eye(size)
        for row, values in enumerate(self.correlation_rows):
            matrix[row, row + 1 :] = matrix[row + 1 :, row] = values
        return matrix


RED = WineStatistics(
    marginals=(
        Marginal(1, 8.32, (4.6, 5.2, 6.1, 7.1, 7.9, 9.2, 11.8, 13.3, 15.9)),
        Marginal(2, 0.528, (0.12, 0.19, 0.27, 0.39, 0.52, 0.64, 0.84, 1.02, 1.58)),
        Marginal(2, 0.271, (0.0, 0.0, 0.0, 0.09, 0.26, 0.42, 0.60, 0.70, 1.0)),
        Marginal(1, 2.54, (0.9, 1.4, 1.6, 1.9, 2.2, 2.6, 5.1, 8.3, 15.5)),
        Marginal(3, 0.0875, (0.012, 0.042, 0.054, 0.070, 0.079, 0.090, 0.126, 0.36, 0.611)),
        Marginal(0, 15.9, (1.0, 3.0, 4.0, 7.0, 14.0, 21.0, 35.0, 50.0, 72.0)),
        Marginal(0, 46.5, (6.0, 8.0, 11.0, 22.0, 38.0, 62.0, 112.0, 145.0, 289.0)),
        Marginal(5, 0.99675, (0.99007, 0.9918, 0.9936, 0.9956, 0.99675, 0.99784, 1.0, 1.0018, 1.00369)),
        Marginal(2, 3.31, (2.74, 2.93, 3.06, 3.21, 3.31, 3.40, 3.57, 3.70, 4.01)),
        Marginal(2, 0.658, (0.33, 0.42, 0.47, 0.55, 0.62, 0.73, 0.93, 1.26, 2.0)),
        Marginal(1, 10.42, (8.4, 9.0, 9.2, 9.5, 10.2, 11.1, 12.5, 13.4, 14.9)),
    ),
    correlation_rows=(
        (-0.26, 0.67, 0.11, 0.09, -0.15, -0.11, 0.67, -0.68, 0.18, -0.06, 0.12),
        (-0.55, 0.00, 0.06, -0.01, 0.08, 0.02, 0.23, -0.26, -0.20, -0.39),
        (0.14, 0.20, -0.06, 0.04, 0.36, -0.54, 0.31, 0.11, 0.23),
        (0.06, 0.19, 0.20, 0.36, -0.09, 0.01, 0.04, 0.01),
        (0.01, 0.05, 0.20, -0.27, 0.37, -0.22, -0.13),
        (0.67, -0.02, 0.07, 0.05, -0.07, -0.05),
        (0.07, -0.07, 0.04, -0.21, -0.19),
        (-0.34, 0.15, -0.50, -0.17),
        (-0.20, 0.21, -0.06),
        (0.09, 0.25),
        (0.48,),
    ),
    grades=((3, 10), (4, 53), (5, 681), (6, 638), (7, 199), (8, 18)),
    bends=(
        Influence("alcohol", "sulphates", 1.0),
        Influence("alcohol", "volatile_acidity", -0.8),
        Influence("sulphates", "sulphates", -0.5),
        Influence("pH", "pH", -0.4),
    ),
    bent_share=0.35,
)
"""Red wine; 1,599 wines were measured and tasted."""

WHITE = WineStatistics(
    marginals=(
        Marginal(1, 6.85, (3.8, 5.1, 5.6, 6.3, 6.8, 7.3, 8.3, 9.4, 14.2)),
        Marginal(2, 0.278, (0.08, 0.12, 0.15, 0.21, 0.26, 0.32, 0.46, 0.63, 1.10)),
        Marginal(2, 0.334, (0.0, 0.04, 0.17, 0.27, 0.32, 0.39, 0.54, 0.74, 1.66)),
        Marginal(1, 6.39, (0.6, 0.9, 1.1, 1.7, 5.2, 9.9, 15.7, 18.8, 65.8)),
        Marginal(3, 0.0458, (0.009, 0.021, 0.027, 0.036, 0.043, 0.050, 0.067, 0.157, 0.346)),
        Marginal(0, 35.3, (2.0, 6.0, 11.0, 23.0, 34.0, 46.0, 63.0, 81.0, 289.0)),
        Marginal(0, 138.4, (9.0, 60.0, 80.0, 108.0, 134.0, 167.0, 212.0, 241.0, 440.0)),
        Marginal(5, 0.99403, (0.98711, 0.9886, 0.9896, 0.99172, 0.99374, 0.9961, 0.999, 1.0004, 1.03898)),
        Marginal(2, 3.19, (2.72, 2.88, 2.96, 3.09, 3.18, 3.28, 3.46, 3.59, 3.82)),
        Marginal(2, 0.490, (0.22, 0.29, 0.34, 0.41, 0.47, 0.55, 0.71, 0.83, 1.08)),
        Marginal(1, 10.51, (8.0, 8.6, 9.0, 9.5, 10.4, 11.4, 12.7, 13.4, 14.2)),
    ),
    correlation_rows=(
        (-0.02, 0.29, 0.09, 0.02, -0.05, 0.09, 0.27, -0.43, -0.02, -0.12, -0.11),
        (-0.15, 0.06, 0.07, -0.10, 0.09, 0.03, -0.03, -0.04, 0.07, -0.19),
        (0.09, 0.11, 0.09, 0.12, 0.15, -0.16, 0.06, -0.08, -0.01),
        (0.09, 0.30, 0.40, 0.84, -0.19, -0.03, -0.45, -0.10),
        (0.10, 0.20, 0.26, -0.09, 0.02, -0.36, -0.21),
        (0.62, 0.29, 0.00, 0.06, -0.25, 0.01),
        (0.53, 0.00, 0.13, -0.45, -0.17),
        (-0.09, 0.07, -0.78, -0.31),
        (0.16, 0.12, 0.10),
        (-0.02, 0.05),
        (0.44,),
    ),
    grades=((3, 20), (4, 163), (5, 1457), (6, 2198), (7, 880), (8, 175), (9, 5)),
    bends=(
        Influence("free_sulfur_dioxide", "free_sulfur_dioxide", -1.0),
        Influence("alcohol", "volatile_acidity", -0.8),
        Influence("residual_sugar", "alcohol", 0.6),
        Influence("citric_acid", "citric_acid", -0.4),
    ),
    bent_share=0.45,
)
"""White wine; 4,898 wines were measured and tasted."""
