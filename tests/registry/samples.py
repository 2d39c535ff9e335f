"""Schemas of people, old and new."""

from __future__ import annotations

from modelserving.records import Column, ColumnType, RecordSchema
from modelserving.registry import Definition, define

AGE = Column("age", ColumnType.INT32, nullable=False)
TOWN = Column("town", ColumnType.STRING)
INCOME = Column("income", ColumnType.DOUBLE)


def person(*columns: Column, encoding: str = "avro") -> Definition:
    """The definition of people who have these columns."""
    return define(RecordSchema("person", columns, encoding))
