"""Schemas as their encodings write them down."""

from __future__ import annotations

import pyarrow as pa
import pytest

from modelserving.errors import SchemaError
from modelserving.records import Column, ColumnType, RecordSchema
from modelserving.registry import ENCODINGS, define, read_definition, reading_codec
from tests.registry.samples import AGE, INCOME, TOWN, person

EVERY_TYPE = tuple(Column(f"{kind}_{nullable}", kind, nullable) for kind in ColumnType for nullable in (True, False))


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_a_schema_survives_being_written_down(encoding: str) -> None:
    """Names, types, and whether a value may be missing, of each type."""
    schema = RecordSchema("thing", EVERY_TYPE, encoding)
    definition = define(schema)
    assert read_definition(encoding, definition.text).schema == schema
    assert definition.codec().schema.columns == EVERY_TYPE


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_old_reader_reads_a_new_writer(encoding: str) -> None:
    """A column that was added is passed over; one that the writer lacks is missing."""
    old, new = person(AGE, TOWN, encoding=encoding), person(AGE, TOWN, INCOME, encoding=encoding)
    rows = pa.RecordBatch.from_pylist([{"age": 3, "town": None, "income": 2.5}], new.schema.to_arrow())
    [written] = new.codec().encode(rows)
    assert reading_codec(new, old).decode([written]).batch.to_pylist() == [{"age": 3, "town": None}]
    [written] = old.codec().encode(rows.select(["age", "town"]))
    assert reading_codec(old, new).decode([written]).batch.to_pylist() == [{"age": 3, "town": None, "income": None}]


def test_texts_that_differ_in_their_layout_say_the_same() -> None:
    """White space is no new version; another type is."""
    loose = read_definition("protobuf", 'syntax="proto3"; message person { // people\n int32 age=1; }')
    assert loose.is_like(person(AGE, encoding="protobuf"))
    assert not loose.is_like(person(Column("age", ColumnType.INT64, nullable=False), encoding="protobuf"))


@pytest.mark.parametrize(
    ("encoding", "text", "complaint"),
    [
        ("avro", "{", "no avro schema of flat records"),
        ("avro", '{"type": "record", "name": "p", "fields": [{"name": "a", "type": "bytes"}]}', "'a'"),
        ("protobuf", "message p { repeated int32 a = 1; }", "no flat field"),
        ("json", '{"type": "array"}', "not one of an object"),
        ("json", '{"type": "object", "properties": {"a": {"type": "array"}}}', "property 'a' is"),
        ("xml", "<a/>", "encoding 'xml' is unknown. Known: json, protobuf, avro"),
    ],
)
def test_what_is_no_schema_is_refused(encoding: str, text: str, complaint: str) -> None:
    """With the field that is in the way, where there is one."""
    with pytest.raises(SchemaError, match=complaint):
        read_definition(encoding, text)


def test_a_name_that_an_encoding_cannot_write_is_told() -> None:
    """JSON can write any name."""
    schema = RecordSchema("iris", (Column("petal length (cm)"),), "protobuf")
    with pytest.raises(SchemaError, match=r"'petal length \(cm\)' cannot be a field of protobuf.*encoding json"):
        define(schema)
    assert define(RecordSchema("iris", schema.columns, "json")).schema.names == ("petal length (cm)",)


def test_a_message_that_is_not_the_first_of_its_file_is_told() -> None:
    """Who finds a schema by number reads the first."""
    text = "message A { int32 x = 1; } message B { int32 y = 1; }"
    assert define(RecordSchema("a", (), "protobuf", definition=text, message="A")).name == "A"
    with pytest.raises(SchemaError, match="message B of its file, and who finds it by number reads the first, A"):
        define(RecordSchema("b", (), "protobuf", definition=text, message="B"))
