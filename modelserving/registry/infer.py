"""The schema of a file of records, from what is in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelserving.errors import RecordError
from modelserving.records.schema import Column, ColumnType, RecordSchema
from modelserving.records.tables import TYPED, first_cells, is_number, read_table, without_commas

_WHOLE = re.compile(r"[+-]?(0|[1-9]\d{0,17})")
_EXAMPLES = 2
"""So many values of a column are kept, with which models are tried."""
_BOOLEANS = {"true", "false"}


def infer_schema(
    path: Path, name: str = "", encoding: str = "json", leave_out: Sequence[str] = (), commas: bool = False
) -> RecordSchema:
    """Find out what a file's columns are.

    Whole numbers are ``int64``, other numbers ``double``, ``true`` and ``false`` booleans; ``08`` is a text, since its
    zero would be lost. A column may be missing values where it misses one in the file.

    Args:
        path: as ``read_table`` reads it.
        name: of the kind of record; the file's by default.
        encoding: in which its records are to travel.
        leave_out: columns that no record has, for example the answer that a model learned.
        commas: whether a column may hold nothing but numbers with commas, as texts: where something else, such as a
            model, says what it is, or that it is not wanted.

    Raises:
        RecordError: it cannot be read, has no header, has numbers with commas, or a column that is to be left out is
            absent.
    """
    batches = list(read_table(path, _as_texts(path)))
    if not batches:
        raise RecordError(f"{path} has a header and no records below it.")
    table = pa.Table.from_batches(batches)
    absent = [column for column in leave_out if column not in table.schema.names]
    if absent:
        raise RecordError(f"{path} has no column {absent[0]!r}. It has: {', '.join(table.schema.names)}.")
    columns = [
        _infer(path, column, table.column(column).to_pylist(), commas)
        for column in table.schema.names
        if column not in leave_out
    ]
    if not columns:
        raise RecordError(f"{path} has no column that a record could have.")
    return RecordSchema(name or _name(path), tuple(columns), encoding)


def _as_texts(path: Path) -> tuple[Column, ...]:
    """CSV is looked at as it is written; the other files know their types."""
    return () if path.suffix.lower() in TYPED else tuple(Column(name, ColumnType.STRING) for name in read_header(path))


def read_header(path: Path) -> list[str]:
    """The names in the first line of a CSV file.

    Raises:
        RecordError: it cannot be read, or its first line names no columns; with what to do.
    """
    names = [name.strip() for name in first_cells(path)]
    numbers = [name for name in names if _is_number(name)]
    if numbers:
        raise RecordError(
            f"{path} has no header: its first line has {numbers[0]!r} where the name of a column was expected. Put a "
            "line with the columns' names first."
        )
    if names and "" in names:
        raise RecordError(
            f"{path}: column {names.index('') + 1} has no name. If it is pandas' index, write the file with "
            "index=False; else name it."
        )
    if len(names) == 1 and any(mark in names[0] for mark in "|:"):
        raise RecordError(f"{path}: the header is one column, {names[0]!r}. Cells are separated by `,`, `;` or a tab.")
    return names


def _infer(path: Path, name: str, values: Sequence[Any], commas: bool) -> Column:
    present = [value for value in values if value is not None]
    nullable = len(present) < len(values)
    if present and not commas and all(isinstance(value, str) and without_commas(value) for value in present):
        meant = " or ".join(map(repr, without_commas(present[0])))
        raise RecordError(f"{path}, column {name!r}: {present[0].strip()!r} has a comma. Write {meant}.")
    kind = next((kind for kind, fits in _KINDS if present and _all(fits, present)), ColumnType.STRING)
    different: dict[str, Any] = {}
    for value in present:  # by their texts, since the lists and structures of Parquet have no hash
        different.setdefault(str(value).strip(), value)
    examples = tuple(_READERS.get(kind, str)(value) for value in list(different.values())[:_EXAMPLES])
    return Column(name, kind, nullable, examples)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool) or (isinstance(value, str) and value.strip().lower() in _BOOLEANS)


def _is_whole(value: Any) -> bool:
    if isinstance(value, str):
        return _WHOLE.fullmatch(value.strip()) is not None
    return isinstance(value, int) and not isinstance(value, bool) and -(1 << 63) <= value < 1 << 63


def _is_number(value: Any) -> bool:
    if isinstance(value, str) and re.fullmatch(r"[+-]?0\d+", value.strip()):
        return False
    return is_number(value) and not isinstance(value, bool)


_KINDS: Sequence[tuple[ColumnType, Callable[[Any], bool]]] = (
    (ColumnType.BOOLEAN, _is_boolean),
    (ColumnType.INT64, _is_whole),
    (ColumnType.DOUBLE, _is_number),
)


def _boolean(value: Any) -> bool:
    return str(value).strip().lower() == "true"


_READERS: Mapping[ColumnType, Callable[[Any], Any]] = {
    ColumnType.BOOLEAN: _boolean,
    ColumnType.INT64: int,
    ColumnType.DOUBLE: float,
}


def _all(fits: Callable[[Any], bool], values: Iterable[Any]) -> bool:
    return all(map(fits, values))


def _name(path: Path) -> str:
    return re.sub(r"\W+", "_", path.stem).strip("_") or "record"
