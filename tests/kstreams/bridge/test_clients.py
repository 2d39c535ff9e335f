"""The engine's consumers, as Java calls them."""

from __future__ import annotations

import sys
from typing import Any
from unittest.mock import Mock

import pytest

from modelserving import jvm
from modelserving.kstreams.bridge.clients import _LenientConsumer, _records, _topic_partition, stuck_at


def test_a_consumer_that_is_closed_takes_back_metrics_without_a_word() -> None:
    """A global thread gives them back after it has closed its consumer; an error there would end the thread aloud."""
    java = Mock()
    consumer = _LenientConsumer(java, Mock(), Mock())
    consumer.unregisterMetricFromSubscription("open")
    consumer.close()
    consumer.unregisterMetricFromSubscription("closed")
    java.unregisterMetricFromSubscription.assert_called_once_with("open")


def test_a_thread_that_waits_in_java_for_a_commit_is_seen_in_python() -> None:
    """At the end of the process such a thread is awaited: it comes back through Python."""
    seen: list[str] = []
    java = Mock(commitSync=lambda *_: seen.append(sys._getframe(1).f_globals["__name__"]))
    _LenientConsumer(java, Mock(), Mock()).commitSync("offsets")
    assert seen == [_LenientConsumer.__module__]


def record(tp: Any, offset: int) -> Any:
    kind = jvm.java_class("org.apache.kafka.clients.consumer.ConsumerRecord")
    return kind(tp.topic(), tp.partition(), offset, None, None)


def java_set(*partitions: Any) -> Any:
    return jvm.java_class("java.util.HashSet")(list(partitions))


class TwoPartitions:
    """Java's consumer: the first poll brings a record, the second reads on in one partition and fails in the other."""

    def __init__(self) -> None:
        self.partitions = _topic_partition("t", 0), _topic_partition("t", 1)
        self.positions = dict.fromkeys(self.partitions, 3)
        self.failure = jvm.java_class("java.lang.IllegalArgumentException")("Unknown compression type id: 7")
        self.assignment, self.paused = lambda: java_set(*self.partitions), set[Any]
        self.beginningOffsets = lambda partitions: dict.fromkeys(partitions, 1)

    def poll(self, _timeout: object) -> Any:
        tp = self.partitions[0]
        self.positions[tp] += 1
        if self.positions[tp] > 4:
            raise self.failure
        return _records(tp, [record(tp, 3)], 4)

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
    search = Mock()
    search.up_to_the_unreadable = lambda tp, _start: before if tp == bad else None
    search.position.return_value = 6
    consumer = _LenientConsumer(java, lambda _topic, _part, offset, _reason: offset + 2, lambda: search)
    consumer.poll(None)
    found = consumer.poll(None)
    assert [int(one.offset()) for one in found.records(bad)] == [2, 5]
    assert java.positions == {good: 4, bad: 8}
    search.close.assert_called_once()


def test_two_in_a_row_give_nothing_out_twice() -> None:
    """What was handed out before the first of them is not committed yet when the second is met."""
    java, starts = TwoPartitions(), list[int]()
    bad, _ = java.partitions

    def search_from(tp: Any, start: int) -> list[Any] | None:
        if tp != bad:
            return None
        starts.append(start)
        return [record(bad, start)]

    search = Mock(up_to_the_unreadable=search_from)
    search.position = lambda _: starts[-1] + 1
    consumer = _LenientConsumer(java, lambda _topic, _part, offset, _reason: offset + 2, lambda: search)
    found = [int(one.offset()) for _ in range(3) for one in consumer.poll(None).records(bad)]
    assert (found, starts) == ([3, 4, 7], [4, 7])


@pytest.mark.parametrize("grouped", [True, False])
def test_a_first_poll_that_fails_loses_nothing(grouped: bool) -> None:
    """A group that has committed nothing yet, and a consumer without one, began at the beginning."""
    java = TwoPartitions()
    good, bad = java.partitions
    java.positions[good] = 4
    vars(java)["committed"] = (lambda _: {}) if grouped else Mock(side_effect=AssertionError)
    search = Mock(up_to_the_unreadable=lambda tp, _start: [] if tp == bad else None)
    search.position.return_value = 1
    consumer = _LenientConsumer(java, lambda *_: 2, lambda: search, tuple, grouped)
    assert consumer.poll(None).isEmpty()
    assert java.positions == {good: 1, bad: 2}


def test_what_was_committed_and_is_deleted_is_not_sought() -> None:
    """A seek before the beginning would have the engine reset the partition, perhaps to its end."""
    java = TwoPartitions()
    good, bad = java.partitions
    java.positions[good] = 9
    java.beginningOffsets = lambda partitions: dict.fromkeys(partitions, 7)
    search = Mock(up_to_the_unreadable=lambda tp, _start: [] if tp == bad else None)
    search.position.return_value = 8
    _LenientConsumer(java, lambda *_: 9, lambda: search).poll(None)
    assert java.positions == {good: 7, bad: 9}


class ComesBack(TwoPartitions):
    """It loses a partition after its first record, and gets it back when another instance has read on to offset 50."""

    polls = 0

    def poll(self, _timeout: object) -> Any:
        (tp, _), self.polls = self.partitions, self.polls + 1
        if self.polls == 1:
            return _records(tp, [record(tp, 3)], 4)
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

    def search_from(_tp: Any, start: int) -> list[Any]:
        starts.append(start)
        return []

    search = Mock(up_to_the_unreadable=search_from)
    search.position.return_value = 55
    consumer = _LenientConsumer(java, lambda _topic, _part, offset, _reason: offset + 1, lambda: search)
    for _ in range(3):
        consumer.poll(None)
    assert starts == [50]


def test_an_error_that_is_not_of_a_message_is_raised() -> None:
    """No partition has anything that cannot be read: the engine gets its own error, and nothing is skipped."""
    java = TwoPartitions()
    search = Mock(up_to_the_unreadable=lambda *_: None)
    consumer = _LenientConsumer(java, Mock(side_effect=AssertionError), lambda: search)
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
