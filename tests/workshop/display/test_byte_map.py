"""A message byte by byte."""

from __future__ import annotations

import struct
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from modelserving.errors import ConfigError
from modelserving.records import WineRecord, encode_wine
from modelserving.workshop.display.byte_map import byte_map, pieces

WINE = WineRecord(7.9, 0.52, 0.26, 2.2, 0.079, 14.0, 38.0, 0.99675, 3.31, 0.62, 10.2)


def test_the_pieces_are_the_message() -> None:
    """Every byte belongs to one field, and says what the record says; a zero is not there."""
    message = encode_wine(replace(WINE, citric_acid=0.0))
    found = pieces(message)
    assert b"".join(piece.data for piece in found) == message
    assert [piece.name for piece in found] == [name for name in WINE.__dataclass_fields__ if name != "citric_acid"]
    assert (found[0].value, found[-1].value) == ("7.9", "'wine'")


def test_a_field_from_the_future_is_drawn_with_its_number() -> None:
    """What the file does not name is shown all the same; the sentence says what the picture shows."""
    picture = byte_map(encode_wine(WINE) + bytes([13 << 3 | 1]) + struct.pack("<d", 2027.0))
    assert "field 13, unknown, 2027" in picture.alt
    assert ET.fromstring(picture.svg).attrib["aria-label"] == picture.alt


@pytest.mark.parametrize("message", [b"\x09\x00", b"\x08\x01", b"\x62\x10wine"])
def test_what_is_no_such_message_is_refused(message: bytes) -> None:
    """Cut off, of another kind, or with a length that leads beyond its end: the place is named."""
    with pytest.raises(ConfigError, match="byte 0 of the message"):
        byte_map(message)
