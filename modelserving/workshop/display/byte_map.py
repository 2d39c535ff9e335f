"""A protobuf message byte by byte, as a picture: which bytes are a field's tag, which its value, and what it says."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from modelserving.errors import ConfigError
from modelserving.records import WineRecord
from modelserving.svg import Markup, document, element, join, label
from modelserving.widgets.colours import INK, LIT_TEXT, SERIES
from modelserving.workshop.display.diagrams import Diagram

_NAMES = tuple(WineRecord.__dataclass_fields__)
_DOUBLE, _TEXT = 1, 2
_CELL, _ROW, _LEFT, _VALUE = 26, 30, 26, 300
_WIDTH = 760


@dataclass(frozen=True, slots=True)
class Piece:
    """One field of a message.

    Args:
        number: of the field; its name is in the ``.proto`` file.
        start: offset of its first byte, the tag.
        head: how many bytes say which field it is, and how long: 1 or 2.
        data: all of its bytes.
        value: what they mean, as text.
    """

    number: int
    start: int
    head: int
    data: bytes
    value: str

    @property
    def name(self) -> str:
        """Its name in ``winerecord.proto``; of a field that is not there, its number."""
        return _NAMES[self.number - 1] if 0 < self.number <= len(_NAMES) else f"field {self.number}, unknown"


def pieces(message: bytes) -> tuple[Piece, ...]:
    """Take a message apart.

    Args:
        message: of doubles and short texts, with field numbers below 16, as a wine record is.

    Raises:
        ConfigError: another kind of field, or the message ends in the middle of one.
    """
    return tuple(_pieces(message))


def byte_map(message: bytes) -> Diagram:
    """Draw a message, one field a row.

    Args:
        message: as for ``pieces``.
    """
    found = pieces(message)
    height = _ROW * (len(found) + 1)
    said = "; ".join(f"bytes {p.start} to {p.start + len(p.data) - 1} are {p.name}, {p.value}" for p in found)
    alt = f"{len(message)} bytes. Of each field, the first byte is its tag: {said}."
    drawn = (_row(piece, _ROW * (n + 1)) for n, piece in enumerate(found))
    style = f"width:100%;max-width:{_WIDTH}px;height:auto;display:block"
    picture = document(
        _WIDTH, height, alt, _heading(), *drawn, style=style, font_family="ui-monospace, monospace", font_size=12
    )
    return Diagram(picture, alt)


def _pieces(message: bytes) -> Iterator[Piece]:
    start = 0
    while start < len(message):
        number, kind = message[start] >> 3, message[start] & 7
        if kind == _DOUBLE and len(message) >= start + 9:
            data = message[start : start + 9]
            yield Piece(number, start, 1, data, f"{struct.unpack('<d', data[1:])[0]:g}")
        elif kind == _TEXT and len(message) > start + 1 and len(message) >= start + 2 + message[start + 1]:
            data = message[start : start + 2 + message[start + 1]]
            yield Piece(number, start, 2, data, repr(data[2:].decode("utf-8", "replace")))
        else:
            raise ConfigError(
                f"byte {start} of the message begins no field of a kind that is drawn here (kind {kind})."
            )
        start += len(data)


def _heading() -> Markup:
    words = {"fill": INK, "font_family": "system-ui, sans-serif", "font_weight": "600"}
    return join(
        (
            label(0, 20, "byte", **words),
            label(_LEFT + 12, 20, "tag, then value", **words),
            label(_VALUE, 20, "field", **words),
            label(_WIDTH, 20, "value", text_anchor="end", **words),
        )
    )


def _row(piece: Piece, top: float) -> Markup:
    """The bytes of one field, its tag filled, and what they say."""
    boxes = [_byte(byte, n, piece, top) for n, byte in enumerate(piece.data[:10])]
    middle = top + 19
    return join(
        (
            label(_LEFT, middle, piece.start, text_anchor="end", fill=INK),
            *boxes,
            label(_VALUE, middle, f"{piece.number} · {piece.name}", fill=INK),
            label(_WIDTH, middle, piece.value, text_anchor="end", fill=INK),
        )
    )


def _byte(byte: int, position: int, piece: Piece, top: float) -> Markup:
    colour = SERIES[piece.number % 2 * 2]
    is_head = position < piece.head
    x = _LEFT + 12 + position * _CELL
    paint = {"fill": colour if is_head else "none", "stroke": colour, "stroke_width": "1.3"}
    text = label(x + 12, top + 19, f"{byte:02x}", text_anchor="middle", fill=LIT_TEXT if is_head else INK)
    return join((element("rect", x=x, y=top + 3, width=_CELL - 2, height=_ROW - 6, rx=3, **paint), text))
