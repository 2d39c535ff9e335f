"""Messages to columns and back: what goes in comes out, and a bad message costs only itself."""

from __future__ import annotations

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelserving.errors import RecordError
from modelserving.records import FEATURES, Column, ColumnType, RecordSchema, WineRecord, encode_wine
from modelserving.records.codecs import AvroCodec, Codec, JsonCodec, ProtobufCodec, read_frames, write_frame

SCHEMA = RecordSchema(
    "Person",
    (
        Column("age", ColumnType.INT32, nullable=False),
        Column("steps", ColumnType.INT64),
        Column("height", ColumnType.DOUBLE),
        Column("weight", ColumnType.FLOAT),
        Column("sure", ColumnType.BOOLEAN),
        Column("town", ColumnType.STRING),
    ),
)
CODECS: list[Codec] = [ProtobufCodec.of(SCHEMA), AvroCodec.of(SCHEMA), JsonCodec(SCHEMA)]
each_codec = pytest.mark.parametrize("codec", CODECS, ids=["protobuf", "avro", "json"])
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
people = st.lists(
    st.fixed_dictionaries(
        {
            "age": st.integers(-(2**31), 2**31 - 1),
            "steps": st.none() | st.integers(-(2**63), 2**63 - 1),
            "height": st.none() | st.floats(allow_nan=False, allow_infinity=False),
            "weight": st.none() | st.floats(allow_nan=False, allow_infinity=False, width=32),
            "sure": st.none() | st.booleans(),
            "town": st.none() | text,
        }
    ),
    min_size=1,
    max_size=12,
)


def to_batch(rows: list[dict[str, Any]]) -> Any:
    return pa.RecordBatch.from_pylist(rows, SCHEMA.to_arrow())


@each_codec
@given(rows=people)
@settings(deadline=None)
def test_what_is_written_is_read(codec: Codec, rows: list[dict[str, Any]]) -> None:
    """Every value of every type, and what is missing, comes back in its row."""
    batch = to_batch(rows)
    decoded = codec.decode(codec.encode(batch))
    assert not decoded.problems
    assert list(decoded.rows) == list(range(len(rows)))
    assert decoded.batch.to_pylist() == rows
    assert decoded.batch.schema.equals(SCHEMA.to_arrow())


@each_codec
@given(rows=people, data=st.data())
@settings(deadline=None)
def test_a_broken_message_costs_only_itself(codec: Codec, rows: list[dict[str, Any]], data: st.DataObject) -> None:
    """Whatever is done to one message: the others are read as if it were not there, and nothing else is raised."""
    messages: list[bytes | None] = list(codec.encode(to_batch(rows)))
    broken = data.draw(st.integers(0, len(messages) - 1), "broken")
    start = data.draw(st.integers(0, len(messages[broken] or b"")), "start")
    noise = data.draw(st.none() | st.binary(max_size=12), "noise")
    messages[broken] = None if noise is None else (messages[broken] or b"")[:start] + noise
    decoded = codec.decode(messages)
    assert set(decoded.rows) | set(decoded.problems) == set(range(len(messages)))
    assert not set(decoded.rows) & set(decoded.problems)
    got = dict(zip(decoded.rows, decoded.batch.to_pylist(), strict=True))
    assert {row: got.get(row) for row in range(len(rows)) if row != broken} == {
        row: values for row, values in enumerate(rows) if row != broken
    }
    assert all(isinstance(problem, RecordError) for problem in decoded.problems.values())
    decoded.batch.validate(full=True)


def test_a_message_that_makes_the_reader_panic_is_a_problem(capfd: pytest.CaptureFixture[str]) -> None:
    """A text that claims nearly 2^64 bytes is told as any bad message is, and its neighbours are read."""
    codec = ProtobufCodec.of(SCHEMA)
    good = codec.encode(to_batch([{"age": 1}]))[0]
    panic = b"\x32" + b"\xfb" + b"\xff" * 8 + b"\x01"
    decoded = codec.decode([good, panic, b"\xff", good, None])
    assert list(decoded.problems) == [1, 2, 4]
    assert list(decoded.rows) == [0, 3]
    capfd.readouterr()


@pytest.mark.parametrize(
    "inside",
    [
        pytest.param(b"\x4b\x09\x00\x00\x00\x00\x00\x00\xf0\x3f\x4c", id="a group, with a number of the field's"),
        pytest.param(b"\x4b\x53\x54\x4c", id="a group in a group"),
        pytest.param(b"\x89\x80\x80\x80\x10\x00\x00\x00\x00\x00\x00\xf0\x3f", id="a key of 33 bits, else the field's"),
    ],
)
def test_nothing_is_taken_from_what_a_schema_does_not_know(inside: bytes) -> None:
    """Groups are passed over, and a key beyond 32 bits is unknown: it is not cut to one that is known."""
    reader = ProtobufCodec('syntax = "proto3"; message R { double a = 1; string s = 2; }')
    message = b"\x09\x00\x00\x00\x00\x00\x00\x04\x40" + inside + b"\x12\x02ok"
    assert reader.decode([message]).batch.to_pylist() == [{"a": 2.5, "s": "ok"}]


def test_wine_is_one_schema_among_others() -> None:
    """The text of a .proto file reads what the hand-written codec wrote."""
    fields = "\n".join(f"double {name} = {number};" for number, name in enumerate(FEATURES, 1))
    definition = (
        f'// wines\nsyntax = "proto3";\npackage modelserving;\nmessage WineRecord {{ {fields} string dataType = 12; }}'
    )
    wine = WineRecord(**{name: 0.5 * number for number, name in enumerate(FEATURES)}, data_type="red")
    decoded = ProtobufCodec(definition).decode([encode_wine(wine)])
    assert decoded.batch.to_pylist() == [{**{name: getattr(wine, name) for name in FEATURES}, "dataType": "red"}]


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("message A { repeated int32 x = 1; }", "'repeated int32 x = 1' is no flat field"),
        ("message A { message B { } }", "more than flat messages"),
        ('syntax = "proto2"; message A { }', "written in proto2"),
        ("", "no message"),
        ("message A { int32 x = 1; int32 x = 2; }", "contradicts itself"),
        (b"\xff", "no FileDescriptorSet"),
    ],
)
def test_a_definition_that_cannot_be_read_says_why(definition: str | bytes, message: str) -> None:
    """What the small reader of .proto texts does not know is named, with the way out."""
    with pytest.raises(RecordError, match=message):
        ProtobufCodec(definition)


def test_json_is_taken_at_its_word() -> None:
    """A text is no number, a boolean neither; 5.0 is whole; NaN, other values and broken texts are problems."""
    texts = [
        '{"age": 5.0, "height": 3, "extra": [1]}',
        '{"age": "5"}',
        '{"age": true}',
        '{"age": 5.5}',
        '{"age": 3000000000}',
        '{"age": 1, "height": NaN}',
        '{"age": 1, "town": "\\ud800"}',
        '{"age": 1, "weight": 1e300}',
        "{}",
        "[1]",
        "[" * 100_000,
        "",
        '{"age": 1' + "0" * 400 + "}",
        '{"age": 1e400}',
    ]
    decoded = JsonCodec(SCHEMA).decode([text.encode() for text in texts])
    assert list(decoded.rows) == [0]
    assert decoded.batch.to_pylist()[0] == {**dict.fromkeys(SCHEMA.names), "age": 5, "height": 3.0}
    said = [str(decoded.problems[row]) for row in range(1, len(texts))]
    assert said[0] == "age is '5', which is no int32."
    assert "NaN is no number of JSON" in said[4]
    assert said[7] == "age is missing, and it may not be."
    assert "an object" in said[8]
    assert "more than 200 deep" in said[9]
    assert said[11].startswith("age is '1000")
    assert said[12] == "age is 'inf', which is no int32."


def test_avro_is_read_with_the_schema_of_the_reader() -> None:
    """A field added with a default, one removed, one renamed by an alias, a type widened."""
    writer = {
        "type": "record",
        "name": "P",
        "fields": [{"name": "a", "type": "int"}, {"name": "b", "type": "string"}, {"name": "c", "type": "float"}],
    }
    reader = {
        "type": "record",
        "name": "P",
        "fields": [
            {"name": "a", "type": "long"},
            {"name": "cc", "type": "double", "aliases": ["c"]},
            {"name": "new", "type": ["null", "string"], "default": None},
        ],
    }
    messages = AvroCodec(writer).encode(pa.RecordBatch.from_pydict({"a": [1], "b": ["x"], "c": [0.5]}))
    codec = AvroCodec(writer, reader)
    assert codec.decode(messages).batch.to_pylist() == [{"a": 1, "cc": 0.5, "new": None}]
    assert codec.schema.names == ("a", "cc", "new")
    left = AvroCodec(writer).decode([messages[0] + b"x"])
    assert "1 bytes are left over" in str(left.problems[0])
    with pytest.raises(RecordError, match="field 'a' of the Avro schema is"):
        AvroCodec({**writer, "fields": [{"name": "a", "type": {"type": "array", "items": "int"}}]})


@each_codec
def test_a_batch_that_does_not_fit_is_not_written(codec: Codec) -> None:
    """A column that is absent, of another type, or has a missing value that may not be: each is named."""
    with pytest.raises(RecordError, match="no column 'age'"):
        codec.encode(to_batch([{"age": 1}]).drop_columns(["age"]))
    with pytest.raises(RecordError, match="'age' has no value in row 1"):
        codec.encode(to_batch([{"age": 1}, {"age": None}]))
    columns = {**{name: [None] for name in SCHEMA.names}, "age": ["old"]}
    with pytest.raises(RecordError, match="column 'age' is string, not int32"):
        codec.encode(pa.RecordBatch.from_pydict(columns))


def test_confluents_framing_is_read_and_written() -> None:
    """The number of the schema comes off, of Protocol Buffers the indexes too; a message without is a problem."""
    payload = json.dumps({"age": 1}).encode()
    messages = [write_frame(7, payload), payload, b"\0\0", None, write_frame(2**32 - 1, b"")]
    frames, problems = read_frames(messages)
    assert {row: (frame.schema_id, frame.payload) for row, frame in frames.items()} == {
        0: (7, payload),
        4: (2**32 - 1, b""),
    }
    assert list(problems) == [1, 2, 3]
    framed = [write_frame(7, b"x", protobuf=True), b"\0\0\0\0\x07\x04\x02\x00y", b"\0\0\0\0\x07\x02\x00z", b"\0" * 4]
    found, _ = read_frames(framed, protobuf=True)
    assert [(frame.indexes, frame.payload) for frame in found.values()] == [((), b"x"), ((1, 0), b"y"), ((), b"z")]
    cut, problems = read_frames([b"\0\0\0\0\x07", b"\0\0\0\0\x07\xff\xff\xff\xff\xff"], protobuf=True)
    assert not cut
    assert len(problems) == 2
    with pytest.raises(RecordError, match="schema -1"):
        write_frame(-1, b"")
