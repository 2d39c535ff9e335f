"""From a descriptor to a model that is fit to serve: build, check, warm up. All of it away from the scoring path."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

import numpy as np

from modelserving.errors import ModelCheckError, ScoringError
from modelserving.models.formats import factory
from modelserving.models.info import LoadedModel, ModelInfo
from modelserving.models.model import Model
from modelserving.records import ModelDescriptor, WineRecord

__all__ = ["PROBES", "Builder", "build_candidate", "warm_up"]

Builder: TypeAlias = Callable[[ModelDescriptor], LoadedModel]
"""From a descriptor to a model that is fit to serve."""

_TOLERANCE = 1e-6
_WARM_UP_SCORES = 500
_WARM_UP_BATCH = 500
_IN_A_ROW, _REST_S = 10, 0.001

PROBES = (
    WineRecord(7.9, 0.52, 0.26, 2.2, 0.079, 14.0, 38.0, 0.99675, 3.31, 0.62, 10.2),
    WineRecord(7.1, 0.39, 0.09, 1.9, 0.070, 7.0, 22.0, 0.99560, 3.40, 0.73, 11.1),
    WineRecord(9.2, 0.64, 0.42, 2.6, 0.090, 21.0, 62.0, 0.99784, 3.21, 0.55, 9.5),
)
"""Ordinary red wines, made up: what a model must be able to answer when it brings no golden records of its own."""


def build_candidate(descriptor: ModelDescriptor) -> LoadedModel:
    """Build the model that a descriptor describes, check it and warm it up.

    The check scores the golden records that travel with the model; without any, it asks for a finite number for each
    of ``PROBES``.

    Raises:
        ModelFormatError, ModelInputError, ModelRefused: it cannot be built.
        ModelCheckError: it was built, but answers wrongly or not at all.
    """
    model = factory.create(descriptor)
    try:
        _check(model, descriptor)
        warm_up(model)
    except BaseException:
        model.close()
        raise
    return LoadedModel(model, ModelInfo.of(descriptor))


def _check(model: Model, descriptor: ModelDescriptor) -> None:
    records = [golden.record for golden in descriptor.golden] or [
        replace(probe, data_type=descriptor.data_type) for probe in PROBES
    ]
    try:
        scores = model.score(records).as_numbers()
    except ScoringError as error:
        raise ModelCheckError(f"model {descriptor.name!r} failed on its golden records: {error}") from error
    if scores.problems:
        row, reason = next(iter(scores.problems.items()))
        raise ModelCheckError(f"model {descriptor.name!r} gives no number for golden record {row}: {reason}.")
    if len(scores.values) != len(records):
        raise ModelCheckError(
            f"model {descriptor.name!r} gives {len(scores.values)} answers for {len(records)} golden records."
        )
    if descriptor.golden:
        _compare(descriptor, scores.values)


def _compare(descriptor: ModelDescriptor, answers: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    tolerance = descriptor.tolerance or _TOLERANCE
    for row, (golden, answer) in enumerate(zip(descriptor.golden, answers, strict=True)):
        if not abs(answer - golden.expected) <= tolerance:
            raise ModelCheckError(
                f"model {descriptor.name!r} answers {answer:g} for golden record {row}; "
                f"{golden.expected:g} was expected, give or take {tolerance:g}."
            )


def warm_up(model: Model) -> None:
    """Engines compile while they run: the first answers would be slow, so they are given to nobody.

    Records are scored meanwhile, by another thread of this interpreter: every few answers it has it for itself.
    """
    model.score(PROBES[:1] * _WARM_UP_BATCH)
    for _ in range(_WARM_UP_SCORES // _IN_A_ROW):
        for _ in range(_IN_A_ROW):
            model.score(PROBES[:1])
        time.sleep(_REST_S)
