"""From a descriptor to a model that is fit to serve: build, check, warm up. All of it away from the scoring path."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa

from modelserving.datasets import default_schemas
from modelserving.errors import ModelCheckError, ModelInputError, ScoringError
from modelserving.models.formats import factory
from modelserving.models.formats.inputs import find_columns
from modelserving.models.info import LoadedModel, ModelInfo
from modelserving.models.model import Model, Scores, columns_of, limit_texts
from modelserving.records import Column, ColumnType, Golden, ModelDescriptor, RecordSchema
from modelserving.records.schema import match_names
from modelserving.system.pacing import paced

Builder: TypeAlias = Callable[[ModelDescriptor], LoadedModel]
"""From a descriptor to a model that is fit to serve."""

_TOLERANCE = 1e-6
_WARM_UP_BATCH = 500
_WARM_UP_SCORES = 100
"""More make the first answers no faster, and disturb the scoring beside it for longer: `benchmarks/models.py`."""
_MADE_UP: Mapping[ColumnType, Any] = {ColumnType.BOOLEAN: True, ColumnType.STRING: ""}


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
            probes = _find_probes(model, descriptor.data_type, default_schemas() if schemas is None else schemas)
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
        scores = limit_texts(model.score(records))
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


@dataclass(frozen=True, slots=True)
class Probes:
    """Records that were never measured.

    Args:
        records: a ``pyarrow.RecordBatch`` with what the model reads.
        usual: whether all values are usual ones, so that a good model answers each of them.
    """

    records: Any
    usual: bool


def _find_probes(model: Model, data_type: str, schemas: Sequence[RecordSchema]) -> Probes:
    """Records as they will come: what the model reads, in the types of the schema that it will be fed by.

    Args:
        model: that is to be tried.
        data_type: of the records that it is to score.
        schemas: those that records are read by. If none can be of this data type, the model is tried by what it says.

    Raises:
        ModelInputError: records of this data type lack what the model reads, or have it in another type.
    """
    wrong: ModelInputError | None = None
    for schema in schemas:
        if not schema.may_be_of(data_type):
            continue
        try:
            indices = find_columns(columns_of(model), schema.to_arrow())
        except ModelInputError as error:
            wrong = error
        else:
            return _probes([schema.columns[index] for index in dict.fromkeys(indices)])
    if wrong is not None:
        raise wrong
    return own_probes(model)


def own_probes(model: Model) -> Probes:
    """Made-up records, by what the model says of its inputs."""
    return _probes(columns_of(model))


def golden_batch(golden: Sequence[Golden], model: Model) -> Any:
    """Golden records as a ``pyarrow.RecordBatch``.

    Raises:
        ModelCheckError: values of one name are of types that do not go together.
    """
    rows = [one.values for one in golden]
    types = {column.name: column.type.arrow for column in columns_of(model)}
    names = dict.fromkeys(name for row in rows for name in row)
    meant = match_names(names, types)
    arrays = {}
    for name in names:
        values = [row.get(name) for row in rows]
        missing = all(value is None for value in values)
        try:
            arrays[name] = pa.array(values, types.get(meant.get(name, name), pa.string()) if missing else None)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise ModelCheckError(f"golden records have no column of {name!r}: {error}.") from error
    return pa.RecordBatch.from_pydict(arrays)


def _probes(columns: Sequence[Column]) -> Probes:
    count = max((len(column.examples) for column in columns), default=1) or 1
    usual = all(column.examples for column in columns)
    arrays = [pa.array([_value(column, row) for row in range(count)], column.type.arrow) for column in columns]
    schema = pa.schema([pa.field(column.name, column.type.arrow, column.nullable) for column in columns])
    if not columns:
        return Probes(pa.RecordBatch.from_pydict({"nothing": [0.0]}), usual)
    return Probes(pa.RecordBatch.from_arrays(arrays, schema=schema), usual)


def _value(column: Column, row: int) -> Any:
    if column.examples:
        return column.examples[row % len(column.examples)]
    return _MADE_UP.get(column.type, 1)
