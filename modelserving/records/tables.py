"""Files of records with columns by name: CSV with a header, JSON lines, Parquet. They become Arrow record batches."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa

from modelserving.errors import RecordError
from modelserving.records.codecs.columns import fit_value
from modelserving.records.schema import Column, ColumnType, match_names
from modelserving.system.nesting import read_json

MISSING = frozenset({"", "NA"})
"""Cells of CSV that hold no value."""
_DECIMALS = re.compile(r"[+-]?\d+,\d+")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")
_TRUE, _FALSE = {"true", "t", "1", "yes"}, {"false", "f", "0", "no"}
_JSON_LINES = {".jsonl", ".ndjson", ".json"}
_PARQUET = {".parquet", ".pq"}
TYPED = frozenset(_JSON_LINES | _PARQUET)
"""Endings of files that name their columns by themselves."""


def read_table(path: Path, columns: Sequence[Column], size: int = 1000) -> Iterator[Any]:
    """Read a file in batches.

    Args:
        path: ``.parquet``; ``.jsonl``, ``.ndjson`` or ``.json``, an object a line or an array of objects; anything else
            is CSV with a header, its cells separated by ``,``, ``;`` or a tab, with quotes where needed. An empty cell
            or ``NA`` is missing; a decimal is a double. A text keeps the spaces around it, as pandas and R do, since
            models have learned it with them.
        columns: the types of columns; ``fixed acidity`` and ``fixed_acidity`` are one name. Others are numbers if all
            their cells are, else texts. Parquet has types of its own.
        size: records in a batch, at most.

    Yields:
        ``pyarrow.RecordBatch`` with all columns of the file.

    Raises:
        RecordError: it cannot be read, or a value is not of its column's type; with the row, counted from 0, and the
            column.
    """
    try:
        if path.suffix.lower() in _PARQUET:
            yield from _read_parquet(path, size)
        elif path.suffix.lower() in _JSON_LINES:
            yield from _batches(path, *_read_json_lines(path), columns, size)
        else:
            yield from _batches(path, *_read_csv(path), columns, size)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: Exception) -> RecordError:
    """Why a file gives no records, and what to do about it.

    Args:
        path: of the file.
        error: what reading it raised.
    """
    if isinstance(error, UnicodeDecodeError):
        before = error.object[: error.start].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
        row, byte = before.count(b"\n") + 1, error.object[error.start]
        return RecordError(
            f"cannot read records from {path}: line {row} is not written in UTF-8 (byte {byte:#x}). Save the file as "
            "UTF-8; what spreadsheets write otherwise is mostly Windows-1252 or UTF-16."
        )
    reason = getattr(error, "strerror", None) or error
    return RecordError(f"cannot read records from {path}: {reason}.")


def first_cells(path: Path) -> list[str]:
    """The cells of the first line of a CSV file that has any.

    Raises:
        RecordError: it cannot be read.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            line = next((line for line in file if line.strip()), "")
    except (OSError, UnicodeDecodeError) as error:
        raise unreadable(path, error) from error
    return next(csv.reader([line], delimiter=separator_of(line)), [])


def has_header(path: Path) -> bool:
    """Whether the first line of a CSV file names its columns: its first cell is no number.

    Raises:
        RecordError: it cannot be read.
    """
    return not any(map(is_number, first_cells(path)[:1]))


def without_commas(text: str) -> list[str]:
    """How a number that is written with commas has to be: where one begins its decimals, where they group thousands.

    Args:
        text: a cell. Any other text gives nothing.
    """
    cell = text.strip()
    decimals = [cell.replace(",", ".")] if _DECIMALS.fullmatch(cell) else []
    return decimals + ([cell.replace(",", "")] if _THOUSANDS.fullmatch(cell) else [])


def _read_parquet(path: Path, size: int) -> Iterator[Any]:
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            yield from map(_without_decimals, file.iter_batches(batch_size=size))
    except pa.ArrowException as error:
        raise RecordError(f"{path} is no Parquet file: {error}.") from error


def _without_decimals(batch: Any) -> Any:
    """With doubles for the decimals that databases write."""
    for index, field in enumerate(batch.schema):
        if pa.types.is_decimal(field.type):
            batch = batch.set_column(index, field.name, batch.column(index).cast(pa.float64()))
    return batch


def _read_csv(path: Path) -> tuple[list[str], Iterator[Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        text = file.read()
    # Lines end as files end them: other characters that end a line in Unicode may stand in a cell.
    first = next((line for line in io.StringIO(text, newline=None) if line.strip()), "")
    rows = (row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator_of(first)) if row)
    names = [name.strip() for name in next(rows, [])]
    if not names:
        raise RecordError(f"{path} has no records: the file is empty.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RecordError(f"{path}: the header names {twice[0]!r} twice.")
    return names, (_cells(path, row, names, cells) for row, cells in enumerate(rows))


def _cells(path: Path, row: int, names: Sequence[str], cells: Sequence[str]) -> Mapping[str, Any]:
    if len(cells) != len(names):
        raise RecordError(f"{path}, row {row}: {len(cells)} cells, and the header has {len(names)}.")
    return {name: None if cell.strip() in MISSING else cell for name, cell in zip(names, cells, strict=True)}


def _read_json_lines(path: Path) -> tuple[list[str], Iterator[Mapping[str, Any]]]:
    text = path.read_text(encoding="utf-8-sig")
    if text.lstrip().startswith("["):
        found = _parse(str(path), text)
    else:
        lines = (line for line in text.split("\n") if line.strip())
        found = (_parse(f"{path}, row {row}", line) for row, line in enumerate(lines))
    records = [_object(path, row, one) for row, one in enumerate(found)]
    return list(dict.fromkeys(name for record in records for name in record)), iter(records)


def _parse(where: str, text: str) -> Any:
    try:
        return read_json(text)
    except ValueError as error:
        raise RecordError(f"{where}: no JSON: {error}.") from error


def _object(path: Path, row: int, found: Any) -> Mapping[str, Any]:
    if not isinstance(found, dict):
        raise RecordError(f"{path}, row {row}: an object was expected, and this is {str(found)[:40]!r}.")
    return found


def _batches(
    path: Path, names: Sequence[str], rows: Iterator[Mapping[str, Any]], columns: Sequence[Column], size: int
) -> Iterator[Any]:
    wanted = {column.name: column for column in columns}
    meant = match_names(names, wanted)
    typed = {name: wanted.get(meant.get(name, name)) for name in names}
    unknown = [name for name in names if typed[name] is None]
    guessed: Mapping[str, Column] = {}
    if unknown:  # a column may begin with numbers and go on with texts
        known = list(rows)
        guessed = {name: _guess(name, [row.get(name) for row in known]) for name in unknown}
        rows = iter(known)
    chosen = [(name, typed[name] or guessed[name]) for name in names]
    schema = pa.schema([pa.field(name, column.type.arrow, column.nullable) for name, column in chosen])
    start = 0
    while batch := list(islice(rows, size)):
        arrays = [
            pa.array(
                [_read(path, start + row, name, column, record.get(name)) for row, record in enumerate(batch)],
                column.type.arrow,
            )
            for name, column in chosen
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        start += len(batch)


def _guess(name: str, values: Sequence[Any]) -> Column:
    seen = [value for value in values if value is not None]
    if all(isinstance(value, bool) for value in seen) and seen:
        return Column(name, ColumnType.BOOLEAN)
    numbers = all(not isinstance(value, bool) and is_number(value) for value in seen)
    return Column(name, ColumnType.DOUBLE if numbers else ColumnType.STRING)


def _read(path: Path, row: int, name: str, column: Column, value: Any) -> Any:
    if value is None:
        return None
    try:
        return _typed(column, value)
    except (ValueError, TypeError, OverflowError):
        pass
    what = f"{path}, row {row}, column {name!r}: {value!r}"
    meant = [text for text in without_commas(str(value)) if _fits(column, text)]
    if meant:
        raise RecordError(f"{what} has a comma. Write {' or '.join(map(repr, meant))}.")
    raise RecordError(f"{what} is no {column.type}. Mend it, or leave it empty if it is missing.")


def _typed(column: Column, value: Any) -> Any:
    found = _READERS[column.type](value)
    if column.type is not ColumnType.DOUBLE and fit_value(column.type, found) is None:
        raise ValueError
    return found


def _fits(column: Column, text: str) -> bool:
    try:
        _typed(column, text)
    except (ValueError, OverflowError):
        return False
    return True


def _double(value: Any) -> float:
    if not is_number(value) or isinstance(value, bool):
        raise ValueError
    return float(value)


def _whole(value: Any) -> int:
    number = _double(value)
    if not number.is_integer():
        raise ValueError
    return int(value) if not isinstance(value, str) or value.strip().lstrip("+-").isdigit() else int(number)


def _boolean(value: Any) -> bool:
    text = str(value).strip().lower()
    if text not in _TRUE | _FALSE:
        raise ValueError
    return text in _TRUE


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


_READERS: Mapping[ColumnType, Callable[[Any], Any]] = {
    ColumnType.DOUBLE: _double,
    ColumnType.FLOAT: _double,
    ColumnType.INT32: _whole,
    ColumnType.INT64: _whole,
    ColumnType.BOOLEAN: _boolean,
    ColumnType.STRING: _text,
}


def separator_of(line: str) -> str:
    """What separates the cells of a CSV file that begins with this line."""
    return max(",;\t", key=re.sub(r'"[^"]*"', "", line).count)


def is_number(value: Any) -> bool:
    """Whether a cell is a number; ``1_2``, which Python would take for 12, is none."""
    try:
        float(value)
    except (ValueError, TypeError, OverflowError):
        return False
    return not isinstance(value, str) or "_" not in value
