"""Schemas as files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from modelserving.datasets import default_schemas
from modelserving.errors import RecordError
from modelserving.records import WINE_SCHEMA, Column, ColumnType, RecordSchema
from modelserving.records.schema_files import read_schema, read_schemas, write_schema

PROTO = 'syntax = "proto3"; message Person { optional double age = 1; string kind = 7; }'


def test_the_wines_schema_is_that_of_their_message() -> None:
    """The file that servers read by has the fields of ``winerecord.proto``, in its order."""
    (schema,) = default_schemas()
    assert schema.columns[:-1] == WINE_SCHEMA.columns
    assert schema.columns[-1] == Column("dataType", ColumnType.STRING, nullable=False)


def test_a_schema_comes_back_as_it_was_written(tmp_path: Path) -> None:
    """Each of its words."""
    columns = Column("age", ColumnType.DOUBLE), Column("kind", ColumnType.STRING, nullable=False)
    schema = RecordSchema("person", columns, "json", "people-value", data_type_from="column kind")
    for one in (schema, replace(schema, data_type_from="", data_types=("a", "b"))):
        file = tmp_path / "person.json"
        file.write_text(write_schema(one))
        assert read_schema(file) == one


def test_a_definition_in_the_words_of_its_encoding_is_a_schema(tmp_path: Path) -> None:
    """By itself, or beside a JSON file that says the rest; its columns need not be said twice."""
    proto, avsc, json = (tmp_path / name for name in ("person.proto", "house.avsc", "person.json"))
    proto.write_text(PROTO)
    found = read_schema(proto)
    assert (found.name, found.encoding) == ("person", "protobuf")
    assert found.columns == (Column("age", ColumnType.DOUBLE), Column("kind", ColumnType.STRING, nullable=False))
    avsc.write_text('{"type": "record", "name": "H", "fields": [{"name": "rooms", "type": ["null", "int"]}]}')
    assert read_schema(avsc).columns == (Column("rooms", ColumnType.INT32),)
    json.write_text('{"definition": "person.proto", "data_type_from": "column kind"}')
    assert read_schema(json) == replace(found, data_type_from="column kind")
    assert [schema.name for schema in read_schemas([tmp_path])] == ["house", "person"]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[]", "is no schema"),
        ("{", "is no schema"),
        ('{"name": "x"}', "'columns'"),
        ('{"columns": [{"name": "a", "type": "date"}]}', "'date' is not a valid ColumnType"),
        ('{"columns": [], "colour": "red"}', "'colour' is unknown"),
        ('{"definition": "gone.proto"}', "gone.proto"),
    ],
)
def test_what_is_no_schema_is_told_why(tmp_path: Path, text: str, reason: str) -> None:
    """With the file's name."""
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(RecordError, match=reason):
        read_schema(file)


def test_a_folder_without_schemas_and_two_of_one_name_are_refused(tmp_path: Path) -> None:
    """A server that read by nothing, or by either, would be wrong without a word."""
    with pytest.raises(RecordError, match="no schema in"):
        read_schemas([tmp_path])
    (tmp_path / "a.json").write_text(write_schema(replace(WINE_SCHEMA, name="one")))
    (tmp_path / "b.json").write_text(write_schema(replace(WINE_SCHEMA, name="one")))
    with pytest.raises(RecordError, match="two schemas have the name 'one'"):
        read_schemas([tmp_path])
