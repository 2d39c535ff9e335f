"""The engine's consumers, as Java calls them."""

from __future__ import annotations

import sys
from typing import Any
from unittest.mock import Mock

import pytest

from modelserving import jvm
from modelserving.kafka.gaps import Gap
from modelserving.kafka.messages import MessageRow
from modelserving.kafka.reading import Reread
from modelserving.kstreams.bridge.clients.lenient import LenientConsumer, _records, _topic_partition
from modelserving.kstreams.bridge.clients.search import stuck_at
from modelserving.kstreams.record import read_headers


def test_a_consumer_that_is_closed_takes_back_metrics_without_a_word() -> None:
    """A global thread gives them back after it has closed its consumer; an error there would end the thread aloud."""
    java = Mock()
    consumer = LenientConsumer(java, Mock(), Mock())
    consumer.unregisterMetricFromSubscription("open")
    consumer.close()
    consumer.unregisterMetricFromSubscription("closed")
    java.unregisterMetricFromSubscription.assert_called_once_with("open")


def test_a_consumer_that_is_closed_has_no_metrics() -> None:
    """The engine asks those of replaced threads, too: with an error there, nobody could see how the others are."""
    consumer = LenientConsumer(Mock(metrics=lambda: "open"), Mock(), Mock())
    assert consumer.metrics() == "open"
    consumer.close()
    assert consumer.metrics().isEmpty()


def test_a_thread_that_waits_in_java_for_a_commit_is_seen_in_python() -> None:
    """At the end of the process such a thread is awaited: it comes back through Python."""
    seen: list[str] = []
    java = Mock(commitSync=lambda *_: seen.append(sys._getframe(1).f_globals["__name__"]))
    LenientConsumer(java, Mock(), Mock()).commitSync("offsets")
    assert seen == [LenientConsumer.__module__]


def record(tp: Any, offset: int) -> Any:
    kind = jvm.java_class("org.apache.kafka.clients.consumer.ConsumerRecord")
    return kind(tp.topic(), tp.partition(), offset, None, None)


def polled(tp: Any, *offsets: int, after: int | None = None) -> Any:
    """What a poll of Java's returns; by default, it goes on behind the last record."""
    records = jvm.java_class("java.util.ArrayList")([record(tp, offset) for offset in offsets])
    return _records({tp: (records, offsets[-1] + 1 if after is None else after)})


def java_set(*partitions: Any) -> Any:
    return jvm.java_class("java.util.HashSet")(list(partitions))


def searching(**functions: Any) -> Mock:
    """A search; it is asked where the log begins, and the engine's consumer never: that would change its lag."""
    return Mock(**{"beginning": lambda _: 1} | functions)


class TwoPartitions:
    """Java's consumer: the first poll brings a record, the second reads on in one partition and fails in the other."""

    def __init__(self) -> None:
        self.partitions = _topic_partition("t", 0), _topic_partition("t", 1)
        self.positions = dict.fromkeys(self.partitions, 3)
        self.failure = jvm.java_class("java.lang.IllegalArgumentException")("Unknown compression type id: 7")
        self.assignment, self.paused = lambda: java_set(*self.partitions), set[Any]

    def poll(self, _timeout: object) -> Any:
        tp = self.partitions[0]
        self.positions[tp] += 1
        if self.positions[tp] > 4:
            raise self.failure
        return polled(tp, 3)

    def position(self, tp: Any) -> int:
        return self.positions[tp]

    def committed(self, partitions: Any) -> Any:
        return {tp: jvm.java_class("org.apache.kafka.clients.consumer.OffsetAndMetadata")(2) for tp in partitions}

    def seek(self, tp: Any, offset: Any) -> None:
        self.positions[tp] = int(offset)


def test_what_a_failing_poll_has_read_elsewhere_is_read_again() -> None:
    """Java moves the other partition's position, and hands its record to nobody."""
    java = TwoPartitions()
    good, bad = java.partitions
    before = [record(bad, 2), record(bad, 5)]
    search = searching()
    search.read_on = lambda tp, _start: (before, True) if tp == bad else ([], False)
    search.position.return_value = 6
    consumer = LenientConsumer(java, lambda _topic, _part, offset, _reason: offset + 2, lambda: search)
    consumer.poll(None)
    found = consumer.poll(None)
    assert [int(one.offset()) for one in found.records(bad)] == [2, 5]
    assert java.positions == {good: 4, bad: 8}
    search.close.assert_called_once()


def test_two_in_a_row_give_nothing_out_twice() -> None:
    """What was handed out before the first of them is not committed yet when the second is met."""
    java, starts = TwoPartitions(), list[int]()
    bad, _ = java.partitions

    def search_from(tp: Any, start: int) -> tuple[list[Any], bool]:
        if tp != bad:
            return [], False
        starts.append(start)
        return [record(bad, start)], True

    search = searching(read_on=search_from)
    search.position = lambda tp: starts[-1] + 1 if tp == bad else java.positions[tp]
    consumer = LenientConsumer(java, lambda _topic, _part, offset, _reason: offset + 2, lambda: search)
    found = [int(one.offset()) for _ in range(3) for one in consumer.poll(None).records(bad)]
    assert (found, starts) == ([3, 4, 7], [4, 7])


@pytest.mark.parametrize("grouped", [True, False])
def test_a_first_poll_that_fails_loses_nothing(grouped: bool) -> None:
    """A group that has committed nothing yet, and a consumer without one, began at the beginning."""
    java = TwoPartitions()
    good, bad = java.partitions
    java.positions[good] = 4
    vars(java)["committed"] = (lambda _: {}) if grouped else Mock(side_effect=AssertionError)
    search = searching(read_on=lambda tp, _start: ([], tp == bad))
    search.position.return_value = 1
    consumer = LenientConsumer(java, lambda *_: 2, lambda: search, tuple, grouped)
    assert consumer.poll(None).isEmpty()
    assert java.positions == {good: 1, bad: 2}


def test_what_was_committed_and_is_deleted_is_not_sought() -> None:
    """A seek before the beginning would have the engine reset the partition, perhaps to its end."""
    java = TwoPartitions()
    good, bad = java.partitions
    java.positions[good] = 9
    search = searching(beginning=lambda _: 7, read_on=lambda tp, _start: ([], tp == bad))
    search.position.return_value = 8
    LenientConsumer(java, lambda *_: 9, lambda: search).poll(None)
    assert java.positions == {good: 7, bad: 9}


class ComesBack(TwoPartitions):
    """It loses a partition after its first record, and gets it back when another instance has read on to offset 50."""

    polls = 0

    def poll(self, _timeout: object) -> Any:
        (tp, _), self.polls = self.partitions, self.polls + 1
        if self.polls == 1:
            return polled(tp, 3)
        if self.polls == 2:
            self.assignment = java_set
            return _records()
        self.assignment = lambda: java_set(tp)
        self.positions[tp] = 60
        raise self.failure

    def committed(self, partitions: Any) -> Any:
        return {tp: jvm.java_class("org.apache.kafka.clients.consumer.OffsetAndMetadata")(50) for tp in partitions}


def test_what_another_instance_has_read_meanwhile_is_not_read_again() -> None:
    """What is known of a partition is known as long as it is here: else its records would be scored twice."""
    java, starts = ComesBack(), list[int]()

    def search_from(_tp: Any, start: int) -> tuple[list[Any], bool]:
        starts.append(start)
        return [], True

    search = searching(read_on=search_from)
    search.position.return_value = 55
    consumer = LenientConsumer(java, lambda _topic, _part, offset, _reason: offset + 1, lambda: search)
    for _ in range(3):
        consumer.poll(None)
    assert starts == [50]


def test_an_error_that_is_not_of_a_message_is_raised() -> None:
    """No partition has anything that cannot be read: the engine gets its own error, and nothing is skipped."""
    java = TwoPartitions()
    search = searching(read_on=lambda *_: ([], False), position=java.positions.get)
    consumer = LenientConsumer(java, Mock(side_effect=AssertionError), lambda: search)
    consumer.poll(None)
    with pytest.raises(jvm.java_class("java.lang.IllegalArgumentException")):
        consumer.poll(None)


@pytest.mark.parametrize(
    "said",
    [
        "Received exception when fetching the next record from a-b-3. If needed, please seek past the record.",
        "Record batch for partition a-b-3 at offset 5 is invalid, cause: it is",
        "Failed to make progress reading messages at a-b-3=5. Received a non-empty fetch response",
        "Encountered corrupt message when fetching offset 5 for topic-partition a-b-3",
    ],
)
def test_java_says_where_it_is_stuck(said: str) -> None:
    """In one of four sentences; topics have hyphens, too."""
    assert stuck_at(jvm.java_class("java.lang.RuntimeException")(said)) == ("a-b", 3)


class Polls:
    """Java's consumer of one partition: it brings what it is told to, one after the other."""

    def __init__(self, *found: Any, committed: int | None = None) -> None:
        self.tp = _topic_partition("t", 0)
        self.found, self.goes_on = list(found), list[int]()
        self.assignment = lambda: java_set(self.tp)
        kind = jvm.java_class("org.apache.kafka.clients.consumer.OffsetAndMetadata")
        self.committed = lambda partitions: dict.fromkeys(partitions, committed and kind(committed))

    def poll(self, _timeout: object) -> Any:
        return self.found.pop(0)

    def seek(self, _tp: Any, offset: Any) -> None:
        self.goes_on.append(int(offset))


def read_all(java: Polls, truth: Reread | None) -> tuple[list[int], list[range]]:
    """The offsets that are handed out, and where a damaged batch is looked for; the first time, that is found."""
    asked = list[range]()

    def look_into(_topic: str, _partition: int, offsets: range) -> Reread:
        asked.append(offsets)
        return truth if truth and len(asked) == 1 else Reread((), (), offsets.start)

    consumer = LenientConsumer(java, Mock(), Mock(), tuple, True, look_into)
    polls = [consumer.poll(None) for _ in range(len(java.found))]
    for found in polls:
        assert all(int(one.offset()) < int(found.nextOffsets().get(java.tp).offset()) for one in found.records(java.tp))
    return [int(one.offset()) for found in polls for one in found.records(java.tp)], asked


def hidden(start: int, end: int, *readable: int) -> Reread:
    """A batch with a false offset, and what is readable behind it."""
    messages = tuple(MessageRow("t", 0, offset, 7, None, b"v", (("h", b"1"),)) for offset in readable)
    gap = Gap("t", 0, start, end, "elsewhere", b"bytes")
    return Reread((gap,), messages, readable[-1] + 1 if readable else end)


TP = ("t", 0)


@pytest.mark.parametrize(
    ("offsets", "after", "jump"),
    [
        ((0, 1, 2, 60, 61), None, range(3, 62)),
        ((0, 1, 2, 5, 6), None, range(3, 7)),
        ((0, 1, 2), 2, range(3, 3)),
        ((0, 1, 2), 0, range(3, 3)),
        ((0, 1, 2), 90, range(3, 90)),
    ],
    ids=["further on", "left out", "back, and read twice", "back, and read for ever", "a mark further on"],
)
def test_a_batch_that_says_that_it_is_elsewhere_is_passed_over(
    offsets: tuple[int, ...], after: int | None, jump: range
) -> None:
    """Java believes it. What is before it is handed out; reading goes on behind what it has in truth."""
    tp = _topic_partition(*TP)
    java = Polls(polled(tp, *offsets, after=after), polled(tp, 7, 8))
    assert read_all(java, hidden(3, 5, 5, 6)) == ([0, 1, 2, 5, 6, 7, 8], [jump])
    assert java.goes_on == [7]


def test_it_is_found_where_reading_begins() -> None:
    """Of what is asked for behind a false offset, the broker gives the batch no more."""
    tp = _topic_partition(*TP)
    java = Polls(polled(tp, 12, 13), polled(tp, 12, 13), committed=10)
    assert read_all(java, hidden(10, 12)) == ([12, 13], [range(10, 14)])


def test_what_java_cannot_read_behind_it_is_read_otherwise() -> None:
    """Who asks for what is soon behind a false offset gets that batch first, again and again; it was told of before."""
    tp = _topic_partition(*TP)
    truth = hidden(0, 1, 4, 5)._replace(gaps=())
    found = LenientConsumer(Polls(polled(tp, 60, 61), committed=4), Mock(), Mock(), tuple, True, lambda *_: truth).poll(
        None
    )
    (first, second) = found.records(tp)
    assert [(int(one.offset()), int(one.timestamp()), bytes(one.value())) for one in (first, second)] == [
        (4, 7, b"v"),
        (5, 7, b"v"),
    ]
    assert first.key() is None
    assert read_headers(first.headers()) == (("h", b"1"),)


def test_offsets_jump_for_good_reasons() -> None:
    """One small jump tells that there are marks of transactions; a large one is looked into each time."""
    tp = _topic_partition(*TP)
    java = Polls(polled(tp, 0, 2), polled(tp, 4, after=6), polled(tp, 50), polled(tp, 52, 90), polled(tp, 92))
    assert read_all(java, None) == ([0, 2, 4, 50, 52, 90, 92], [range(1, 3), range(6, 51), range(51, 91)])
    assert java.goes_on == []


def test_a_log_that_was_cut_is_read_from_its_beginning() -> None:
    """The engine goes back there; nothing is wrong with that, and one that begins later has no jump inside."""
    tp = _topic_partition(*TP)
    assert read_all(Polls(polled(tp, 0, 1), committed=50), None) == ([0, 1], [])


def test_where_the_log_turns_out_to_be_well_nothing_is_read_twice() -> None:
    """Java goes back where a batch said that it was before; behind what was handed out, reading goes on."""
    tp = _topic_partition(*TP)
    java = Polls(polled(tp, 0, 1, 2, after=1))
    assert read_all(java, None) == ([0, 1, 2], [range(3, 3)])
    assert java.goes_on == [3]


def test_a_false_offset_before_what_is_unreadable_is_passed_over_first() -> None:
    """The search for what a poll failed at believes it as well: it would lead behind the log's end."""
    java = TwoPartitions()
    bad, good = java.partitions
    java.positions[bad] = 4
    search = searching(read_on=lambda tp, _: ([record(tp, 2), record(tp, 60)], False) if tp == bad else ([], False))
    search.position = lambda tp: 61 if tp == bad else java.positions[tp]
    look_into = Mock(side_effect=lambda _topic, part, _: hidden(3, 4) if part == 0 else Reread((), (), 0))
    pass_over = Mock(side_effect=AssertionError)
    found = LenientConsumer(java, pass_over, lambda: search, tuple, True, look_into).poll(None)
    assert [int(one.offset()) for one in found.records(bad)] == [2]
    assert java.positions == {bad: 4, good: 2}


def test_a_topic_that_was_made_anew_is_read_from_its_beginning() -> None:
    """Java reads on where the old one of that name ended, and what is before that comes to nobody."""
    java, identities = TwoPartitions(), {"t": "first", "other": "one"}
    good, bad = java.partitions
    consumer = LenientConsumer(java, Mock(), Mock(), identities=lambda: identities)
    consumer.poll(None)
    identities = {"t": "first", "other": "two"}
    consumer._read_anew()
    assert java.positions == {good: 4, bad: 3}
    identities = {"t": "second", "other": "two"}
    consumer._read_anew()
    assert java.positions == {good: 0, bad: 0}
    java.positions[good] = 3
    assert [int(one.offset()) for one in consumer.poll(None).records(good)] == [3]
    assert java.positions[good] == 4
