"""Broken records, made on purpose: what strangers send sooner or later."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

from modelserving.records.defaults import DefaultRecord, encode_default


def _truncated(record: DefaultRecord, chance: random.Random) -> bytes:
    encoded = encode_default(record)
    return encoded[: chance.randrange(1, len(encoded) - 1)]


def _noise(_: DefaultRecord, chance: random.Random) -> bytes:
    return b"\xff" + chance.randbytes(chance.randrange(1, 200))


def _empty(_: DefaultRecord, __: random.Random) -> bytes:
    return b""


def _not_a_number(record: DefaultRecord, _: random.Random) -> bytes:
    return encode_default(replace(record, alcohol=float("nan")))


def _no_data_type(record: DefaultRecord, _: random.Random) -> bytes:
    return encode_default(replace(record, data_type=""))


def _hostile_data_type(record: DefaultRecord, _: random.Random) -> bytes:
    return encode_default(replace(record, data_type="../../etc/passwd"))


FAULTS: tuple[Callable[[DefaultRecord, random.Random], bytes], ...] = (
    _truncated,
    _noise,
    _empty,
    _not_a_number,
    _no_data_type,
    _hostile_data_type,
)
"""Ways to break a record; each gives bytes that no server can score."""


def break_record(record: DefaultRecord, chance: random.Random) -> bytes:
    """The bytes of a record, broken in one of the ways of ``FAULTS``."""
    return chance.choice(FAULTS)(record, chance)
