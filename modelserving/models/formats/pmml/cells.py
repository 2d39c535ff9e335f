"""From columns to the cells of a Java ``Object[]``: numbers, texts, and ``None`` for what is missing."""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from modelserving.records import Column, ColumnType
from modelserving.records.schema import type_of

_EXACT = 2**53
"""The engine gets whole numbers as doubles: one that is missing would be taken for the smallest that there is."""


@dataclass(frozen=True, slots=True)
class Absent:
    """What counts as missing in a field that may not be missing.

    Args:
        name: of the field.
        codes: its values that say so, as the document writes them.
        low: the smallest number that is no outlier, if outliers count as missing.
        high: the largest.
    """

    name: str
    codes: frozenset[str]
    low: float = -math.inf
    high: float = math.inf


@dataclass(frozen=True, slots=True)
class Cells:
    """What a model reads of some records.

    Args:
        columns: a list for each column, each with a value for each record; ``None`` where it is missing.
        problems: for each record that no engine should see, why.
    """

    columns: tuple[list[Any], ...]
    problems: dict[int, str]

    def flat(self, rows: Sequence[int]) -> list[Any]:
        """The cells of some records, one record after the other."""
        return [column[row] for row in rows for column in self.columns]


def read_cells(
    wanted: Sequence[Column],
    arrays: Sequence[Any],
    nullable: Sequence[bool],
    required: Collection[str] = (),
    longest: int = 0,
    spelt: Collection[str] = (),
    absent: Sequence[Absent] = (),
) -> Cells:
    """Read columns as a model takes them.

    Args:
        wanted: by the model: a number of single precision is rounded, a whole one may have no fraction.
        arrays: of Arrow, one for each.
        nullable: whether records may lack them.
        required: names of those without which the model has no answer.
        longest: characters that a text may have; 0 for any number.
        spelt: names of those whose texts spell numbers; the engine would take any other text as missing.
        absent: what counts as missing in those that are required.
    """
    problems: dict[int, str] = {}
    columns = [
        _read(column, array, may_lack and column.name not in required, problems)
        for column, array, may_lack in zip(wanted, arrays, nullable, strict=True)
    ]
    for column, values in zip(wanted, columns, strict=True):
        for row, value in enumerate(values if longest else ()):
            if isinstance(value, str) and len(value) > longest:
                problems.setdefault(row, f"{column.name} has {len(value):,} characters; this model takes {longest}")
        for row, value in enumerate(values if column.name in spelt else ()):
            if isinstance(value, str) and not _is_number(value):
                problems.setdefault(row, f"{column.name} is {value[:50]!r}, and this model takes numbers only")
        for known in (known for known in absent if known.name == column.name):
            for row, value in enumerate(values):
                if value is not None and _counts_as_missing(known, value, column, column.name in spelt):
                    problems.setdefault(row, f"{column.name} is {value}, which counts as missing, and may not be")
    return Cells(tuple(columns), dict(sorted(problems.items())))


def _counts_as_missing(known: Absent, value: Any, column: Column, spelt: bool) -> bool:
    if isinstance(value, str) and not (spelt and _is_number(value)):
        return value in known.codes
    codes = [float(code) for code in known.codes if _is_number(code)]
    if column.type is ColumnType.FLOAT:
        codes = [float(np.float32(code)) for code in codes]
    return float(value) in codes or not known.low <= float(value) <= known.high


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _read(column: Column, array: Any, nullable: bool, problems: dict[int, str]) -> list[Any]:
    values: list[Any] = array.to_pylist()
    if column.type is ColumnType.STRING:
        if type_of(array.type) is not ColumnType.STRING:
            values = [None if value is None else str(value).lower() for value in values]
    elif column.type.is_number:
        values = [_number(column, value, row, problems) for row, value in enumerate(values)]
    if not nullable:
        for row, value in enumerate(values):
            if value is None:
                problems.setdefault(row, f"{column.name} is missing, and may not be")
    return values


def _number(column: Column, value: Any, row: int, problems: dict[int, str]) -> Any:
    if value is None or math.isnan(value):
        return None
    if math.isinf(value):
        problems.setdefault(row, f"{column.name} is {value}, not a finite number")
    elif column.type.is_whole:
        if value != math.trunc(value):
            problems.setdefault(row, f"{column.name} is {value}, and this model takes whole numbers only")
        if abs(value) > _EXACT:
            problems.setdefault(row, f"{column.name} is {value}: the engine is exact up to {_EXACT:,}")
    elif column.type is ColumnType.FLOAT:
        return _single(column, float(value), row, problems)
    return float(value)


def _single(column: Column, value: float, row: int, problems: dict[int, str]) -> float:
    with np.errstate(over="ignore"):
        rounded = float(np.float32(value))
    if math.isinf(rounded):
        problems.setdefault(row, f"{column.name} is {value}, too large for this model")
    return rounded
