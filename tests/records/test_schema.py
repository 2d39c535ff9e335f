"""Columns with names and types, and the record batches that are made of them."""

from __future__ import annotations

import pyarrow as pa
import pytest

from modelserving.errors import RecordError
from modelserving.records import WINE_SCHEMA, Column, ColumnType, RecordSchema
from modelserving.records.schema import type_of


def test_a_schema_survives_arrow() -> None:
    """Every type, nullable or not, is the same column after a way through Arrow."""
    columns = tuple(Column(f"c{kind}", kind, nullable=index % 2 == 0) for index, kind in enumerate(ColumnType))
    arrow = RecordSchema("customer", columns, "avro", "customers-value").to_arrow()
    assert [(field.name, type_of(field.type), field.nullable) for field in arrow] == [
        (column.name, column.type, column.nullable) for column in columns
    ]


def test_a_dictionary_is_what_it_holds() -> None:
    """A column of categories is one of texts; short whole numbers and long texts have their type; a date has none."""
    assert type_of(pa.dictionary(pa.int32(), pa.string())) is ColumnType.STRING
    assert type_of(pa.int8()) is ColumnType.INT32
    assert type_of(pa.large_string()) is ColumnType.STRING
    assert type_of(pa.date32()) is None


def test_two_columns_of_one_name_are_refused() -> None:
    """By name there would be two of them."""
    with pytest.raises(RecordError, match="several columns of one name: a"):
        RecordSchema("x", (Column("a"), Column("a", ColumnType.STRING)))


def test_no_measurement_of_a_wine_is_missing() -> None:
    """Eleven doubles, none of them nullable, in the order of the wire."""
    assert {column.type for column in WINE_SCHEMA.columns} == {ColumnType.DOUBLE}
    assert not any(field.nullable for field in WINE_SCHEMA.to_arrow())
