"""Values of rows, checked one by one, as columns."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa

from modelserving.errors import RecordError
from modelserving.records.codecs.codec import DecodedRecords
from modelserving.records.schema import Column, ColumnType, RecordSchema

_PLAIN: Mapping[ColumnType, type] = {
    ColumnType.DOUBLE: float,
    ColumnType.FLOAT: float,
    ColumnType.INT32: int,
    ColumnType.INT64: int,
    ColumnType.BOOLEAN: bool,
    ColumnType.STRING: str,
}
"""The type of Python that values mostly have: then a column is looked at as a whole."""
_BITS = {ColumnType.INT32: 31, ColumnType.INT64: 63}
_LARGEST_FLOAT = 3.4028234663852886e38


def read_each(
    schema: RecordSchema, values: Sequence[bytes | None], read: Callable[[bytes | None], Mapping[str, Any]]
) -> DecodedRecords:
    """Records that are read one message after another.

    Args:
        schema: of the records.
        values: of the messages.
        read: the values of one record by name; raises ``RecordError`` for a message that holds none.
    """
    found: dict[int, Mapping[str, Any]] = {}
    problems: dict[int, RecordError] = {}
    for row, value in enumerate(values):
        try:
            found[row] = read(value)
        except RecordError as error:
            problems[row] = error
    return to_columns(schema, found, problems)


def to_columns(
    schema: RecordSchema, found: Mapping[int, Mapping[str, Any]], problems: Mapping[int, RecordError]
) -> DecodedRecords:
    """Records of values by name.

    Args:
        schema: of the records.
        found: values by the number of their message, ascending; a name that is absent is a missing value.
        problems: of messages that hold no values at all.
    """
    arrow = schema.to_arrow()
    columns = [[row.get(column.name) for row in found.values()] for column in schema.columns]
    if all(map(_is_plain, schema.columns, columns)):  # then Arrow may take the rows as they are, all at once
        batch = pa.RecordBatch.from_struct_array(pa.array([*found.values()], pa.struct(arrow)))
        return DecodedRecords(batch, [*found], dict(sorted(problems.items())) if problems else {})
    wrong: dict[int, RecordError] = dict(problems)
    columns = [_check_column(*one, found, wrong) for one in zip(schema.columns, columns, strict=True)]
    if len(wrong) > len(problems):
        fit = [index for index, row in enumerate(found) if row not in wrong]
        columns = [[values[index] for index in fit] for values in columns]
    rows = [row for row in found if row not in wrong]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, arrow, strict=True)]
    return DecodedRecords(pa.RecordBatch.from_arrays(arrays, schema=arrow), rows, dict(sorted(wrong.items())))


def conform(schema: RecordSchema, batch: Any) -> Any:
    """A record batch with just the columns of a schema, in its order and types.

    Raises:
        RecordError: a column is absent, cannot be of its type, or has a missing value that may not be.
    """
    arrow = schema.to_arrow()
    if batch.schema.equals(arrow) and not any(
        batch.column(index).null_count for index, column in enumerate(schema.columns) if not column.nullable
    ):
        return batch
    arrays = []
    for column in schema.columns:
        if column.name not in batch.schema.names:
            raise RecordError(f"the batch has no column {column.name!r}. It has: {', '.join(batch.schema.names)}.")
        array = batch.column(column.name)
        try:
            array = array.cast(column.type.arrow)
        except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
            raise RecordError(f"column {column.name!r} is {array.type}, not {column.type}: {error}") from error
        if array.null_count and not column.nullable:
            row = array.is_null().to_pylist().index(True)
            raise RecordError(f"column {column.name!r} has no value in row {row}, and it may not be missing.")
        arrays.append(array)
    return pa.RecordBatch.from_arrays(arrays, schema=arrow)


def _check_column(column: Column, values: list[Any], found: Iterable[int], wrong: dict[int, RecordError]) -> list[Any]:
    if _is_plain(column, values):
        return values
    for index, (row, value) in enumerate(zip(found, values, strict=True)):
        try:
            values[index] = _check(column, value)
        except RecordError as error:
            wrong.setdefault(row, error)
    return values


def _is_plain(column: Column, values: list[Any]) -> bool:
    """Whether all values fit, as far as that shows at once."""
    kinds = set(map(type, values))
    if not kinds <= {_PLAIN[column.type], *((type(None),) if column.nullable else ())}:
        return False
    present = [value for value in values if value is not None] if type(None) in kinds else values
    if column.type is ColumnType.STRING:
        return _is_unicode("".join(present))
    if column.type.is_whole:
        limit = 1 << _BITS[column.type]
        return not present or (min(present) >= -limit and max(present) < limit)
    return column.type is not ColumnType.FLOAT or all(abs(value) <= _LARGEST_FLOAT for value in present)


def _check(column: Column, value: Any) -> Any:
    """The value as the column holds it.

    Raises:
        RecordError: it does not fit.
    """
    if value is None:
        if column.nullable:
            return None
        raise RecordError(f"{column.name} is missing, and it may not be.")
    fitted = fit_value(column.type, value)
    if fitted is None:
        raise RecordError(f"{column.name} is {str(value)[:40]!r}, which is no {column.type}.")
    return fitted


def fit_value(kind: ColumnType, value: Any) -> Any:
    """A value as a column of that type holds it, or ``None`` where it can hold none such; a text is never a number."""
    if kind is ColumnType.STRING:
        return value if isinstance(value, str) and _is_unicode(value) else None
    if isinstance(value, bool) or kind is ColumnType.BOOLEAN:
        return value if isinstance(value, bool) and kind is ColumnType.BOOLEAN else None
    if not isinstance(value, int | float):
        return None
    if kind.is_whole:
        limit = 1 << _BITS[kind]
        # Compared first: neither infinity nor a number of hundreds of digits can be made into the other kind.
        return int(value) if -limit <= value < limit and value == int(value) else None
    try:
        number = float(value)
    except OverflowError:
        return None
    small = kind is ColumnType.DOUBLE or not math.isfinite(number) or abs(number) <= _LARGEST_FLOAT
    return number if small else None


def _is_unicode(text: str) -> bool:
    """Whether a text can be written: half of a surrogate pair, as JSON may escape it, cannot."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
