"""Broken records are really broken."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.client import FAULTS, break_record
from modelserving.errors import DecodeError, FieldError, RecordError
from modelserving.models.formats.inputs import FieldReader
from modelserving.records import FEATURES, WineRecord, decode_wine
from tests.fakes import WINE
from tests.records.strategies import wines

Fault = Callable[[WineRecord, random.Random], bytes]


def complaint(value: bytes) -> str:
    """Why a server cannot score these bytes, by the checks that servers make; empty when it can."""
    try:
        record = decode_wine(value)
    except RecordError as error:
        return type(error).__name__
    reader = FieldReader(FEATURES)
    return " ".join(reader.problems(reader.read([record])).values())


@pytest.mark.parametrize("fault", FAULTS)
@given(record=wines, seed=st.integers(0, 2**32))
def test_no_server_can_score_what_a_fault_made(fault: Fault, record: WineRecord, seed: int) -> None:
    """Whatever the record and the dice, the bytes fail to decode, or a measurement is not finite."""
    assert complaint(fault(record, random.Random(seed)))


def test_faults_fail_in_different_ways() -> None:
    """Undecodable bytes, a data type that is not allowed, a measurement that is no number: servers meet them all."""
    found = {complaint(fault(WINE, random.Random(1))) for fault in FAULTS}
    assert {DecodeError.__name__, FieldError.__name__, "alcohol is nan, not a finite number"} <= found


def test_the_same_dice_break_a_record_the_same_way() -> None:
    """A run with a seed can be repeated."""
    first, second = ([break_record(WINE, chance) for _ in range(50)] for chance in (random.Random(3), random.Random(3)))
    assert first == second


def test_every_fault_has_its_turn() -> None:
    """Over many records no way of breaking one is left out."""
    chance, made = random.Random(5), Counter[str]()
    for _ in range(200):
        made[complaint(break_record(WINE, chance))] += 1
    assert len(made) >= 3
