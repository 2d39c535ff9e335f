"""Commands as messages."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.errors import DecodeError, FieldError, RecordError
from modelserving.records import Action, ModelCommand, decode_command, encode_command
from modelserving.records.wire.control_pb2 import ModelCommand as Wire
from tests.records.strategies import commands

PROMOTE = ModelCommand(Action.PROMOTE, "wine", "ab" * 32)


@given(commands)
def test_what_is_written_is_read_again(command: ModelCommand) -> None:
    """Whatever is wanted, of whom, and by whom."""
    assert decode_command(encode_command(command)) == command


@pytest.mark.parametrize("value", [b"", None, b"\xff\xfe"])
def test_what_is_no_command_is_told(value: bytes | None) -> None:
    """Nothing, or noise: it is not read as the first action there is."""
    with pytest.raises(DecodeError, match="command"):
        decode_command(value)


@pytest.mark.parametrize(
    ("wire", "reason"),
    [
        (Wire(data_type="wine"), r"action 0 .* unknown\. Known: 1 promote, 2 roll back, 3 shadow, 4 retire"),
        (Wire(action=Wire.Action.ValueType(9), data_type="wine"), "action 9"),
        (Wire(action=Wire.PROMOTE), "data type '' is not allowed"),
        (Wire(action=Wire.PROMOTE, data_type="../x"), "not allowed"),
        (Wire(action=Wire.PROMOTE, data_type="wine", digest="abc"), "'abc' is no SHA-256"),
        (Wire(action=Wire.SHADOW, data_type="wine", percent=101), "101 % of the records: give 0 to 100"),
        (Wire(action=Wire.SHADOW, data_type="wine", percent=float("nan")), "nan %"),
    ],
)
def test_what_cannot_be_meant_is_told(wire: Wire, reason: str) -> None:
    """The field, and what it may be."""
    with pytest.raises(FieldError, match=reason):
        decode_command(wire.SerializeToString())


def test_a_digest_is_compared_in_lower_case() -> None:
    """However somebody typed it."""
    value = Wire(action=Wire.PROMOTE, data_type="wine", digest="AB" * 32).SerializeToString()
    assert decode_command(value) == PROMOTE


@given(st.binary(max_size=200))
def test_noise_never_ends_in_another_error(noise: bytes) -> None:
    """A command, or a ``RecordError``."""
    with suppress(RecordError):
        decode_command(noise)
