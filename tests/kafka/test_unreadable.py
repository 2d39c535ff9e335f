"""What no client can take apart is passed over and noted; what is around it is read."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence

import pytest
from kafka import TopicPartition
from kafka.record.default_records import DefaultRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords

from modelserving.kafka import unreadable
from modelserving.kafka.gaps import Gap
from modelserving.kafka.messages import letter_of
from modelserving.kafka.unreadable import LenientRecords

GZIP = 1


def batch(base: int, *values: bytes, codec: int = 0, headers: Sequence[tuple[str, bytes]] = ()) -> bytearray:
    """A batch as it is on a broker's disk."""
    builder = DefaultRecordBatchBuilder(2, codec, False, -1, -1, -1, 1_000_000)
    for offset, value in enumerate(values):
        builder.append(offset, 1_700_000_000_000, b"key", value, list(headers))
    made = bytearray(builder.build())
    struct.pack_into(">q", made, 0, base)
    return made


def corrupted(data: bytearray, at: int = -2, bits: int = 0xFF) -> bytearray:
    data[at] ^= bits
    return data


def with_magic(data: bytearray, magic: int) -> bytearray:
    data[16] = magic
    return data


def resealed(data: bytearray) -> bytearray:
    """With the checksum of what is in it now."""
    from kafka.record.util import calc_crc32c

    struct.pack_into(">I", data, 17, calc_crc32c(memoryview(data)[21:]))
    return data


def read(*batches: bytes | bytearray, start: int = 0) -> tuple[list[tuple[int, bytes]], list[Gap], int]:
    """What is read, what is passed over, and where it goes on."""
    gaps: list[Gap] = []
    records = LenientRecords(gaps.append, start, TopicPartition("t", 3), MemoryRecords(b"".join(batches)))
    found = [(record.offset, record.value) for _ in range(10) if records for record in records.take(2)]
    return found, gaps, records.next_fetch_offset


UNREADABLE = {
    "corrupt": corrupted(batch(2, b"c", b"d", b"e")),
    "of a format to come": with_magic(batch(2, b"c", b"d", b"e"), 3),
    "of an unknown codec": resealed(corrupted(batch(2, b"c", b"d", b"e"), 22, 7)),
    "no gzip": resealed(corrupted(batch(2, b"c" * 99, b"d", b"e", codec=GZIP), -20)),
    "of records that do not fit": resealed(corrupted(batch(2, b"c", b"d", b"e"), 61)),
}


@pytest.mark.parametrize("bad", UNREADABLE.values(), ids=UNREADABLE)
def test_what_cannot_be_read_is_a_gap_between_two_batches(bad: bytearray) -> None:
    """All around it is read once, in order; the gap has the position, the reason and the bytes."""
    found, gaps, goes_on = read(batch(0, b"a", b"b"), bad, batch(5, b"f", b"g"))
    assert found == [(0, b"a"), (1, b"b"), (5, b"f"), (6, b"g")]
    (gap,) = gaps
    assert (gap.topic, gap.partition, gap.start, gap.value) == ("t", 3, 2, bytes(bad))
    assert 3 <= gap.end <= 5
    assert "cannot be read" in letter_of(gap).reason
    assert goes_on == 7


def test_reading_goes_on_behind_an_unreadable_end() -> None:
    """A partition that ends with what cannot be read is not asked for it again."""
    found, gaps, goes_on = read(batch(0, b"a", b"b"), UNREADABLE["corrupt"])
    assert (len(found), len(gaps), goes_on) == (2, 1, 5)


def test_a_batch_that_is_there_in_part_is_left_for_the_next_answer() -> None:
    """A broker cuts its answer where it is full: no gap, and the position stays before it."""
    found, gaps, goes_on = read(batch(0, b"a", b"b"), bytes(batch(2, b"c"))[:-3])
    assert (len(found), gaps, goes_on) == (2, [], 2)


def test_the_position_is_behind_the_last_message_that_was_handed_out() -> None:
    """Who takes half a batch can seek to the position, and gets the other half."""
    records = LenientRecords(print, 0, TopicPartition("t", 0), MemoryRecords(bytes(batch(0, b"a", b"b", b"c"))))
    assert [record.offset for record in records.take(2)] == [0, 1]
    assert records.next_fetch_offset == 2


def test_names_of_headers_need_be_no_text() -> None:
    """The record keeps key and value and loses its headers; those beside it lose nothing."""
    made = batch(0, b"a", b"b", headers=[("name", b"v")])
    found, gaps, _ = read(resealed(bytearray(bytes(made).replace(b"name", b"n\xff\xfee"))))
    assert (found, gaps) == ([(0, b"a"), (1, b"b")], [])


def test_what_would_fill_the_memory_is_not_unfolded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A small batch that unfolds to more than the limit is a gap."""
    monkeypatch.setattr(unreadable, "_UNFOLDED_BYTES", 10_000)
    bomb = batch(0, b"\0" * 100_000, codec=GZIP)
    assert len(bomb) < len(gzip.compress(b"\0" * 100_000)) + 200
    found, (gap,), _ = read(bomb, batch(1, b"b"))
    assert found == [(1, b"b")]
    assert "unfolds to more" in gap.reason


@pytest.mark.parametrize("base", [0, 1, 3, 4, 60], ids=["before", "before", "into the next", "as the next", "far off"])
@pytest.mark.parametrize("alone", [False, True], ids=["first of all", "behind another"])
def test_a_batch_that_says_that_it_is_elsewhere_is_a_gap(base: int, alone: bool) -> None:
    """Its offset is covered by no checksum; its records are handed out nowhere, and those around it where they are."""
    first = () if alone and base >= 2 else (batch(0, b"a", b"b"),)
    found, gaps, goes_on = read(*first, batch(base, b"c", b"d"), batch(4, b"e", b"f"), start=0 if first else 2)
    assert found == [*[(0, b"a"), (1, b"b")][: 2 * len(first)], (4, b"e"), (5, b"f")]
    assert [(gap.start, gap.end) for gap in gaps] == [(2, 4)]
    assert "elsewhere" in gaps[0].reason
    assert goes_on == 6


def test_the_last_batch_of_an_answer_is_seen_to_be_elsewhere_by_the_beginning_of_the_next() -> None:
    """A broker cuts its answer where it is full; of what it has cut off, the first bytes say where that is."""
    answer = (batch(0, b"a", b"b"), batch(60, b"c", b"d"), bytes(batch(4, b"e"))[:20])
    found, gaps, goes_on = read(*answer)
    assert (found, goes_on) == ([(0, b"a"), (1, b"b")], 4)
    assert [(gap.start, gap.end) for gap in gaps] == [(2, 4)]
    found, gaps, goes_on = read(batch(0, b"a"), bytes(batch(1, b"e"))[:7])
    assert (found, gaps, goes_on) == ([(0, b"a")], [], 1)


@pytest.mark.parametrize(
    ("asked", "offsets", "gaps"),
    [
        (3, [*range(4, 10), 12, 13], [(3, 4), (10, 12)]),
        (4, [*range(4, 10), 12, 13], [(10, 12)]),
        (7, [7, 8, 9, 12, 13], [(10, 12)]),
        (10, [12, 13], [(10, 12)]),
        (11, [12, 13], [(11, 12)]),
        (12, [12, 13], []),
    ],
)
def test_what_was_passed_is_not_met_again(asked: int, offsets: list[int], gaps: list[tuple[int, int]]) -> None:
    """Who asks for what is behind a batch that says that it is further on gets that batch first, and all behind it."""
    batches = [batch(60, b"c", b"d"), *(batch(base, b"v", b"v") for base in (4, 6, 8, 1, 12))]
    found, passed, goes_on = read(*batches, start=asked)
    assert ([offset for offset, _ in found], goes_on) == (offsets, 14)
    assert [(gap.start, gap.end) for gap in passed] == gaps


def test_a_batch_cannot_be_behind_the_end_of_the_log() -> None:
    """Where it is the last one, nothing behind it shows that its offset is wrong."""
    gaps: list[Gap] = []
    records = LenientRecords(gaps.append, 2, TopicPartition("t", 0), MemoryRecords(bytes(batch(60, b"c", b"d"))))
    records.log_end = 4
    assert (records.take(9), records.next_fetch_offset) == ([], 4)
    assert [(gap.start, gap.end) for gap in gaps] == [(2, 4)]


def test_what_came_while_a_broker_answered_is_read() -> None:
    """It tells the end of its log before it reads: what was appended in between is behind that end, and right."""
    gaps: list[Gap] = []
    data = bytes(batch(100, b"a", b"b")) + bytes(batch(102, b"c"))
    records = LenientRecords(gaps.append, 100, TopicPartition("t", 0), MemoryRecords(data))
    records.log_end = 100
    assert [record.value for record in records.take(9)] == [b"a", b"b", b"c"]
    assert (gaps, records.next_fetch_offset) == ([], 103)


def test_what_was_compacted_is_no_gap() -> None:
    """Offsets may be left out between two batches, and at the end of one."""
    found, gaps, _ = read(batch(5, b"a", b"b"), batch(9, b"c"), start=2)
    assert (found, gaps) == ([(5, b"a"), (6, b"b"), (9, b"c")], [])
