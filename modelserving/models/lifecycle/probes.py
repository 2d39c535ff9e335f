"""Records to try a model with: golden ones, usual ones of its schema, or made-up ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from modelserving.errors import ModelCheckError, ModelInputError
from modelserving.models.formats.inputs import find_columns
from modelserving.models.model import Model, columns_of
from modelserving.records import Column, ColumnType, Golden, RecordSchema
from modelserving.records.schema import match_names

_MADE_UP: Mapping[ColumnType, Any] = {ColumnType.BOOLEAN: True, ColumnType.STRING: ""}


@dataclass(frozen=True, slots=True)
class Probes:
    """Records that were never measured.

    Args:
        records: a ``pyarrow.RecordBatch`` with what the model reads.
        usual: whether all values are usual ones, so that a good model answers each of them.
    """

    records: Any
    usual: bool


def find_probes(model: Model, data_type: str, schemas: Sequence[RecordSchema]) -> Probes:
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
