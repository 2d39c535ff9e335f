"""Readers and writers of two schemas."""

from __future__ import annotations

import json

import pytest

from modelserving.errors import SchemaError
from modelserving.records import Column, ColumnType
from modelserving.registry import ENCODINGS, Definition, Rule, check_compatible, read_definition, unreadable
from modelserving.registry.compatibility import reading_codec
from tests.registry.samples import AGE, INCOME, TOWN, person

CITY = Column("city", ColumnType.STRING)
WIDE = Column("age", ColumnType.INT64, nullable=False)
FLOAT, DOUBLE = Column("x", ColumnType.FLOAT), Column("x", ColumnType.DOUBLE)
STRICT = Column("income", ColumnType.DOUBLE, nullable=False)


def accepts(rule: Rule, new: Definition, *old: Definition) -> str:
    """Empty, or why not."""
    try:
        check_compatible(rule, "people", new, list(enumerate(old, 1)))
    except SchemaError as error:
        return str(error)
    return ""


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize(
    ("old", "new", "backward", "forward"),
    [
        ((AGE,), (AGE, INCOME), "", ""),
        ((AGE,), (AGE, STRICT), "column 'income' is not written, and may not be missing", ""),
        ((AGE, STRICT), (AGE,), "", "column 'income' is not written, and may not be missing"),
        ((AGE,), (WIDE,), "", "column 'age' is int32, and was written as int64"),
        (
            (AGE, TOWN),
            (AGE, Column("town", ColumnType.BOOLEAN)),
            "'town' is boolean, and was written as string",
            "'town'",
        ),
        ((AGE, INCOME), (AGE, STRICT), "'income' may be missing where it is written", ""),
    ],
)
def test_a_change_is_held_against_each_side(
    encoding: str, old: tuple[Column, ...], new: tuple[Column, ...], backward: str, forward: str
) -> None:
    """Backward: new readers, old records; forward: the other way round; full: both. The column is named."""
    before, after = person(*old, encoding=encoding), person(*new, encoding=encoding)
    for rule, expected in ((Rule.BACKWARD, backward), (Rule.FORWARD, forward), (Rule.NONE, "")):
        said = accepts(rule, after, before)
        assert expected in said
        assert bool(said) == bool(expected)
    assert bool(accepts(Rule.FULL, after, before)) == bool(backward or forward)


def test_a_column_that_was_renamed_is_guessed() -> None:
    """One went and one of its type came: the message says so."""
    strict = Column("town", ColumnType.STRING, nullable=False)
    assert "'town' is not written, and may not be missing (was 'city' renamed?)" in accepts(
        Rule.BACKWARD, person(AGE, strict), person(AGE, CITY)
    )


def test_protocol_buffers_are_read_by_number() -> None:
    """A rename keeps the values; a column in the middle shifts all behind it, which would be read as others."""
    old = person(AGE, TOWN, INCOME, encoding="protobuf")
    assert not unreadable(person(AGE, CITY, INCOME, encoding="protobuf"), old)
    shifted = person(AGE, CITY, TOWN, INCOME, encoding="protobuf")
    assert "column 'town' has number 3, and was written with number 2" in unreadable(shifted, old)


def test_protocol_buffers_write_float_and_double_differently() -> None:
    """What other encodings widen would there be passed over, and silently be missing."""
    for encoding in ENCODINGS:
        said = unreadable(person(DOUBLE, encoding=encoding), person(FLOAT, encoding=encoding))
        assert bool(said) == (encoding == "protobuf")


def test_signed_numbers_of_protocol_buffers_are_not_plain_ones() -> None:
    """``sint32`` and ``int32`` are one type of column and other bytes."""
    signed = read_definition("protobuf", "message p { sint32 age = 1; }")
    plain = read_definition("protobuf", "message p { int32 age = 1; }")
    assert unreadable(plain, signed) == ["column 'age' is encoded in another way than it was written"]
    assert not unreadable(read_definition("protobuf", "message p { int64 age = 1; }"), plain)


def test_a_default_of_avro_stands_in_for_what_is_not_written() -> None:
    """Whatever it is."""
    text = '{"type": "record", "name": "p", "fields": [{"name": "age", "type": "int", "default": 18}]}'
    assert not unreadable(read_definition("avro", text), person(TOWN))


def test_an_alias_of_avro_says_that_a_field_was_renamed() -> None:
    """A new reader takes the old name, and its type has to fit; an old reader knows nothing of the new one."""

    def town(kind: str, name: str, **more: list[str]) -> Definition:
        fields = [{"name": name, "type": kind, **more}]
        return read_definition("avro", json.dumps({"type": "record", "name": "people", "fields": fields}))

    old, new = town("string", "town"), town("string", "city", aliases=["place", "town"])
    assert accepts(Rule.BACKWARD, new, old) == ""
    [row] = reading_codec(old, new).decode([b"\x06Ulm"]).batch.to_pylist()
    assert row == {"city": "Ulm"}
    assert "'town' is not written" in accepts(Rule.FORWARD, new, old)
    assert "'city' is string, and was written as int32" in accepts(Rule.BACKWARD, new, town("int", "town"))


def test_transitive_rules_look_at_all_versions() -> None:
    """The others look at the last one."""
    first, second, third = person(Column("x", ColumnType.STRING)), person(AGE), person(AGE, DOUBLE)
    assert not accepts(Rule.BACKWARD, third, first, second)
    assert "version 1" in accepts(Rule.FULL_TRANSITIVE, third, first, second)


def test_another_encoding_is_no_version_of_the_same() -> None:
    """Readers would not read a byte of it."""
    assert "records were json, and now avro is read" in accepts(
        Rule.BACKWARD, person(AGE), person(AGE, encoding="json")
    )
