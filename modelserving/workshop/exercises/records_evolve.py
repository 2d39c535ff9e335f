"""Lesson 10: a column gets a better name, and nobody who writes or reads breaks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa

from modelserving.errors import SchemaError
from modelserving.records import Column, ColumnType, RecordSchema
from modelserving.registry import Rule, check_compatible, define, reading_codec
from modelserving.workshop.exercises.records_schema import columns_of
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_OLD = RecordSchema(
    "hire",
    (Column("station", ColumnType.STRING, nullable=False), Column("temperature", ColumnType.DOUBLE)),
    "json",
)


def check(_: LessonEnvironment, evolve: Callable[[tuple[Column, ...]], Any]) -> str:
    """Hold the new columns against the old ones, and let each read what the other writes."""
    found = columns_of(evolve(_OLD.columns), "evolve")
    names = [one.name for one in found]
    require("celsius" in names, f"Your columns are {', '.join(names)}: `celsius` is not among them.")
    require("station" in names, "`station` has gone, and old readers cannot do without it.")
    old, new = define(_OLD), define(replace(_OLD, columns=found))
    try:
        check_compatible(Rule.FULL, "hire", new, [(1, old)])
    except SchemaError as error:
        require(False, f"The registry refuses it: {error}")
    hire = {"station": "Harbour", "temperature": 21.0, "celsius": 21.0}
    batch = pa.RecordBatch.from_pylist([{name: hire.get(name) for name in names}], new.schema.to_arrow())
    [row] = reading_codec(new, old).decode(new.codec().encode(batch)).batch.to_pylist()
    require(
        row["temperature"] == 21.0,
        "The registry takes it, and yet an old reader finds no temperature in a new record: for it, the value is gone.",
    )
    return "Old and new readers both find a temperature in new records. When nobody reads the old name, it may go."


EXERCISE = Exercise(
    id="records-evolve",
    lesson="10",
    title="A change that breaks nobody",
    goal="""
`temperature` is to be called `celsius`, and there are servers and clients that nobody can change today. Write
`evolve(columns)`: it gets the old columns, `station` and `temperature`, and returns the new ones, so that the registry
takes them under the rule `full`, **and** an old reader still finds the temperature in a record of a new writer, who
fills whatever columns there are.
""",
    stub="""
from modelserving.records import Column, ColumnType

def evolve(columns):
    return (*columns, Column("celsius", ColumnType.DOUBLE, nullable=...))
""",
    answer="evolve",
    hints=(
        "Do not rename: add, and keep the old name until nobody reads it.",
        "Old records have no `celsius`. So it may be missing.",
    ),
    reference="""
from modelserving.records import Column, ColumnType

def evolve(columns):
    return (*columns, Column("celsius", ColumnType.DOUBLE, nullable=True))
""",
    wrong=(
        WrongAnswer(
            """
from modelserving.records import Column, ColumnType

def evolve(columns):
    return (columns[0], Column("celsius", ColumnType.DOUBLE, nullable=True))
""",
            "an old reader finds no temperature",
        ),
        WrongAnswer(
            """
from modelserving.records import Column, ColumnType

def evolve(columns):
    return (*columns, Column("celsius", ColumnType.DOUBLE, nullable=False))
""",
            "The registry refuses it",
        ),
        WrongAnswer(
            """
from modelserving.records import Column, ColumnType

def evolve(columns):
    return Column("celsius", ColumnType.DOUBLE, nullable=True)
""",
            "It is to return columns, in brackets",
        ),
        WrongAnswer(
            """
from modelserving.records import Column, ColumnType

def evolve(columns):
    return columns
""",
            "`celsius` is not among them",
        ),
    ),
    check=check,
)
