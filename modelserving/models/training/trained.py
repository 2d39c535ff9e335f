"""What training leaves behind."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from modelserving.records import ModelType


@dataclass(frozen=True, slots=True, eq=False)
class Trained:
    """A model that was trained and exported, with what its own library says about the wines.

    Args:
        type: the format.
        data: the bytes.
        predictions: shape ``(n,)``: what scikit-learn or Keras answers for all wines of the sample, and what the engine
            that serves must answer too.
        certainty: shape ``(n,)``: how far the answer is from another one. For a classifier, the best probability
            minus the second best; for a regression, the same number everywhere.
        parameters: how it was trained, for people to read.
    """

    type: ModelType
    data: bytes
    predictions: NDArray[np.float64]
    certainty: NDArray[np.float64]
    parameters: Mapping[str, str]
