"""The heater's messages."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.errors import DecodeError, FieldError, RecordError
from modelserving.records import (
    HeaterCommand,
    HeaterControl,
    SensorReading,
    TemperatureControl,
    decode_heater,
    decode_reading,
    decode_temperature_control,
    encode_heater,
    encode_reading,
    encode_temperature_control,
)

sensors = st.integers(-(2**31), 2**31 - 1)
finite = st.floats(allow_nan=False, allow_infinity=False)
margins = st.floats(min_value=0, allow_nan=False, allow_infinity=False)


@given(
    st.builds(SensorReading, sensors, finite),
    st.builds(TemperatureControl, sensors, finite, margins, margins),
    st.builds(HeaterControl, sensors, st.sampled_from(HeaterCommand)),
)
def test_what_is_written_is_read_again(
    reading: SensorReading, control: TemperatureControl, heater: HeaterControl
) -> None:
    """All three survive the way through a message."""
    assert decode_reading(encode_reading(reading)) == reading
    assert decode_temperature_control(encode_temperature_control(control)) == control
    assert decode_heater(encode_heater(heater)) == heater


@pytest.mark.parametrize("decode", [decode_reading, decode_temperature_control])
@given(value=st.binary(max_size=60))
def test_no_bytes_raise_anything_but_record_errors(decode: Callable[[bytes], object], value: bytes) -> None:
    """Whatever lies on the topic, it is a message or an error that says why not."""
    with suppress(RecordError):
        assert decode(value) is not None


def test_numbers_that_control_nothing_are_refused() -> None:
    """Not finite, or a margin below nothing: the message names it."""
    with pytest.raises(FieldError, match="temperature is nan"):
        decode_reading(encode_reading(SensorReading(1, float("nan"))))
    with pytest.raises(FieldError, match="begin at 0"):
        decode_temperature_control(encode_temperature_control(TemperatureControl(1, 20.0, -1.0, 0.0)))
    with pytest.raises(DecodeError, match="no value"):
        decode_heater(None)
