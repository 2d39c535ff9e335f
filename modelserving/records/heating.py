"""The messages of the dynamically controlled heater: bytes to dataclass and back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from google.protobuf.message import DecodeError as ProtobufDecodeError

from modelserving.errors import DecodeError, FieldError
from modelserving.records.wire import heating_pb2 as wire


class HeaterCommand(IntEnum):
    """What a heater is told, with its number on the wire."""

    ON = 0
    OFF = 1


@dataclass(frozen=True, slots=True)
class SensorReading:
    """How warm it is.

    Args:
        sensor: which sensor.
        temperature: °C.
    """

    sensor: int
    temperature: float

    @property
    def key(self) -> bytes:
        """The key of its message: all that is about one sensor meets in one partition."""
        return str(self.sensor).encode()


@dataclass(frozen=True, slots=True)
class TemperatureControl:
    """How warm it should be.

    Args:
        sensor: at which sensor.
        desired: °C.
        up: how far above is still well, K.
        down: how far below is still well, K.
    """

    sensor: int
    desired: float
    up: float
    down: float

    @property
    def key(self) -> bytes:
        """The key of its message."""
        return str(self.sensor).encode()


@dataclass(frozen=True, slots=True)
class HeaterControl:
    """What a heater is to do.

    Args:
        sensor: whose heater.
        command: on or off.
    """

    sensor: int
    command: HeaterCommand

    @property
    def key(self) -> bytes:
        """The key of its message."""
        return str(self.sensor).encode()


def decode_reading(value: bytes | None) -> SensorReading:
    """Read a sensor's reading.

    Raises:
        DecodeError: the bytes are none.
        FieldError: the temperature is no finite number.
    """
    w = _read(wire.SensorReading, value, "reading of a sensor")
    return SensorReading(w.sensorID, _finite(w.temperature, "temperature"))


def decode_temperature_control(value: bytes | None) -> TemperatureControl:
    """Read what is wanted at a sensor.

    Raises:
        DecodeError: the bytes are no such message.
        FieldError: a number is not finite, or a margin is less than 0.
    """
    w = _read(wire.TemperatureControl, value, "temperature control")
    up, down = _finite(w.upDelta, "upDelta"), _finite(w.downDelta, "downDelta")
    if up < 0 or down < 0:
        raise FieldError(f"the margins of a temperature control are {up:g} and {down:g} K; they begin at 0.")
    return TemperatureControl(w.sensorID, _finite(w.desired, "desired"), up, down)


def decode_heater(value: bytes | None) -> HeaterControl:
    """Read a command to a heater.

    Raises:
        DecodeError: the bytes are none.
        FieldError: the command is not known.
    """
    w = _read(wire.HeaterControl, value, "command to a heater")
    try:
        return HeaterControl(w.sensorID, HeaterCommand(w.command))
    except ValueError:
        raise FieldError(f"command {w.command} to a heater is unknown. Known: 0 on, 1 off.") from None


def encode_reading(reading: SensorReading) -> bytes:
    """Write a sensor's reading as the bytes of a message."""
    return wire.SensorReading(sensorID=reading.sensor, temperature=reading.temperature).SerializeToString()


def encode_temperature_control(control: TemperatureControl) -> bytes:
    """Write what is wanted at a sensor as the bytes of a message."""
    return wire.TemperatureControl(
        sensorID=control.sensor, desired=control.desired, upDelta=control.up, downDelta=control.down
    ).SerializeToString()


def encode_heater(control: HeaterControl) -> bytes:
    """Write a command to a heater as the bytes of a message."""
    command = wire.HeaterControl.Command.ValueType(int(control.command))
    return wire.HeaterControl(sensorID=control.sensor, command=command).SerializeToString()


def _read(kind: Any, value: bytes | None, what: str) -> Any:
    if value is None:  # an empty one is a message: sensor 0, and all numbers 0
        raise DecodeError(f"the message has no value; a {what} was expected.")
    try:
        return kind.FromString(value)
    except ProtobufDecodeError as error:
        raise DecodeError(f"{len(value)} bytes, first {value[:5].hex(' ')}, are no {what}: {error}.") from error


def _finite(value: float, name: str) -> float:
    if not math.isfinite(value):
        raise FieldError(f"{name} is {value}, not a finite number.")
    return value
