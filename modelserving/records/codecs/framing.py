"""Confluent's framing: a magic byte and the number of a schema before the record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelserving.errors import DecodeError

_MAGIC = b"\0"
_PREFIX = 5
_VARINT_BYTES = 5


@dataclass(frozen=True, slots=True)
class FramedMessage:
    """A message without its prefix.

    Args:
        schema_id: the number that a registry knows its schema by.
        payload: the record.
        indexes: of Protocol Buffers, which message of the schema's file it is, from the outermost in; empty for the
            first, and for other encodings.
    """

    schema_id: int
    payload: bytes
    indexes: tuple[int, ...] = ()


def read_frames(
    values: Sequence[bytes | None], protobuf: bool = False
) -> tuple[dict[int, FramedMessage], dict[int, DecodeError]]:
    """Take the prefixes off.

    Args:
        values: the messages.
        protobuf: whether they are Protocol Buffers, which have more in their prefix.

    Returns:
        The frames, and why a message has none, both by the number of the message.
    """
    frames: dict[int, FramedMessage] = {}
    problems: dict[int, DecodeError] = {}
    for row, value in enumerate(values):
        try:
            frames[row] = _read(value, protobuf)
        except DecodeError as error:
            problems[row] = error
    return frames, problems


def write_frame(schema_id: int, payload: bytes, protobuf: bool = False) -> bytes:
    """Put the prefix before a record; of Protocol Buffers, as the first message of its file.

    Raises:
        DecodeError: the number is none that the prefix can hold.
    """
    if not 0 <= schema_id < 1 << 32:
        raise DecodeError(f"schema {schema_id} has no number from 0 to {(1 << 32) - 1:,}.")
    return _MAGIC + schema_id.to_bytes(4, "big") + (b"\0" if protobuf else b"") + payload


def _read(value: bytes | None, protobuf: bool) -> FramedMessage:
    if value is None or len(value) < _PREFIX or value[:1] != _MAGIC:
        raise DecodeError(
            "the message does not begin with Confluent's framing: a byte 0 and the four of a schema's number."
        )
    schema_id = int.from_bytes(value[1:_PREFIX], "big")
    if not protobuf:
        return FramedMessage(schema_id, value[_PREFIX:])
    indexes, start = _read_indexes(value)
    return FramedMessage(schema_id, value[start:], indexes)


def _read_indexes(value: bytes) -> tuple[tuple[int, ...], int]:
    count, offset = _read_varint(value, _PREFIX)
    if count < 0 or count > len(value):
        raise DecodeError(f"the message's framing claims {count:,} indexes of messages.")
    found = []
    for _ in range(count):
        index, offset = _read_varint(value, offset)
        found.append(index)
    return tuple(found) if found != [0] else (), offset


def _read_varint(value: bytes, offset: int) -> tuple[int, int]:
    """A zigzag number, and where it ends."""
    number = 0
    for shift, byte in enumerate(value[offset : offset + _VARINT_BYTES]):
        number |= (byte & 127) << 7 * shift
        if byte < 128:
            return (number >> 1) ^ -(number & 1), offset + shift + 1
    raise DecodeError("the message's framing is cut short.")
