"""Models as messages."""

from __future__ import annotations

import hashlib
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.errors import DecodeError, FieldError, RecordError
from modelserving.records import Golden, ModelDescriptor, ModelType, decode_descriptor, encode_descriptor
from modelserving.records.wire import modeldescriptor_pb2 as wire
from tests.fakes import WINE, wine
from tests.records.strategies import descriptors


def descriptor(**changes: object) -> ModelDescriptor:
    known: dict[str, object] = {"name": "m", "description": "d", "data_type": "wine", "type": ModelType.PMML}
    return ModelDescriptor(**{**known, **changes})  # type: ignore[arg-type]


@given(descriptors)
def test_what_is_written_is_read_again(model: ModelDescriptor) -> None:
    """By value or by reference, with golden records, parameters and metrics: everything survives."""
    assert decode_descriptor(encode_descriptor(model)) == model


@given(descriptors)
def test_equal_models_are_equal_bytes(model: ModelDescriptor) -> None:
    """The order in which a model's parameters were noted does not show on the wire."""
    turned = dict(reversed(list(model.parameters.items())))
    again = ModelDescriptor(**{**{name: getattr(model, name) for name in model.__slots__}, "parameters": turned})
    assert encode_descriptor(again) == encode_descriptor(model)


def test_the_layout_is_that_of_the_jvm_tutorial() -> None:
    """Strings 1 to 3, the format as 4, bytes as 5 or a location as 6: written here by hand."""
    start = b"\x0a\x01m\x12\x01d\x1a\x04wine\x20\x01"
    assert decode_descriptor(start + b"\x2a\x02<x") == descriptor(data=b"<x")
    assert decode_descriptor(start + b"\x32\x02a:") == descriptor(location="a:")
    assert encode_descriptor(descriptor(data=b"<x")) == start + b"\x2a\x02<x"


def test_formats_have_the_numbers_of_the_jvm_tutorial() -> None:
    """Its clients send 0, 1 and 2; ours came after."""
    assert [kind.value for kind in (ModelType.TENSORFLOW, ModelType.PMML, ModelType.TENSORFLOWSAVED)] == [0, 1, 2]
    assert {kind.name: kind.value for kind in ModelType} == dict(wire.ModelDescriptor.ModelType.items())


def test_fields_of_a_newer_sender_are_passed_over() -> None:
    """A message with a field that we do not know is still a model."""
    assert decode_descriptor(encode_descriptor(descriptor(data=b"x")) + b"\xf8\x07\x2a") == descriptor(data=b"x")


@pytest.mark.parametrize("value", [b"", None])
def test_an_empty_message_is_no_model(value: bytes | None) -> None:
    """A tombstone on the models topic is told as empty, not as a nameless model."""
    with pytest.raises(DecodeError, match="empty"):
        decode_descriptor(value)


def test_garbage_is_told_by_its_size_and_first_bytes() -> None:
    """The message says how many bytes there were and how they began."""
    with pytest.raises(DecodeError, match=r"^6 bytes, first ff ff ff ff ff, are no model descriptor"):
        decode_descriptor(b"\xff" * 6)


def test_an_unknown_format_is_told_with_the_known_ones() -> None:
    """A sender that is ahead of us gets the list."""
    value = wire.ModelDescriptor(name="new", dataType="wine", modeltype=99).SerializeToString()  # type: ignore[arg-type]
    with pytest.raises(DecodeError, match=r"type 99 of model 'new' is unknown.*0 TENSORFLOW, 1 PMML"):
        decode_descriptor(value)


@pytest.mark.parametrize("data_type", ["", "..", "../x", "x" * 65, "wine\n"])
def test_a_hostile_data_type_is_refused(data_type: str) -> None:
    """A model's data type becomes a topic key, a URL and a file name as a record's does."""
    with pytest.raises(FieldError, match="not allowed"):
        decode_descriptor(encode_descriptor(descriptor(data_type=data_type)))


@pytest.mark.parametrize(
    ("golden", "message"),
    [
        (wire.GoldenRecord(record=b"\xff", expected=1), "no wine record"),
        (wire.GoldenRecord(values="[" * 100_000, expected=1), "no JSON: .* more than 200 deep"),
    ],
)
def test_a_broken_golden_record_is_refused(golden: wire.GoldenRecord, message: str) -> None:
    """A model whose check cannot be carried out is no model."""
    value = wire.ModelDescriptor(dataType="wine", golden=[golden])
    with pytest.raises(DecodeError, match=message):
        decode_descriptor(value.SerializeToString())


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_record_errors(value: bytes) -> None:
    """Whatever strangers send, it is a model descriptor or a RecordError."""
    try:
        model = decode_descriptor(value)
    except RecordError:
        return
    assert isinstance(model.type, ModelType)


@pytest.mark.parametrize("field", ["name", "version", "description", "location", "sha256"])
def test_a_text_that_each_answer_would_carry_along_has_a_limit(field: str) -> None:
    """A name of three million letters made six million bytes of each answer, and a hundred million of the metrics."""
    assert decode_descriptor(encode_descriptor(descriptor(**{field: "模" * 200}))) == descriptor(**{field: "模" * 200})
    with pytest.raises(FieldError, match=f"the model's {field} has 100000 letters, and begins with 'xxx"):
        decode_descriptor(encode_descriptor(descriptor(**{field: "x" * 100_000})))


def test_the_digest_is_that_of_the_bytes() -> None:
    """What the sender states is another thing: ``sha256``."""
    assert descriptor(data=b"bytes", sha256="stated").digest == hashlib.sha256(b"bytes").hexdigest()


def test_golden_records_keep_their_data_type() -> None:
    """A golden record is a whole record."""
    model = descriptor(golden=(Golden(WINE, 5.0), Golden(wine("white"), 6.0)))
    assert decode_descriptor(encode_descriptor(model)).golden == model.golden


def test_golden_records_of_any_kind_travel_by_name() -> None:
    """Texts, booleans, whole numbers and what is missing; the answer may be a label. Their bytes are JSON's."""
    record = {"age": 5, "wind": 0.5, "station": "Süd", "workday": True, "weather": None}
    model = descriptor(golden=(Golden(record, "member"), Golden(record, 7.5)))
    back = decode_descriptor(encode_descriptor(model))
    assert [(dict(golden.values), golden.expected) for golden in back.golden] == [(record, "member"), (record, 7.5)]
    assert {name: type(value) for name, value in back.golden[0].values.items()} == {
        name: type(value) for name, value in record.items()
    }


@pytest.mark.parametrize("values", ["{", "[1]", '{"a": [1]}'])
def test_golden_values_that_are_none_are_told(values: str) -> None:
    """By what they should be."""
    w = wire.ModelDescriptor(name="m", dataType="wine", golden=[wire.GoldenRecord(values=values)])
    with pytest.raises(DecodeError, match="a golden record is no"):
        decode_descriptor(w.SerializeToString())


def test_slugs_are_the_names_on_command_lines() -> None:
    """One spelling for each format."""
    assert [kind.slug for kind in ModelType] == ["tensorflow", "pmml", "tensorflow-saved", "onnx", "remote", "custom"]


def test_a_shadow_has_a_key_of_its_own() -> None:
    """The compacted topic keeps the newest shadow beside the newest model."""
    assert ModelDescriptor("m", "", "wine", ModelType.PMML).key == b"wine"
    assert ModelDescriptor("m", "", "wine", ModelType.PMML, shadow_percent=5.0).key == b"wine@shadow"


@pytest.mark.parametrize("percent", [-1.0, 100.5, math.nan, math.inf])
def test_there_is_no_such_share(percent: float) -> None:
    """Of all records at most, and not less than none."""
    with pytest.raises(FieldError, match="give 0 to 100"):
        decode_descriptor(encode_descriptor(ModelDescriptor("m", "", "wine", ModelType.PMML, shadow_percent=percent)))


def test_the_digest_of_bytes_that_are_elsewhere_is_the_stated_one() -> None:
    """Until they are here: then it is their own."""
    far = ModelDescriptor("m", "", "wine", ModelType.PMML, location="file:///x", sha256="AB" * 32)
    assert far.digest == "ab" * 32
    assert replace(far, data=b"x").digest == ModelDescriptor("m", "", "wine", ModelType.PMML, b"x").digest
