"""Messages of any schema as columns, sorted by whose model scores them."""

from __future__ import annotations

import pickle
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelserving.datasets import default_schemas
from modelserving.errors import RecordError
from modelserving.records import FEATURES, Column, ColumnType, RecordSchema, WineRecord, decode_wine, encode_wine
from modelserving.records.codecs.factory import make_codec
from modelserving.records.decoder import RecordDecoder
from tests.fakes import FakeMessage, messages, wine

WINES = RecordDecoder(default_schemas())
PEOPLE = RecordSchema(
    "people",
    (Column("age", ColumnType.INT32), Column("name", ColumnType.STRING), Column("kind", ColumnType.STRING)),
    "json",
)
NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
TYPES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True)


def encode(schema: RecordSchema, *rows: dict[str, Any]) -> list[bytes]:
    return make_codec(schema).encode(pa.RecordBatch.from_pylist(list(rows), schema.to_arrow()))


def grouped(decoder: RecordDecoder, sent: list[FakeMessage]) -> dict[str, list[int]]:
    return {group.data_type: list(group.rows) for group in decoder.decode(sent).groups}


@given(st.lists(st.tuples(st.lists(NUMBERS, min_size=11, max_size=11), TYPES), min_size=1, max_size=5))
def test_wines_are_read_as_the_older_tutorial_writes_them(sent: list[tuple[list[float], str]]) -> None:
    """Byte for byte its wire format, also with zeros, which Protocol Buffers leaves out, NaN and infinity."""
    records = [WineRecord(**dict(zip(FEATURES, values, strict=True)), data_type=name) for values, name in sent]
    found = WINES.decode(messages(records))
    assert not found.problems
    read = {
        row: (group.data_type, *map(repr, values))
        for group in found.groups
        for row, values in zip(
            group.rows, zip(*(column.to_pylist() for column in group.records), strict=True), strict=True
        )
    }
    assert read == {
        row: (record.data_type, *(repr(getattr(record, name)) for name in FEATURES))
        for row, record in enumerate(records)
    }
    assert all(group.records.schema.names == list(FEATURES) for group in found.groups)


def read_unlike_the_library(value: bytes) -> bool:
    """Whether a message has what ptars passes over and the library refuses: a group, or a key of more than 32 bits."""
    at = 0
    while at < len(value):
        key, at = varint(value, at)
        if key & 7 in {3, 4} or key >= 1 << 32:
            return True
        length = 0
        if key & 7 in {0, 2}:
            length, at = varint(value, at)
        at += {1: 8, 2: length, 5: 4}.get(key & 7, 0)
    return False


def varint(value: bytes, at: int) -> tuple[int, int]:
    """A number of up to ten bytes, and where it ends."""
    number = 0
    for shift, byte in enumerate(value[at : at + 10]):
        number |= (byte & 127) << 7 * shift
        if byte < 128:
            return number, at + shift + 1
    return number, at + 10


@given(st.binary(max_size=150), st.integers(0, 120), st.binary(min_size=1, max_size=3))
@example(b"", 0, b"\xb8")
def test_garbage_costs_only_itself_and_is_read_as_the_library_reads_it(garbage: bytes, at: int, more: bytes) -> None:
    """Noise, or a wine with bytes changed, cut or added: a problem, or the record that Protocol Buffers sees in it.

    Groups, which nobody writes any more, and keys that are too long are left out: ptars passes over them.
    """
    good = encode_wine(wine("white"))
    spoiled = [garbage, good[:at], good[:at] + more + good[at + len(more) :], good + more]
    found = WINES.decode(messages([good, *spoiled, good]))
    read = {row: group.data_type for group in found.groups for row in group.rows}
    assert read[0] == read[5] == "white"
    assert sorted([*read, *found.problems]) == list(range(6))
    for row, value in enumerate(spoiled, 1):
        try:
            assert read.get(row) == decode_wine(value).data_type or read_unlike_the_library(value)
        except RecordError:
            assert row in found.problems or read_unlike_the_library(value)


def test_each_type_keeps_its_order_and_garbage_has_none() -> None:
    """As the actors deal messages out: nothing is lost on the way."""
    mixed = messages([wine("white"), b"\xff", wine(), None, wine("white"), b""])
    found = {name: [message.offset for message in group] for name, group in WINES.sort(mixed).items()}
    assert found == {"white": [0, 4], "": [1, 3, 5], "wine": [2]}


def test_a_schema_says_whose_models_score_its_records() -> None:
    """By default those of its name; several give several answers; or the record says, in a column, header or key."""
    values = encode(PEOPLE, {"age": 1, "kind": "young"}, {"age": 2, "kind": "old"}, {"age": 3, "kind": "young"})
    sent = messages(values)
    assert grouped(RecordDecoder([PEOPLE]), sent) == {"people": [0, 1, 2]}
    both = RecordDecoder([replace(PEOPLE, data_types=("income", "hours"))])
    assert grouped(both, sent) == {"income": [0, 1, 2], "hours": [0, 1, 2]}
    assert grouped(RecordDecoder([replace(PEOPLE, data_type_from="column kind")]), sent) == {
        "young": [0, 2],
        "old": [1],
    }
    keyed = [replace(message, key=b"odd" if message.offset % 2 else b"even") for message in sent]
    assert grouped(RecordDecoder([replace(PEOPLE, data_type_from="key")]), keyed) == {"even": [0, 2], "odd": [1]}
    headed = [replace(message, headers=[("kind", b"x"), ("kind", b"y")]) for message in sent]
    assert grouped(RecordDecoder([replace(PEOPLE, data_type_from="header kind")]), headed) == {"y": [0, 1, 2]}


def test_a_record_that_says_no_data_type_is_a_problem_of_its_own() -> None:
    """Null, no key, no header, or a name that would be a path."""
    keyed = RecordDecoder([replace(PEOPLE, data_type_from="key")])
    by_column = RecordDecoder([replace(PEOPLE, data_type_from="column kind")])
    values = encode(PEOPLE, {"age": 1}, {"age": 2, "kind": "../x"}, {"age": 3, "kind": "good"})
    assert set(keyed.decode(messages(values)).problems) == {0, 1, 2}
    found = by_column.decode(messages(values))
    assert set(found.problems) == {0, 1}
    assert "'../x' is not allowed" in str(found.problems[1])


def test_one_decoder_gives_one_data_type_alone() -> None:
    """So that an actor scores its own records, although they are another's, too; and goes to another process."""
    both = replace(PEOPLE, data_types=("income", "hours"))
    sent = messages(encode(PEOPLE, {"age": 1}))
    decoder = pickle.loads(pickle.dumps(RecordDecoder([both], "hours")))
    assert grouped(decoder, sent) == {"hours": [0]}


def test_of_several_schemas_a_message_says_which_it_is_of() -> None:
    """By a header, or by its key; one that says neither is told what it should say."""
    other = RecordSchema("house", (Column("rooms", ColumnType.INT64),), "avro")
    decoder = RecordDecoder([PEOPLE, other])
    person, house = encode(PEOPLE, {"age": 1})[0], encode(other, {"rooms": 4})[0]
    sent = [
        FakeMessage(house, 0, key=b"house"),
        FakeMessage(person, 1, headers=[("schema", b"people")]),
        FakeMessage(person, 2),
        FakeMessage(house, 3, headers=[("schema", b"boat")]),
        FakeMessage(house, 4, key=b"house"),
    ]
    found = decoder.decode(sent)
    assert {group.data_type: (list(group.rows), group.records.num_columns) for group in found.groups} == {
        "house": ([0, 4], 1),
        "people": ([1], 3),
    }
    assert "neither by a header 'schema' nor by its key" in str(found.problems[2])
    assert "'boat', which this server does not know: people, house" in str(found.problems[3])


def test_schemas_that_cannot_be_read_by_are_refused_at_the_start() -> None:
    """Not at the first record."""
    with pytest.raises(RecordError, match="one schema or more"):
        RecordDecoder([])
    with pytest.raises(RecordError, match="no column 'kid'"):
        replace(PEOPLE, data_type_from="column kid")
    with pytest.raises(RecordError, match="'column NAME', 'header NAME' or 'key'"):
        replace(PEOPLE, data_type_from="value")
    with pytest.raises(RecordError, match="column 'age' is int32, and is to say the data type"):
        replace(PEOPLE, data_type_from="column age")
    with pytest.raises(RecordError, match="encoding 'xml'"):
        RecordDecoder([replace(PEOPLE, encoding="xml")])
    with pytest.raises(RecordError, match="not allowed"):
        RecordDecoder([replace(PEOPLE, data_types=("a b",))])
