"""Records of a file as messages, and onto a topic."""

from __future__ import annotations

import json
import threading
from pathlib import Path

import pytest

from modelserving.client import FilePublisher, Framing, message_of, read_messages
from modelserving.errors import ConfigError, RecordError
from modelserving.kafka import Connection, read_topic
from modelserving.records import Column, ColumnType, RecordSchema, Topics
from modelserving.records.codecs import read_frames
from modelserving.records.codecs.factory import make_codec

COLUMNS = (
    Column("age", ColumnType.INT32),
    Column("body_mass", ColumnType.DOUBLE, nullable=False),
    Column("town", ColumnType.STRING),
)
PEOPLE = RecordSchema("people", COLUMNS, "json")
TEXT = "town;body mass;extra;age\nUlm;70.5;x;30\n;80;y;NA\n"


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text(TEXT, encoding="utf-8")
    return path


@pytest.mark.parametrize("encoding", ["json", "avro", "protobuf"])
def test_rows_become_records_of_the_schema(people: Path, encoding: str) -> None:
    """Columns by name and in the schema's types, what is missing as missing; the key is the data type."""
    schema = RecordSchema("people", COLUMNS, encoding)
    messages = list(read_messages(people, schema))
    assert [message.key for message in messages] == [b"people", b"people"]
    assert make_codec(schema).decode([message.value for message in messages]).batch.to_pylist() == [
        {"age": 30, "body_mass": 70.5, "town": "Ulm"},
        {"age": None, "body_mass": 80.0, "town": None},
    ]


def test_a_column_may_be_the_key(people: Path) -> None:
    """Also one that is no part of the record; a missing value is no key. The schema is then named by a header."""
    messages = list(read_messages(people, PEOPLE, Framing(key="extra")))
    assert [(message.key, message.headers) for message in messages] == [
        (b"x", (("schema", b"people"),)),
        (b"y", (("schema", b"people"),)),
    ]
    assert [message.key for message in read_messages(people, PEOPLE, Framing(key="town"))] == [b"Ulm", None]
    with pytest.raises(RecordError, match=r"no column 'job' for the key\. It has: town, body mass, extra, age"):
        list(read_messages(people, PEOPLE, Framing(key="job")))


@pytest.mark.parametrize("encoding", ["avro", "protobuf"])
def test_a_number_of_the_schema_may_stand_before(people: Path, encoding: str) -> None:
    """As Confluent's clients write it."""
    schema = RecordSchema("people", COLUMNS, encoding)
    plain = [message.value for message in read_messages(people, schema)]
    framed = [message.value for message in read_messages(people, schema, Framing(schema_id=7))]
    frames, problems = read_frames(framed, encoding == "protobuf")
    assert not problems
    assert [(frames[row].schema_id, frames[row].payload) for row in (0, 1)] == [(7, value) for value in plain]


def test_a_number_of_the_schema_may_be_a_header(people: Path) -> None:
    """As servers that do not read frames find it; the record stays as it is, and so do other headers."""
    plain = [message.value for message in read_messages(people, PEOPLE)]
    numbered = list(read_messages(people, PEOPLE, Framing(key="town", schema_id=7, in_header=True)))
    assert [message.value for message in numbered] == plain
    assert numbered[0].headers == (("schema-id", b"7"), ("schema", b"people"))
    assert message_of(PEOPLE, {"body_mass": 70.5}, Framing(schema_id=7, in_header=True)).headers == (
        ("schema-id", b"7"),
    )


def test_the_data_type_goes_where_the_schema_says(people: Path) -> None:
    """A column, a header, or the key; one that nobody would read is refused."""
    columned = RecordSchema("people", (*COLUMNS, Column("kind", nullable=False, type=ColumnType.STRING)), "json")
    by_column = RecordSchema("people", columned.columns, "json", data_type_from="column kind")
    [first, _] = read_messages(people, by_column, Framing(data_type="adult"))
    assert (json.loads(first.value)["kind"], first.key) == ("adult", b"adult")
    by_header = RecordSchema("people", COLUMNS, "json", data_type_from="header kind")
    assert next(read_messages(people, by_header, Framing(data_type="adult"))).headers == (("kind", b"adult"),)
    by_key = RecordSchema("people", COLUMNS, "json", data_type_from="key")
    assert next(read_messages(people, by_key, Framing(data_type="adult"))).key == b"adult"
    with pytest.raises(ConfigError, match="--key cannot be"):
        next(read_messages(people, by_key, Framing("town", "adult")))
    with pytest.raises(ConfigError, match="scored by models of people, not of 'adult'"):
        next(read_messages(people, PEOPLE, Framing(data_type="adult")))


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("age;town\n1;Ulm\n", "no column 'body_mass', which a record of 'people' must have. It has: age, town"),
        ("body mass\n1\nNA\n", "row 1: 'body_mass' is missing, and may not be"),
        ("body mass;age\n1;old\n", "row 0, column 'age': 'old' is no int32"),
    ],
)
def test_what_does_not_fit_is_named(people: Path, text: str, complaint: str) -> None:
    """By the file, the row and the column; a column that may be missing may be absent."""
    people.write_text(text, encoding="utf-8")
    with pytest.raises(RecordError, match=complaint):
        list(read_messages(people, PEOPLE))


def test_columns_that_differ_in_their_signs_are_two(people: Path) -> None:
    """A name that is there is meant, whatever else is spelt alike."""
    people.write_text("C++;C#\n1;2\n", encoding="utf-8")
    [message] = read_messages(people, RecordSchema("people", (Column("C#"), Column("C++")), "json"))
    assert json.loads(message.value) == {"C#": 2.0, "C++": 1.0}


@pytest.mark.broker
def test_a_file_is_published_once_or_over_and_over(connection: Connection, topics: Topics, people: Path) -> None:
    """In its order; and from the beginning again, until so many are sent."""
    stop = threading.Event()
    once = FilePublisher(connection, topics.records)
    once.run(lambda: read_messages(people, PEOPLE), loop=False, stop=stop)
    assert (once.sent, once.failed) == (2, 0)
    again = FilePublisher(connection, topics.records, rate=1000, limit=5)
    again.run(lambda: read_messages(people, PEOPLE), loop=True, stop=stop)
    assert again.sent == 5
    ages = [json.loads(record.value)["age"] for record in read_topic(connection, topics.records)]
    assert ages == [30, None, 30, None, 30, None, 30]
