"""A consumer goes on behind answers that lead nowhere; what was passed over is noted."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest
from kafka import TopicPartition
from kafka.consumer.fetcher import CompletedFetch, Fetcher
from kafka.consumer.subscription_state import SubscriptionState
from kafka.errors import CorruptRecordError, UnknownError
from kafka.protocol.consumer import FetchResponse

from modelserving.kafka import stuck as stuck_module
from modelserving.kafka.gaps import Gap
from modelserving.kafka.stuck import StuckFetches
from tests.kafka.test_unreadable import batch


class Stuck:
    """A consumer's fetcher, the partition that it reads, and the answers that it gets there."""

    def __init__(self) -> None:
        self.partition, self.gaps = TopicPartition("t", 3), list[Gap]()
        self.positions = SubscriptionState()
        self.positions.assign_from_user([self.partition])
        self.positions.seek(self.partition, 2)
        self.fetcher = Fetcher(MagicMock(**{"_manager.broker_version": (1, 0)}), self.positions)
        self.take = StuckFetches(self.fetcher, self.gaps.append)

    def answer(self, at: int, data: bytes = b"", error: int = 0, end: int = 90) -> object:
        """Take an answer of the broker to what was asked from that offset on."""
        kind = FetchResponse.FetchableTopicResponse.PartitionData
        part = kind(partition_index=3, error_code=error, high_watermark=end, records=data)
        return self.take(CompletedFetch(self.partition, at, 12, part, None))

    def arrive(self, **others: bytes) -> None:
        """Let an answer come that has nothing of the partition, and this of others: all that a broker sends at once."""
        topic = FetchResponse.FetchableTopicResponse
        parts = [topic.PartitionData(partition_index=3, error_code=0, high_watermark=90, records=b"")]
        parts += [topic.PartitionData(partition_index=4, high_watermark=9, records=data) for data in others.values()]
        asked = {TopicPartition("t", part.partition_index): 2 for part in parts}
        response = FetchResponse(version=12, responses=[topic(topic="t", partitions=parts)])
        self.fetcher._handle_fetch_response(0, asked, 0.0, response)

    @property
    def position(self) -> int:
        return int(self.positions.assignment[self.partition].position.offset)


@pytest.mark.parametrize(("kept", "goes_on"), [(70, 5), (40, 3), (6, 3)], ids=["head", "half a head", "no length"])
def test_a_batch_that_never_comes_whole_is_passed_over(kept: int, goes_on: int) -> None:
    """As far as its head tells, else by one; the gap has what came of it. A whole one is read as ever."""
    stuck = Stuck()
    data = bytes(batch(2, b"c", b"d", b"e"))
    assert stuck.answer(2, data[:kept]) is None
    (gap,) = stuck.gaps
    assert (gap.start, gap.end, gap.value, stuck.position) == (2, goes_on, data[:kept], goes_on)
    assert "in part only" in gap.reason
    assert stuck.answer(2, data[:kept]) is None  # an answer of before
    assert (len(stuck.gaps), stuck.position) == (1, goes_on)
    assert stuck.answer(goes_on, bytes(batch(goes_on, b"f")))
    assert stuck.answer(goes_on, b"", end=goes_on) is not None


def test_what_a_head_says_leads_to_the_end_of_the_log_at_most() -> None:
    """A head that lies about its offsets does not lead out of the log, and so not back to its beginning."""
    stuck = Stuck()
    stuck.answer(2, bytes(batch(2, b"c", b"d", b"e"))[:70], end=4)
    assert stuck.position == 4


@pytest.mark.parametrize(("end", "comes"), [(90, 4), (90, 9), (-1, 3)], ids=["soon", "later", "nothing is told"])
def test_a_log_that_the_broker_calls_damaged_is_passed_over_after_some_times(end: int, comes: int) -> None:
    """It is asked for again at first, since another replica may answer; then it is one gap, as far as it goes."""
    stuck, damaged = Stuck(), CorruptRecordError.errno
    for _ in range(4):
        assert stuck.answer(2, error=damaged, end=end) is None
    assert (stuck.gaps, stuck.position) == ([], 2)
    while not stuck.gaps:
        at = stuck.position
        stuck.answer(at, bytes(batch(at, b"f")), end=end) if at >= comes else stuck.answer(at, error=damaged, end=end)
    assert [(gap.start, gap.end, gap.value) for gap in stuck.gaps] == [(2, comes, None)]
    assert "log is damaged" in stuck.gaps[0].reason
    assert stuck.position == comes


@pytest.mark.parametrize("comes", [3, 4, 5, 11, 60, 89, 90], ids=str)
def test_a_silence_is_left_where_something_comes_again(comes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked often, and for long; then it is one gap, to what is answered again, or to the end of the log."""
    monkeypatch.setattr(stuck_module, "_SILENT_S", 0.0)
    stuck = Stuck()
    asked = []
    while not stuck.gaps:
        asked.append(stuck.position)
        found = stuck.answer(asked[-1], bytes(batch(asked[-1], b"f")) if asked[-1] >= comes else b"")
    assert asked[:5] == [2] * 5
    assert len(asked) < 25 + stuck_module._SAMPLES
    (gap,) = stuck.gaps
    assert (gap.start, gap.end, gap.value, stuck.position) == (2, comes, None, comes)
    assert "log is damaged" in gap.reason
    if asked[-1] == comes:
        assert [record.value for record in found.take(9)] == [b"f"]  # type: ignore[attr-defined]
    assert stuck.answer(comes, bytes(batch(comes, b"f")))


@pytest.mark.parametrize(("first", "second"), [((2, 7), (10, 20)), ((2, 5), (8, 60)), ((2, 12), (16, 90))], ids=str)
def test_what_can_be_read_between_two_silences_is_read(
    first: tuple[int, int], second: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps that double lead over it, into the second one; each is a gap by itself."""
    monkeypatch.setattr(stuck_module, "_SILENT_S", 0.0)
    stuck, read = Stuck(), set[int]()
    damaged = {*range(*first), *range(*second)}
    while stuck.position < 90:
        at = stuck.position
        found = stuck.answer(at, b"" if at in damaged else bytes(batch(at, b"f")))
        if found and at not in damaged and stuck.position == at:
            read |= {record.offset for record in found.take(9)}  # type: ignore[attr-defined]
            stuck.positions.seek(stuck.partition, at + 1)
    assert [(gap.start, gap.end) for gap in stuck.gaps] == [first, second]
    assert read == {*range(2, 90)} - damaged


def test_a_silence_is_borne_for_a_while() -> None:
    """However often it is asked, a moment without an answer is none; nor is the end of the log."""
    stuck = Stuck()
    for _ in range(20):
        stuck.answer(2)
    assert (stuck.gaps, stuck.position) == ([], 2)
    assert stuck.answer(2, bytes(batch(2, b"c")))
    for _ in range(20):
        stuck.answer(2, end=2)
    assert (stuck.gaps, stuck.position) == ([], 2)


def test_nobody_searches_behind_a_seek(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who seeks in the middle of a search is where they sought."""
    monkeypatch.setattr(stuck_module, "_SILENT_S", 0.0)
    stuck = Stuck()
    for _ in range(6):
        stuck.answer(stuck.position)
    stuck.positions.seek(stuck.partition, 40)
    assert stuck.answer(40, bytes(batch(40, b"f")))
    assert (stuck.gaps, stuck.position) == ([], 40)


def test_the_search_does_not_lead_behind_an_open_transaction() -> None:
    """What may not be read yet is left for later, also where the broker does not tell how far a reader may go."""
    stuck = Stuck()
    stuck.positions.assignment[stuck.partition].highwater = 90
    while not stuck.gaps:
        at = stuck.position
        stuck.answer(at, end=20) if at >= 20 else stuck.answer(at, error=CorruptRecordError.errno, end=-1)
    assert [(gap.start, gap.end) for gap in stuck.gaps] == [(2, 20)]
    assert stuck.position == 20


def test_who_gets_nothing_since_others_got_much_is_not_called_damaged(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer has an end: a broker fills it with what stands first, and has no room for the others."""
    monkeypatch.setattr(stuck_module, "_SILENT_S", 0.0)
    stuck = Stuck()
    for _ in range(20):
        stuck.arrive(other=bytes(batch(2, b"f")))
        stuck.answer(2)
    assert (stuck.gaps, stuck.position) == ([], 2)
    for _ in range(5):
        stuck.arrive(other=b"")
        stuck.answer(2)
    assert stuck.position == 3  # nobody had anything, so it begins to search


def test_a_broker_that_fails_everywhere_is_no_damaged_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its unknown error is an error to who reads, who begins again where they were; nothing is passed over."""
    monkeypatch.setattr(stuck_module, "_SILENT_S", 0.0)
    stuck = Stuck()
    with pytest.raises(UnknownError, match="partition 3, from 2 on"):  # noqa: PT012 - which answer it is does not matter
        for _ in range(40 + stuck_module._SAMPLES):
            stuck.answer(stuck.position, error=UnknownError.errno, end=90)
    assert (stuck.gaps, stuck.position) == ([], 2)


def test_a_reader_has_not_come_further_while_a_way_out_is_looked_for() -> None:
    """Who reads to an offset would end at the first trial behind it, and leave out what is readable between."""
    stuck = Stuck()
    while not stuck.gaps:
        at = stuck.position
        assert stuck.take.start_of(stuck.partition) in ({None, 2} if at == 2 else {2})
        stuck.answer(at, bytes(batch(at, b"f"))) if at >= 9 else stuck.answer(at, error=CorruptRecordError.errno)
    assert stuck.take.start_of(stuck.partition) is None


@pytest.mark.parametrize("error", [0, CorruptRecordError.errno, UnknownError.errno])
def test_what_can_be_read_again_in_the_end_is_read(error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker may be well again while a way out is looked for: the start is asked once more before it is left."""
    monkeypatch.setattr(stuck_module, "_SILENT_S", 0.0)
    stuck = Stuck()
    for _ in range(7):
        stuck.answer(stuck.position, error=error)
    for _ in range(20):
        at = stuck.position
        found = stuck.answer(at, bytes(batch(at, b"f")))
        if found is not None:
            break
    assert (stuck.gaps, stuck.position) == ([], 2)
    assert [record.offset for record in found.take(9)] == [2]  # type: ignore[attr-defined]
