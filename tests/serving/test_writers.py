"""Records that name the schema they were written with: read as the server's own, each schema fetched once."""

from __future__ import annotations

import pickle
from collections import Counter
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.errors import RegistryUnavailable, UnknownSchema
from modelserving.kafka import Connection
from modelserving.records import Column, ColumnType, RecordSchema
from modelserving.records.codecs import write_frame
from modelserving.records.codecs.factory import make_codec
from modelserving.records.decoder import RecordDecoder, SortedRecords
from modelserving.registry import CachedRegistry, Definition, define
from modelserving.serving.writers import RegisteredWriters
from tests.fakes import FakeMessage

READER = RecordSchema(
    "person",
    (Column("age", ColumnType.INT64), Column("name", ColumnType.STRING), Column("tall", ColumnType.BOOLEAN)),
    "avro",
)
WRITERS = {
    1: READER,
    2: replace(READER, columns=(Column("name", ColumnType.STRING),)),  # two fields fewer
    3: replace(READER, columns=(*reversed(READER.columns), Column("city", ColumnType.STRING))),  # one more, mixed up
    4: replace(READER, columns=(Column("age", ColumnType.INT32), *READER.columns[1:])),  # a narrower number
}


class FakeRegistry:
    """Knows some schemas, and counts how often it is asked."""

    def __init__(self, known: dict[int, RecordSchema]) -> None:
        self._known = known
        self.asked: Counter[int] = Counter()

    def find(self, schema_id: int) -> Definition:
        self.asked[schema_id] += 1
        if schema_id not in self._known:
            raise UnknownSchema(f"no schema {schema_id}")
        return define(self._known[schema_id])


def decoder(registry: Any, framed: bool, schema: RecordSchema = READER) -> RecordDecoder:
    writers = RegisteredWriters(Connection("nowhere:1"), "", framed, _registry=CachedRegistry(registry))
    return RecordDecoder([schema], writers=writers)


def write(schema_id: int, row: dict[str, Any], known: dict[int, RecordSchema] = WRITERS) -> bytes:
    schema = known[schema_id]
    values = {name: row.get(name) for name in schema.names}
    (value,) = make_codec(schema).encode(pa.RecordBatch.from_pylist([values], schema.to_arrow()))
    return value


def read(found: SortedRecords) -> dict[int, dict[str, Any]]:
    return {row: values for one in found.groups for row, values in zip(one.rows, one.records.to_pylist(), strict=True)}


@pytest.mark.parametrize("framed", [True, False])
@given(st.lists(st.tuples(st.sampled_from(sorted(WRITERS)), st.integers(-(2**31), 2**31 - 1), st.text(max_size=5))))
def test_readers_and_writers_of_other_versions_understand_each_other(
    framed: bool, sent: list[tuple[int, int, str]]
) -> None:
    """Fields added, removed, moved, widened, by writers older and newer, mixed on one topic: by name, else missing."""
    registry = FakeRegistry(WRITERS)
    messages = []
    for offset, (schema_id, age, name) in enumerate(sent):
        value = write(schema_id, {"age": age, "name": name, "tall": True, "city": "x"})
        frame = write_frame(schema_id, value) if framed else value
        messages.append(FakeMessage(frame, offset, headers=[("schema-id", b"%d" % schema_id)]))
    found = decoder(registry, framed).decode(messages)
    assert not found.problems
    assert read(found) == {
        row: {"age": None if number == 2 else age, "name": name, "tall": None if number == 2 else True}
        for row, (number, age, name) in enumerate(sent)
    }
    assert set(registry.asked.values()) <= {1}


def test_an_unknown_number_and_what_has_none_cost_only_themselves() -> None:
    """The dead letter says so; the registry is not asked for each of them."""
    registry = FakeRegistry(WRITERS)
    good = write_frame(1, write(1, {"age": 1}))
    reader = decoder(registry, framed=True)
    for _ in range(3):
        found = reader.decode([FakeMessage(v) for v in (good, write_frame(9, b"x"), b"plain", None, good)])
        assert sorted(read(found)) == [0, 4]
        assert {row: str(error).split(":")[0] for row, error in found.problems.items()} == {
            1: "no schema 9",
            2: "the message does not begin with Confluent's framing",
            3: "the message does not begin with Confluent's framing",
        }
    assert registry.asked == {1: 1, 9: 1}


def test_without_a_header_a_record_is_read_by_the_servers_own_schema() -> None:
    """And a header that is no number is told."""
    registry = FakeRegistry(WRITERS)
    plain = write(1, {"age": 1})
    found = decoder(registry, framed=False).decode(
        [FakeMessage(plain), FakeMessage(plain, headers=[("schema-id", b"x")])]
    )
    assert sorted(read(found)) == [0]
    assert "'schema-id' is b'x', and a number was expected" in str(found.problems[1])
    assert not registry.asked


@pytest.mark.parametrize("encoding", ["json", "protobuf"])
def test_every_encoding_may_be_framed(encoding: str) -> None:
    """With Protocol Buffers the frame says which message of a file it is; others than the first are told."""
    schema = replace(READER, encoding=encoding)
    known = {7: schema}
    value = write(7, {"age": 5, "name": "a", "tall": None}, known)
    reader = decoder(FakeRegistry(known), True, schema)
    found = reader.decode([FakeMessage(write_frame(7, value, encoding == "protobuf"))])
    assert read(found) == {0: {"age": 5, "name": "a", "tall": None}}
    if encoding == "protobuf":
        second = b"\0\0\0\0\7\2\2" + value
        assert "message [1] of schema 7" in str(reader.decode([FakeMessage(second)]).problems[0])


def test_a_schema_of_another_encoding_is_told() -> None:
    """Bytes are never guessed at."""
    reader = decoder(FakeRegistry({1: replace(READER, encoding="json")}), True)
    found = reader.decode([FakeMessage(write_frame(1, b"{}"))])
    assert "written as json, and avro is read here" in str(found.problems[0])


@pytest.mark.parametrize(
    ("wrote", "complaint"),
    [
        ("int64 age = 2; string name = 1;", "column 'age' has number 1, and was written with number 2"),
        ("optional float age = 1; string name = 2;", "column 'age' is int64, and was written as float"),
        ("string name = 2;", "column 'age' is not written, and may not be missing"),
    ],
)
def test_protocol_buffers_that_would_be_read_as_something_else_are_told(wrote: str, complaint: str) -> None:
    """Their bytes do not say so themselves: a moved field would be another, a missing one 0."""
    columns = (Column("age", ColumnType.INT64, nullable=False), Column("name", ColumnType.STRING))
    writer = RecordSchema("p", (), "protobuf", definition=f"message p {{ {wrote} }}")
    reader = decoder(FakeRegistry({1: writer}), True, RecordSchema("p", columns, "protobuf"))
    [error] = reader.decode([FakeMessage(write_frame(1, b"", True))]).problems.values()
    assert complaint in str(error)


def test_a_registry_that_is_away_is_no_fault_of_the_record() -> None:
    """It is not a dead letter: the session ends, and begins again from the last commit."""

    class Away(FakeRegistry):
        def find(self, schema_id: int) -> Definition:
            raise RegistryUnavailable("nobody answers")

    with pytest.raises(RegistryUnavailable):
        decoder(Away({}), True).decode([FakeMessage(write_frame(1, b"x"))])


class Returning(FakeRegistry):
    """Answers from the second question on."""

    def find(self, schema_id: int) -> Definition:
        found = super().find(schema_id)
        if self.asked[schema_id] == 1:
            raise RegistryUnavailable("nobody answers")
        return found


def test_whether_a_registry_is_away_can_be_asked() -> None:
    """For the health of every server; as soon as it answers, it is not away any more."""
    writers = RegisteredWriters(Connection("nowhere:1"), "", True, _registry=CachedRegistry(Returning(WRITERS)))  # type: ignore[arg-type]
    with pytest.raises(RegistryUnavailable):
        writers.codec(1, READER)
    assert writers.away == "nobody answers"
    writers.codec(1, READER)
    assert not writers.away


@pytest.mark.parametrize("said", ["framed", "named", "none", "header"])
def test_headers_are_asked_for_where_they_say_something(said: str) -> None:
    """Kafka Streams brings them only then."""
    writers = None if said in {"none", "header"} else RegisteredWriters(Connection("nowhere:1"), "", said == "framed")
    schema = replace(READER, data_type_from="header type") if said == "header" else READER
    assert RecordDecoder([schema], writers=writers).reads_headers is (said in {"named", "header"})


def test_it_goes_to_another_process_without_its_connection() -> None:
    """As an actor's settings do; it asks anew there."""
    registry: Any = CachedRegistry(FakeRegistry({}))  # type: ignore[arg-type]
    sent = RegisteredWriters(Connection("a:1"), "http://r:1", True, _registry=registry)
    assert pickle.loads(pickle.dumps(sent)) == sent
