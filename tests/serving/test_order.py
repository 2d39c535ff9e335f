"""A batch that says that it is elsewhere shows; what jumps for a good reason does not."""

from __future__ import annotations

from unittest.mock import MagicMock

import confluent_kafka
import numpy as np
import pytest

from modelserving.kafka.gaps import Gap
from modelserving.kafka.messages import MessageColumns, MessageRow
from modelserving.kafka.reading import Reread
from modelserving.serving.fast import source as source_module
from modelserving.serving.fast.order import Doubt, OffsetOrder
from modelserving.serving.fast.source import FastSource
from tests.serving.test_silence import NOWHERE


def columns(*places: tuple[int, int]) -> MessageColumns:
    return MessageColumns.of([MessageRow("t", part, offset, 0, None, b"v") for part, offset in places])


def at(part: int, *offsets: int) -> list[tuple[int, int]]:
    return [(part, offset) for offset in offsets]


@pytest.mark.parametrize(
    "offsets",
    [(5, 6, 7), (5, 7, 8), (9,), (6, 20, 89)],
    ids=["one after the other", "a mark between", "a jump before it", "jumps"],
)
def test_what_goes_forward_within_the_log_is_well(offsets: tuple[int, ...]) -> None:
    """Transactions and deletions leave out offsets."""
    order = OffsetOrder()
    order.expect(0, 5)
    assert not order.check(columns(*at(0, *offsets)), lambda _: 5, lambda _: 90)
    assert order.check(columns(*at(0, offsets[-1])), lambda _: 5, lambda _: 90) == {0: (0, offsets[-1] + 1)}


@pytest.mark.parametrize(
    ("offsets", "certain"),
    [
        ((5, 1_000, 7), 6),
        ((5, 6, 40, 41, 9, 10), 7),
        ((5, 90), 6),
        ((4, 5), 5),
        ((60, 6, 7), 5),
    ],
    ids=["far", "within the log", "behind it", "back", "at once"],
)
def test_what_goes_back_or_out_of_the_log_is_read_again_from_the_jump_on(
    offsets: tuple[int, ...], certain: int
) -> None:
    """Another partition's messages have nothing to do with it."""
    order, read = OffsetOrder(), columns(*at(1, 3), *at(0, *offsets), *at(1, 4))
    order.expect(0, 5)
    wrong = order.check(read, lambda _: 5, lambda _: 90)
    assert wrong == {0: (certain - 5, certain)}
    left = read.take(order.before(read, wrong))
    assert left.offsets[left.partitions == 0].tolist() == [*range(5, certain)]
    assert left.offsets[left.partitions == 1].tolist() == [3, 4]


def test_where_nothing_was_read_before_all_is_read_again() -> None:
    """From where the group goes on."""
    order, read = OffsetOrder(), columns(*at(0, 1_000, 11))
    assert order.check(read, lambda _: 10, lambda _: 90) == {0: (0, 10)}
    assert not order.before(read, {0: Doubt(0, 10)})
    assert np.array_equal(read.offsets, [1_000, 11])


def test_a_false_offset_is_a_gap_and_what_is_behind_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Librdkafka hands its records out as others; kafka-python tells what is there in truth."""
    gap = Gap("t", 0, 6, 8, "its offset is damaged", b"bytes")
    truth = Reread((gap,), (MessageRow("t", 0, 8, 0, None, b"v"),), 9)  # which librdkafka would not find from there
    monkeypatch.setattr(source_module, "reread", MagicMock(return_value=truth))
    source = FastSource(NOWHERE, "t", "group", "0", 10)
    source._consumer = MagicMock()
    source._consumer.get_watermark_offsets.return_value = (0, 90)
    source._order.expect(0, 5)

    def found(*offsets: int) -> list[confluent_kafka.Message]:
        return [confluent_kafka.Message(topic="t", partition=0, offset=one, value=b"v") for one in offsets]

    assert [one.offset for one in source._read(found(5, 40, 41, 8))] == [5, 8]
    assert source._gaps == [gap]
    assert source._consumer.seek.call_args.args[0].offset == 9
    assert [one.offset for one in source._read(found(9, 10))] == [9, 10]
    assert source._gaps == [gap]


def test_a_log_that_was_cut_is_read_from_its_beginning(monkeypatch: pytest.MonkeyPatch) -> None:
    """It ends before what was read, and librdkafka begins anew; nothing is wrong with that."""
    monkeypatch.setattr(source_module, "reread", MagicMock(return_value=Reread((), (), 50)))
    source = FastSource(NOWHERE, "t", "group", "0", 10)
    source._consumer = MagicMock()
    source._order.expect(0, 50)
    for offsets in ((0, 1), (2,)):
        found = [confluent_kafka.Message(topic="t", partition=0, offset=one, value=b"v") for one in offsets]
        assert [one.offset for one in source._read(found)] == [*offsets]
    assert not source._consumer.seek.called
