"""Lesson 10: a schema by hand, for what a sample does not show."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelserving.records import Column, RecordSchema
from modelserving.records.codecs import JsonCodec
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require, what_came

_GOOD = (
    (b'{"code": "08", "kilos": 2, "pieces": 1}', "a weight that is whole"),
    (b'{"code": "A7", "kilos": 2.5, "pieces": 3}', "a code with a letter"),
    (b'{"code": "08", "kilos": 0.3}', "nobody counted the pieces"),
)
_BAD = (
    (b'{"kilos": 2, "pieces": 1}', "has no code, and nobody could deliver it"),
    (b'{"code": "08", "kilos": 2, "pieces": 1.5}', "has one and a half pieces"),
)


def check(_: LessonEnvironment, columns: Callable[[], Any]) -> str:
    """Read messages by it: good ones are records, bad ones are not."""
    found = columns_of(columns(), "columns")
    names = sorted(one.name for one in found)
    require(names == ["code", "kilos", "pieces"], f"A parcel has code, kilos and pieces; yours has {', '.join(names)}.")
    decoded = JsonCodec(RecordSchema("parcel", found, "json")).decode([value for value, _ in (*_GOOD, *_BAD)])
    for row, (value, what) in enumerate(_GOOD):
        problem = decoded.problems.get(row)
        require(problem is None, f"`{value.decode()}` ({what}) should be a record, and is none: {problem}")
    for row, (value, what) in enumerate(_BAD, len(_GOOD)):
        require(row in decoded.problems, f"`{value.decode()}` {what}. Your schema lets it through.")
    return f"{len(_GOOD)} parcels are records, and {len(_BAD)} are dead letters, with a reason each."


def columns_of(found: Any, function: str) -> tuple[Column, ...]:
    """The columns that a function of an answer returned.

    Raises:
        NotYet: it returned something else.
    """
    require(
        isinstance(found, (tuple, list)) and all(isinstance(one, Column) for one in found),
        f"`{function}` returned {what_came(found)}. It is to return columns, in brackets: "
        "`(Column(name, type, nullable), ...)`.",
    )
    return tuple(found)


EXERCISE = Exercise(
    id="records-schema",
    lesson="10",
    title="A schema by hand",
    goal="""
Parcels come as JSON. A `code` is digits or letters, `"08"` for example, and always there. `kilos` is a number, always
there. `pieces` is how many there are, and sometimes nobody counted. Write `columns()`: it returns the three columns, so
that every parcel is a record, and what is none is not.
""",
    stub="""
from modelserving.records import Column, ColumnType

def columns():
    return (
        Column("code", ..., nullable=False),
        Column("kilos", ColumnType.DOUBLE, nullable=False),
        Column("pieces", ..., nullable=...),
    )
""",
    answer="columns",
    hints=(
        "What one does not calculate with is a text, whatever it looks like.",
        "How many there are is a whole number: `INT32` or `INT64`; and it may be missing.",
    ),
    reference="""
from modelserving.records import Column, ColumnType

def columns():
    return (
        Column("code", ColumnType.STRING, nullable=False),
        Column("kilos", ColumnType.DOUBLE, nullable=False),
        Column("pieces", ColumnType.INT32, nullable=True),
    )
""",
    wrong=(
        WrongAnswer(
            """
from modelserving.records import Column, ColumnType

def columns():
    return "code", "kilos", "pieces"
""",
            "It is to return columns, in brackets",
        ),
        WrongAnswer(
            """
from modelserving.records import Column, ColumnType

def columns():
    return (
        Column("code", ColumnType.INT64, nullable=False),
        Column("kilos", ColumnType.DOUBLE, nullable=False),
        Column("pieces", ColumnType.INT32, nullable=True),
    )
""",
            "code is '08', which is no int64",
        ),
        WrongAnswer(
            """
from modelserving.records import Column, ColumnType

def columns():
    return (
        Column("code", ColumnType.STRING, nullable=False),
        Column("kilos", ColumnType.DOUBLE, nullable=False),
        Column("pieces", ColumnType.DOUBLE, nullable=True),
    )
""",
            "one and a half pieces",
        ),
        WrongAnswer(
            """
from modelserving.records import Column, ColumnType

def columns():
    return (
        Column("code", ColumnType.STRING),
        Column("kilos", ColumnType.DOUBLE, nullable=False),
        Column("pieces", ColumnType.INT32),
    )
""",
            "nobody could deliver it",
        ),
    ),
    check=check,
)
