"""Many wine records at once: what comes out is what would come out one by one."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from modelserving.errors import RecordError
from modelserving.records import FEATURES, WineBatch, WineRecord, decode_wine, decode_wines, encode_wine
from tests.fakes import WINE
from tests.records.strategies import wines

numbers = st.sampled_from([0.0, -0.0, 1.0, float("nan"), float("inf")]) | st.floats()
kinds = st.sampled_from(["wine", "white", "beer", "", "../x", "wein é", "a" * 65])
any_wines = st.builds(WineRecord, **dict.fromkeys(FEATURES, numbers), data_type=kinds)
field_of_a_message = st.one_of(
    st.tuples(st.integers(1, 13), st.floats()).map(lambda pair: bytes([pair[0] << 3 | 1]) + struct.pack("<d", pair[1])),
    st.binary(max_size=130).map(lambda text: bytes([98, len(text)]) + text),
    st.binary(max_size=12),
)
messages = st.one_of(
    st.none(),
    st.binary(max_size=120),
    any_wines.map(encode_wine),
    st.tuples(any_wines.map(encode_wine), st.integers(0, 130)).map(lambda pair: pair[0][: pair[1]]),
    st.tuples(any_wines.map(encode_wine), field_of_a_message).map(b"".join),
    st.lists(field_of_a_message, max_size=13).map(b"".join),
)


def one_by_one(values: Sequence[bytes | None]) -> tuple[dict[int, WineRecord], dict[int, str]]:
    """The records and the problems, as ``decode_wine`` finds them."""
    records: dict[int, WineRecord] = {}
    problems: dict[int, str] = {}
    for row, value in enumerate(values):
        try:
            records[row] = decode_wine(value)
        except RecordError as error:
            problems[row] = f"{type(error).__name__}: {error}"
    return records, problems


def all_at_once(values: Sequence[bytes | None]) -> tuple[dict[int, WineRecord], dict[int, str]]:
    """The same, as ``decode_wines`` finds them."""
    decoded = decode_wines(values)
    records: dict[int, WineRecord] = {}
    for data_type, (rows, batch) in decoded.groups.items():
        assert batch.data_type == data_type
        assert rows == sorted(rows)
        records.update(zip(rows, batch, strict=True))
    return records, {row: f"{type(error).__name__}: {error}" for row, error in decoded.problems.items()}


def shown(found: tuple[dict[int, WineRecord], dict[int, str]]) -> tuple[dict[int, str], dict[int, str]]:
    """To compare with: NaN is equal to NaN, and 0 is not -0."""
    return {row: repr(record) for row, record in sorted(found[0].items())}, found[1]


@given(st.lists(messages, max_size=12))
@example([encode_wine(WINE)] * 3 + [b"", None, b"\xff"])
@example([encode_wine(WINE), encode_wine(WINE)[:-5], encode_wine(WINE)[:-6] + b"\x62\x05wine"])
@example([b"\x62\x02\xff\xfe"] * 3)
@example([encode_wine(WINE) + b"\x09" + bytes(8)] * 2)
@example([b"\x62"] * 2)
@example([encode_wine(replace(WINE, citric_acid=acid)) + b"\x68\x01" for acid in (1.0, 0.0, 1.0)])
def test_many_messages_are_read_as_each_would_be(values: list[bytes | None]) -> None:
    """Whatever the messages are: well formed, cut, doubled, reordered, of another sender, or garbage."""
    assert shown(all_at_once(values)) == shown(one_by_one(values))


@given(st.lists(any_wines, min_size=1, max_size=4), st.lists(st.integers(0, 3), min_size=10, max_size=40))
def test_messages_of_few_layouts_are_read_as_each_would_be(kinds_of: list[WineRecord], order: list[int]) -> None:
    """As in a real stream: many messages, few layouts, mixed."""
    values = [encode_wine(kinds_of[number % len(kinds_of)]) for number in order]
    assert shown(all_at_once(values)) == shown(one_by_one(values))


def test_groups_come_in_the_order_in_which_their_types_appear() -> None:
    """So that what is scored first is what arrived first."""
    kinds_seen = ["white", "wine", "white", "beer"]
    values = [encode_wine(replace(WINE, data_type=kind)) for kind in kinds_seen]
    assert list(decode_wines(values).groups) == ["white", "wine", "beer"]


class TestWineBatch:
    @given(st.lists(wines, min_size=1, max_size=5))
    def test_it_is_a_sequence_of_its_records(self, records: list[WineRecord]) -> None:
        """A model that knows nothing of matrices reads records."""
        same = [WineRecord(*[getattr(record, name) for name in FEATURES]) for record in records]
        batch = WineBatch.of(same)
        assert list(batch) == same
        assert [batch[row] for row in range(len(batch))] == same
        assert list(batch[1:]) == same[1:]
        assert batch.matrix.shape == (len(records), 11)

    def test_rows_can_be_taken_out_of_it(self) -> None:
        """In any order, and with what they say of themselves."""
        batch = WineBatch(np.arange(33.0).reshape(3, 11), "white")
        taken = batch.take([2, 0])
        assert [record.fixed_acidity for record in taken] == [22.0, 0.0]
        assert taken.data_type == "white"

    def test_records_of_two_types_are_no_batch(self) -> None:
        """They would go to two models."""
        with pytest.raises(RecordError, match="2"):
            WineBatch.of([WINE, replace(WINE, data_type="white")])
