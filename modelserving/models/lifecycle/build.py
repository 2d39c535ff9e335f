"""From a descriptor to a model that is fit to serve: build, check, warm up. All of it away from the scoring path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from modelserving.datasets import default_schemas
from modelserving.errors import ModelCheckError, ScoringError
from modelserving.models.formats import factory
from modelserving.models.info import LoadedModel, ModelInfo
from modelserving.models.lifecycle.probes import Probes, find_probes, golden_batch, own_probes
from modelserving.models.model import Model, Scores
from modelserving.records import ModelDescriptor, RecordSchema
from modelserving.system.pacing import paced

Builder: TypeAlias = Callable[[ModelDescriptor], LoadedModel]
"""From a descriptor to a model that is fit to serve."""

_TOLERANCE = 1e-6
_WARM_UP_BATCH = 500
_WARM_UP_SCORES = 100
"""More make the first answers no faster, and disturb the scoring beside it for longer: `benchmarks/models.py`."""


def build_candidate(descriptor: ModelDescriptor, schemas: Sequence[RecordSchema] | None = None) -> LoadedModel:
    """Build the model that a descriptor describes, check it and warm it up.

    It must find what it reads in the records of its data type. Then it scores the golden records that travel with it;
    without any, it must answer each of the schema's examples, where the columns that it reads have some.

    Args:
        descriptor: with the model's bytes.
        schemas: that records are read by; ``None``: the workbook's own.

    Raises:
        ModelFormatError, ModelInputError, ModelRefused: it cannot be built.
        ModelCheckError: it was built, but answers wrongly or not at all.
    """
    with paced():
        model = factory.create(descriptor)
        try:
            probes = find_probes(model, descriptor.data_type, default_schemas() if schemas is None else schemas)
            _check(model, descriptor, probes)
            warm_up(model, probes.records)
        except BaseException:
            model.close()
            raise
    return LoadedModel(model, ModelInfo.of(descriptor))


def _check(model: Model, descriptor: ModelDescriptor, probes: Probes) -> None:
    golden = descriptor.golden
    records = golden_batch(golden, model) if golden else probes.records
    try:
        scores = model.score(records)
    except ScoringError as error:
        raise ModelCheckError(f"model {descriptor.name!r} failed on its golden records: {error}") from error
    if len(scores.values) != len(records):
        raise ModelCheckError(
            f"model {descriptor.name!r} gives {len(scores.values)} answers for {len(records)} golden records."
        )
    if scores.problems and (golden or probes.usual):
        row, reason = next(iter(scores.problems.items()))
        which = "golden record" if golden else "the schema's example"
        raise ModelCheckError(f"model {descriptor.name!r} gives no answer for {which} {row}: {reason}.")
    for row, one in enumerate(golden):
        _compare(descriptor, row, one.expected, scores)


def _compare(descriptor: ModelDescriptor, row: int, expected: float | str, scores: Scores) -> None:
    """A label must be the same; a number may be off by the tolerance, and a label that spells it will do."""
    label = None if scores.labels is None else scores.labels[row]
    value, tolerance = float(scores.values[row]), descriptor.tolerance or _TOLERANCE
    if isinstance(expected, str):
        if label != expected:
            raise ModelCheckError(
                f"model {descriptor.name!r} answers {f'{value:g}' if label is None else repr(label)} for golden record "
                f"{row}; {expected!r} was expected."
            )
    elif not abs(value - expected) <= tolerance:
        said = repr(label) if np.isnan(value) and label is not None else f"{value:g}"
        raise ModelCheckError(
            f"model {descriptor.name!r} answers {said} for golden record {row}; {expected:g} was expected, give or "
            f"take {tolerance:g}."
        )


def warm_up(model: Model, records: Any = None) -> None:
    """Engines compile while they run: the first answers would be slow, so they are given to nobody.

    Records are scored meanwhile, by another thread of this interpreter: every few answers it has it for itself. A model
    whose engine is somewhere else has nothing to warm here, and says so: ``needs_warm_up``.

    Args:
        model: that is to serve.
        records: a ``pyarrow.RecordBatch`` of such as will come, at least one; ``None``: made up.
    """
    if not getattr(model, "needs_warm_up", True):
        return
    one = (own_probes(model).records if records is None else records).slice(0, 1)
    model.score(one.take([0] * _WARM_UP_BATCH))
    for _ in range(_WARM_UP_SCORES):
        model.score(one)
