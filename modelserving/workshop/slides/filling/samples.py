"""Samples on a slide: made of what the package writes, answers and prints, so that they cannot differ from it."""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from textwrap import fill

from modelserving.errors import ConfigError
from modelserving.records import WineRecord, encode_wine
from modelserving.workshop.slides.filling.figures import BenchmarkResults

_SOURCE = Path(__file__).resolve().parents[4]
_WINE = WineRecord(7.4, 0.7, 0.0, 1.9, 0.076, 11.0, 34.0, 0.9978, 3.51, 0.56, 9.4)
_EIGHT_BYTES, _A_TEXT = 1, 2  # kinds of values, as Protocol Buffers numbers them
_TERMINAL = 68


def message_of(fields: str) -> str:
    """Some fields of a wine as the package encodes it: a line each, in hexadecimal, and what it means.

    Args:
        fields: their numbers; between numbers that do not follow each other is a line with dots.

    Raises:
        ConfigError: the message does not have one of them.
    """
    told = dict(_fields(encode_wine(_WINE)))
    lines: list[str] = []
    before = 0
    for number in map(int, fields.split()):
        if number not in told:
            raise ConfigError(f"A slide shows field {number} of a wine, which its message does not have any more.")
        lines += ["…"] if number != before + 1 else []
        lines.append(told[number])
        before = number
    return "\n".join(lines)


def state_of(shown: str) -> str:
    """Some of what ``/state`` answers.

    Args:
        shown: fields and values, as JSON without its braces.

    Raises:
        ConfigError: ``/state`` has no such field, or not with such a value; says which.
    """
    from pydantic import ValidationError

    from modelserving.web.schemas import ModelState

    found = json.loads(f"{{{shown}}}")
    gone = sorted(found.keys() - ModelState.model_fields.keys())
    if gone:
        raise ConfigError(f"A slide shows {', '.join(gone)} of /state, which a server does not answer any more.")
    try:
        ModelState.model_validate(found, strict=True)
    except ValidationError as error:
        raise ConfigError(f"A slide shows a value at /state that a server would not answer: {error}") from error
    return f"{{{shown}, …}}"


def gain_of(results: BenchmarkResults, argument: str) -> str:
    """What ``models promote --if-better-by`` prints, in the width of a terminal.

    Args:
        results: with ``pairs``, ``gain`` and ``doubt``.
        argument: ``watching.gain | new model | old model``.
    """
    from modelserving.monitoring.truth.quality import Improvement

    name, new, old = (part.strip() for part in argument.split("|"))
    pairs, gain, doubt = (results.value(f"{name}.{part}") for part in ("pairs", "gain", "doubt"))
    return fill(f"{Improvement(int(pairs), gain, doubt).told(new, old)}.", _TERMINAL)


def lines_of(path: str) -> str:
    """How many lines a file of the source has.

    Raises:
        ConfigError: it is not there.
    """
    return f"{len(_named(path).read_text(encoding='utf-8').splitlines())} lines"


def files_of(path: str) -> str:
    """How many Python files a folder of the source has, and those in it.

    Raises:
        ConfigError: it is not there.
    """
    return f"{len(list(_named(path).rglob('*.py')))} files"


def _named(path: str) -> Path:
    found = _SOURCE / path
    if not found.exists():
        raise ConfigError(f"A slide counts {path}, which is not there any more.")
    return found


def _fields(message: bytes) -> Iterator[tuple[int, str]]:
    """Each field of a message by its number: its bytes, and what they mean."""
    while message:
        number, kind = message[0] >> 3, message[0] & 7
        assert kind in (_EIGHT_BYTES, _A_TEXT)  # a wine has no others
        size = 9 if kind == _EIGHT_BYTES else 2 + message[1]
        tag, value, message = message[:1], message[1:size], message[size:]
        if kind == _EIGHT_BYTES:
            means = f"eight bytes: {struct.unpack('<d', value)[0]:g}"
        else:
            means = f'a text of {value[0]}: "{value[1:].decode()}"'
        yield number, f"{tag.hex()}  {value.hex(' '):<27}field {number}, {means}"
