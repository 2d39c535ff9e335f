"""scikit-learn to ONNX, by skl2onnx."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from modelserving.errors import ModelFormatError, SetupError
from modelserving.records import FEATURES

_OPERATORS = {"": 21, "ai.onnx.ml": 3}
"""Versions of the operators: settled, so that a newer skl2onnx writes the same."""


def export_onnx(estimator: Any) -> bytes:
    """Write a trained estimator as ONNX; equal estimators are equal bytes.

    Its input is a matrix in single precision with one column for each of the eleven ``FEATURES``. Of a classifier it
    answers the label and, as a matrix, the probabilities.

    Args:
        estimator: a fitted scikit-learn estimator or pipeline over the eleven ``FEATURES``.

    Raises:
        SetupError: skl2onnx is not installed.
        ModelFormatError: skl2onnx cannot express this estimator.
    """
    return _export(estimator, "quality", [("wine", "FloatTensorType", len(FEATURES))])


def export_columns(estimator: Any, numbers: Sequence[str], texts: Sequence[str]) -> bytes:
    """The same for a pipeline over columns of several types, each of which is an input of its own.

    Args:
        estimator: a fitted scikit-learn pipeline whose first step finds columns by name.
        numbers: columns that are numbers, in single precision.
        texts: columns that are texts.

    Raises:
        As ``export_onnx``.
    """
    inputs = [(name, "FloatTensorType", 1) for name in numbers]
    return _export(estimator, "answer", [*inputs, *((name, "StringTensorType", 1) for name in texts)])


def _export(estimator: Any, name: str, inputs: Sequence[tuple[str, str, int]]) -> bytes:
    try:
        import skl2onnx
        from skl2onnx.common import data_types
        from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
    except ImportError as error:
        raise SetupError(
            f"training needs {error.name}, which is a tool of development and not installed. Run `make setup-dev`."
        ) from error
    try:
        model = skl2onnx.convert_sklearn(
            estimator,
            name=name,  # it would be drawn at random
            initial_types=[(one, getattr(data_types, kind)([None, width])) for one, kind, width in inputs],
            options={id(estimator): {"zipmap": False}} if hasattr(estimator, "predict_proba") else None,
            target_opset=_OPERATORS,
        )
    except (MissingConverter, MissingShapeCalculator, RuntimeError, NotImplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ModelFormatError(f"skl2onnx cannot write {estimator} as ONNX: {reason}") from error
    model.producer_version = ""  # of skl2onnx: no part of the model
    data: bytes = model.SerializeToString(deterministic=True)
    return data
