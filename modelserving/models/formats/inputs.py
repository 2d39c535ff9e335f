"""From records to what an engine reads: columns by name and type, never by position."""

from __future__ import annotations

import math
import struct
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache
from itertools import starmap
from operator import attrgetter
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelserving.errors import ModelInputError
from modelserving.models.model import Records, Scores
from modelserving.records import FEATURES, Column, ColumnType
from modelserving.records.defaults import DEFAULT_SCHEMA, DefaultRecord
from modelserving.records.schema import match_names, spell, type_of

_DOUBLE = pa.float64()
_SCHEMAS = 32
"""How many kinds of records one model remembers."""


def to_batch(records: Records) -> Any:
    """Records as an Arrow record batch; dataclasses become one of ``DEFAULT_SCHEMA``."""
    if isinstance(records, pa.RecordBatch):
        return records
    matrix = FieldReader(FEATURES).read(records)
    arrays = [pa.array(column) for column in np.ascontiguousarray(matrix.T)]
    return pa.RecordBatch.from_arrays(arrays, schema=_default_schema())


def find_columns(wanted: Sequence[Column], schema: Any) -> tuple[int, ...]:
    """Where records have the columns that a model reads.

    A number may be of any type of number: what does not fit (a fraction for a whole number) is a problem of its row.
    A text may be written as a whole number or a boolean, since exporters call those categories, too.

    Args:
        wanted: by the model's own names; ``fixed acidity``, ``fixed.acidity`` and ``fixed_acidity`` are one.
        schema: a ``pyarrow.Schema``.

    Returns:
        For each of ``wanted``, the index of its column.

    Raises:
        ModelInputError: columns are missing, or of a type that does not fit; all of them are named.
    """
    exact = {name: index for index, name in enumerate(schema.names)}
    meant = match_names([column.name for column in wanted], exact)
    indices = [exact[meant[column.name]] if column.name in meant else None for column in wanted]
    missing = [repr(column.name) for column, index in zip(wanted, indices, strict=True) if index is None]
    if missing:
        raise ModelInputError(
            f"the model wants {', '.join(missing)}, which the records do not have. They have: {', '.join(exact)}."
        )
    found = [index for index in indices if index is not None]
    wrong = [
        f"{schema.names[index]!r} is {schema.field(index).type}, and it takes {column.type}"
        for column, index in zip(wanted, found, strict=True)
        if not _fits(column.type, type_of(schema.field(index).type))
    ]
    if wrong:
        raise ModelInputError(f"the records do not have the types that the model takes: {'; '.join(wrong)}.")
    return tuple(found)


class ColumnReader:
    """Finds the columns that a model reads, once for each kind of records.

    Args:
        columns: what the model reads, by its own names; one that is not ``nullable`` may not be missing.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self.columns = tuple(columns)
        self._indices: dict[Any, tuple[int, ...]] = {}

    def read(self, records: Records) -> list[Any]:
        """The ``pyarrow.Array`` of each of ``columns``, in their order and in the records' own type.

        Raises:
            ModelInputError: as ``find_columns``.
        """
        batch = to_batch(records)
        return [batch.column(index) for index in self.bind(batch.schema)]

    def bind(self, schema: Any) -> tuple[int, ...]:
        """Where records of this ``pyarrow.Schema`` have the columns; remembered.

        Raises:
            ModelInputError: as ``find_columns``.
        """
        indices = self._indices.get(schema)
        if indices is None:
            indices = find_columns(self.columns, schema)
            if len(self._indices) < _SCHEMAS:
                self._indices[schema] = indices
        return indices


def find_fields(names: Sequence[str]) -> tuple[str, ...]:
    """The fields that a model means by its inputs ``names``, in that order.

    Raises:
        ModelInputError: the records have no such field.
    """
    found = [(name, _find_field(name)) for name in names]
    missing = [repr(name) for name, field in found if field is None]
    if missing:
        raise ModelInputError(
            f"the model wants {', '.join(missing)}, which the records do not have. They have: {', '.join(FEATURES)}."
        )
    return tuple(field for _, field in found if field is not None)


class FieldReader:
    """Reads some fields of records into a matrix.

    Args:
        fields: names of the records' columns, in the order of the columns wanted.
        largest: the largest number that the engine can take.
        single_precision: fields to round to 32 bits.
        whole: fields that must be whole numbers.
    """

    def __init__(
        self,
        fields: Sequence[str],
        largest: float = sys.float_info.max,
        single_precision: Collection[str] = (),
        whole: Collection[str] = (),
    ) -> None:
        self.fields = tuple(fields)
        self._largest = largest
        self._single = [column for column, field in enumerate(fields) if field in single_precision]
        self._whole = [column for column, field in enumerate(fields) if field in whole]
        self._bound = ColumnReader([Column(field) for field in fields])
        self._row = struct.Struct(f"{len(self.fields)}d").pack
        self._get = attrgetter(*map(spell, self.fields)) if len(self.fields) > 1 else self._get_few
        self._found = False
        self._doubles: dict[tuple[int, ...], tuple[Any, bool]] = {}

    def read(self, records: Records) -> NDArray[np.float64]:
        """Shape ``(len(records), len(fields))``; NaN where a record holds something that is no number.

        Raises:
            ModelInputError: the records lack a field, or it holds no numbers.
        """
        matrix = self._pick(records)
        return self._round(matrix) if self._single else matrix

    def _pick(self, records: Records) -> NDArray[np.float64]:
        if isinstance(records, pa.RecordBatch):
            return self._stack(records)
        if not self._found:
            find_fields(self.fields)
            self._found = True
        try:
            matrix = np.frombuffer(b"".join(starmap(self._row, map(self._get, records))))
        except struct.error:
            matrix = np.array([_number(value) for record in records for value in self._get(record)])
        return matrix.reshape(len(records), len(self.fields))

    def _stack(self, batch: Any) -> NDArray[np.float64]:
        """Columns of numbers side by side; null becomes NaN."""
        schema = batch.schema
        indices = self._bound.bind(schema)
        doubles = self._doubles.get(indices)
        if doubles is None or (doubles[0] is not schema and not schema.equals(doubles[0])):
            types = schema.types
            doubles = self._doubles[indices] = schema, bool(indices) and all(types[at] == _DOUBLE for at in indices)
        if doubles[1]:  # all at once, in C++
            chosen = batch if indices == tuple(range(batch.num_columns)) else batch.select(indices)
            whole: NDArray[np.float64] = chosen.to_tensor(null_to_nan=True).to_numpy()
            return whole
        matrix = np.empty((len(batch), len(indices)))
        for column, index in enumerate(indices):
            matrix[:, column] = batch.column(index).to_numpy(zero_copy_only=False)
        return matrix

    def problems(self, matrix: NDArray[np.float64]) -> Mapping[int, str]:
        """For each row of ``matrix`` with a value that no engine should see, which field it is; in order."""
        fit = np.abs(matrix) <= self._largest  # false for NaN, too
        for column in self._whole:
            fit[:, column] &= matrix[:, column] == np.trunc(matrix[:, column])
        if fit.all():
            return {}
        found: dict[int, str] = {}
        for row, column in np.argwhere(~fit):
            value = float(matrix[row, column])
            found.setdefault(int(row), f"{self.fields[column]} is {value}, {self._complain(value)}")
        return found

    def _complain(self, value: float) -> str:
        if not math.isfinite(value):
            return "not a finite number"
        return "too large for this model" if abs(value) > self._largest else "and this model takes whole numbers only"

    def _round(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """With the columns of single precision rounded, infinite where that is too small for them."""
        with np.errstate(over="ignore"):
            if len(self._single) == len(self.fields):
                return matrix.astype(np.float32).astype(np.float64)  # the usual case; four times as fast
            rounded = matrix.copy()
            rounded[:, self._single] = rounded[:, self._single].astype(np.float32)
        return rounded

    def _get_few(self, record: DefaultRecord) -> tuple[float, ...]:
        """As ``attrgetter``, which gives a tuple only for two fields and more."""
        return tuple(getattr(record, spell(field)) for field in self.fields)


def score_rows(reader: FieldReader, records: Records, score: Callable[[NDArray[np.float64]], Scores]) -> Scores:
    """Score a batch, and keep from the engine the rows that it would answer with nonsense.

    A missing or infinite input need not show in the answer: a tree takes some branch, a network swallows NaN.

    Args:
        reader: what the model reads.
        records: the batch.
        score: the engine; gets only rows that are fit, at least one.
    """
    matrix = reader.read(records)
    problems = reader.problems(matrix)
    if not problems and len(records):
        return score(matrix)
    rows = np.array([row for row in range(len(records)) if row not in problems], dtype=np.intp)
    values = np.full(len(records), np.nan)
    if not len(rows):
        return Scores(values, problems)
    scores = score(matrix[rows])
    values[rows] = scores.values
    merged = {**problems, **{int(rows[row]): reason for row, reason in scores.problems.items()}}
    return Scores(values, dict(sorted(merged.items())))


def unanswerable(answer: object) -> str:
    """Why ``answer`` is none, for people.

    Args:
        answer: what the engine said; ``None`` for nothing at all.
    """
    if answer is None:
        return "the model gave no answer; perhaps an input lies outside of what it allows"
    if isinstance(answer, float):
        return f"the model answered {float(answer)}, not a finite number"
    return f"the model answered {str(answer)!r}, not a number"


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _find_field(name: str) -> str | None:
    """The field of a record that a model means by ``name``, or ``None``.

    Exporters write the same column as ``fixed_acidity``, ``fixed acidity`` or ``fixed.acidity``. Capitals count: a
    model that asks for ``PH`` was trained on something else than ``pH``.
    """
    field = spell(name)
    return field if field in FEATURES else None


@cache
def _default_schema() -> Any:
    return DEFAULT_SCHEMA.to_arrow()


def _fits(wanted: ColumnType, found: ColumnType | None) -> bool:
    if found is None or found is wanted:
        return found is not None
    if wanted is ColumnType.STRING:
        return found.is_whole or found is ColumnType.BOOLEAN
    return wanted.is_number and found.is_number
