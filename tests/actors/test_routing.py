"""Which actor a record belongs to, without decoding it."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from modelserving.actors.routing import data_type_of, sort_by_type
from modelserving.errors import RecordError
from modelserving.records import FEATURES, WineRecord, decode_wine, encode_wine
from tests.fakes import messages, wine

MEASURED = st.floats(allow_nan=True, allow_infinity=True)
TYPES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", fullmatch=True)


def decoded_type(value: bytes | None) -> str:
    try:
        return decode_wine(value).data_type
    except RecordError:
        return ""


@given(st.lists(MEASURED, min_size=11, max_size=11), TYPES)
def test_the_quick_look_finds_what_decoding_finds(values: list[float], data_type: str) -> None:
    """For every record, also those with zeros, which Protocol Buffers leaves out."""
    record = WineRecord(**dict(zip(FEATURES, values, strict=True)), data_type=data_type)
    assert data_type_of(encode_wine(record)) == data_type


@given(st.binary(max_size=200), st.integers(0, 120), st.binary(min_size=1, max_size=3))
def test_garbage_is_never_taken_for_a_record(garbage: bytes, at: int, more: bytes) -> None:
    """Nor is a record with bytes changed, cut or added: what cannot be decoded has no type, or that of its bytes."""
    assert data_type_of(garbage) in {decoded_type(garbage), ""}
    good = encode_wine(wine("white"))
    for spoiled in (good[:at], good[:at] + more + good[at + len(more) :], good + more):
        assert data_type_of(spoiled) in {decoded_type(spoiled), "white", ""}


def test_each_type_keeps_its_order_and_garbage_has_none() -> None:
    """Nothing is lost on the way."""
    mixed = messages([wine("white"), b"\xff", wine(), None, wine("white"), b""])
    groups = sort_by_type(mixed)
    assert {name: [message.offset for message in group] for name, group in groups.items()} == {
        "white": [0, 4],
        "": [1, 3, 5],
        "wine": [2],
    }
