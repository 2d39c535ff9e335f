"""What a monitor reads as it comes by; without a broker."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Self
from unittest.mock import Mock

import pytest
from kafka import TopicPartition

from modelserving.errors import RegistryUnavailable
from modelserving.kafka import Connection, Gap, Message
from modelserving.monitoring.monitor import tail as module
from modelserving.monitoring.monitor.tail import TopicTail
from tests.fakes import FakeMessage

RECORDS = TopicPartition("records", 0)


class FakeConsumer:
    """Gives one poll after another; the last one stops the tail."""

    def __init__(self, stop: threading.Event, *polls: Sequence[FakeMessage], gaps: Sequence[Gap] = ()) -> None:
        self.stop, self.polls, self.gaps = stop, [*polls], gaps
        self.partitions = {0}
        self.topic_ids: dict[str, str] = {}
        self.assigned: list[TopicPartition] = []
        self.sought: dict[TopicPartition, int] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    @property
    def _cluster(self) -> Any:
        return Mock(topic_id=self.topic_ids.get)

    def partitions_for_topic(self, _topic: str) -> set[int]:
        return self.partitions

    def assignment(self) -> list[TopicPartition]:
        return self.assigned

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned = partitions

    def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(partitions, 7)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        self.sought[tp] = offset

    def highwater(self, _tp: TopicPartition) -> int:
        return 7

    def take_gaps(self) -> Sequence[Gap]:
        gaps, self.gaps = self.gaps, ()
        return gaps

    def poll(self, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Message]]:
        found = self.polls.pop(0)
        if not self.polls:
            self.stop.set()
        self.partitions = {0, 1}  # one was added meanwhile
        return {RECORDS: found} if found else {}


def run(monkeypatch: pytest.MonkeyPatch, tail: TopicTail, stop: threading.Event, consumer: FakeConsumer) -> None:
    monkeypatch.setattr(module, "make_consumer", lambda *_, **__: consumer)
    monkeypatch.setattr(module, "_LOOK_EVERY_S", -1.0)
    monkeypatch.setattr(module, "_AGAIN_S", 0.0)
    tail.run(stop)


def test_what_cannot_be_read_or_taken_is_counted_and_watching_goes_on(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A damaged batch, and messages that nobody foresaw: each is named with its place."""
    taken: list[int] = []

    def take(_topic: str, messages: Sequence[Any]) -> None:
        if messages[0].value == b"bad":
            raise OverflowError("too far")
        taken.extend(message.offset for message in messages)

    stop, gap = threading.Event(), Gap("records", 0, 2, 4, "damaged", b"")
    consumer = FakeConsumer(stop, [FakeMessage(b"bad", 4)], [FakeMessage(b"good", 5)], [], gaps=[gap])
    tail = TopicTail(Connection("nowhere:1"), ["records"], take)
    run(monkeypatch, tail, stop, consumer)
    assert (taken, tail.unreadable) == ([5], {"records": 2})
    assert "records, partition 0, offset 2 to 3: damaged" in caplog.text
    assert "records, partition 0, offset 4 to 4: not watched" in caplog.text


def test_a_registry_that_is_away_is_asked_again_for_the_same_messages(monkeypatch: pytest.MonkeyPatch) -> None:
    """It says why nothing is watched, and ends nothing."""
    stop, failures = threading.Event(), [RegistryUnavailable("no registry")]
    told: list[str] = []

    def take(_topic: str, messages: Sequence[Any]) -> None:
        if failures:
            raise failures.pop()
        told.append(tail.away)

    consumer = FakeConsumer(stop, [FakeMessage(b"", 0)], [FakeMessage(b"", 0)])
    tail = TopicTail(Connection("nowhere:1"), ["records"], take)
    run(monkeypatch, tail, stop, consumer)
    assert "no registry" in told[0]
    assert tail.away == ""


def test_of_a_partition_that_is_added_all_is_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of those that were there, what is new."""
    stop = threading.Event()
    consumer = FakeConsumer(stop, [], [], [])
    run(monkeypatch, TopicTail(Connection("nowhere:1"), ["records"], lambda *_: None), stop, consumer)
    assert consumer.sought == {RECORDS: 7, TopicPartition("records", 1): 0}


class MadeAnew(FakeConsumer):
    """Its topic is another one from the second look on."""

    def poll(self, timeout_ms: int) -> Mapping[TopicPartition, Sequence[Message]]:
        found = super().poll(timeout_ms)
        self.partitions, self.topic_ids = {0}, {"records": "second"}
        return found


def test_a_topic_that_was_made_anew_is_watched_from_its_beginning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The partitions are the same, and the position in the old one says nothing of the new one."""
    stop = threading.Event()
    consumer = MadeAnew(stop, [FakeMessage(b"", 7)], [], [])
    consumer.topic_ids = {"records": "first"}
    run(monkeypatch, TopicTail(Connection("nowhere:1"), ["records"], lambda *_: None), stop, consumer)
    assert consumer.sought == {RECORDS: 0}
    assert caplog.text.count("made anew") == 1
