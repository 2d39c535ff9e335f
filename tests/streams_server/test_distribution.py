"""What is said of a record that lies where the models of its data type are not."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from unittest.mock import Mock

import pytest

from modelserving.errors import BrokerUnavailable, ServerError
from modelserving.kafka import Connection
from modelserving.kstreams import TopologyTestDriver, raw
from modelserving.records import TOPICS, encode_wine
from modelserving.serving.options import ServerOptions
from modelserving.streams_server import distribution
from modelserving.streams_server.distribution import CoPartitionedModels, GlobalModels
from modelserving.streams_server.scoring import Tally
from modelserving.streams_server.stores import StoreKind
from modelserving.streams_server.topologies import TopologyParts, make_topology
from tests.fakes import wine

NOWHERE = Connection("nowhere:1"), ServerOptions(preload=False)


class ToldModels(GlobalModels):
    """No models; and what is told of skipped records is kept."""

    def __init__(self) -> None:
        super().__init__(*NOWHERE)
        self.told: list[tuple[tuple[str, ...], int]] = []
        self.start()
        self.begin()

    def note_skipped(self, data_types: Sequence[str], partition: int) -> None:
        self.told.append((tuple(data_types), partition))


@pytest.fixture
def models() -> Iterator[ToldModels]:
    """No models."""
    made = ToldModels()
    yield made
    made.close()


def test_the_processor_tells_which_data_types_it_skips(models: ToldModels) -> None:
    """Those without a model, and the partition that they were found in."""
    with TopologyTestDriver(make_topology(StoreKind.MEMORY, TopologyParts(TOPICS, models, Tally()))) as driver:
        topic = driver.createInputTopic(TOPICS.records, raw(), raw())
        for data_type in ("wine", "beer"):
            topic.pipeInput(b"key", encode_wine(wine(data_type)), 1_700_000_000_000)
        driver.advanceWallClockTime(1)
    assert sorted(name for data_types, _ in models.told for name in data_types) == ["beer", "wine"]
    assert {partition for _, partition in models.told} == {0}


def test_records_apart_from_their_models_are_warned_of_once_for_each_data_type(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A newcomer who forgets the key hears what to do; who has just not sent a model yet hears nothing of keys."""
    monkeypatch.setattr(distribution, "end_offsets", lambda *_: dict.fromkeys(range(3), 0))
    made = CoPartitionedModels(*NOWHERE)
    made.start()
    with caplog.at_level(logging.WARNING, distribution.__name__):
        made.note_skipped(["white", "wine"], 2)  # of three partitions, 0 is white's and 2 is wine's
        made.note_skipped(["wine"], 0)
        made.note_skipped(["white"], 1)
        made.note_skipped(["wine"], 1)
    first, second = caplog.messages
    assert "'white'" in first
    assert "partition 2" in first
    assert "partition 0" in first
    assert "'wine'" in second
    assert all("modelserving client --keyed" in message for message in caplog.messages)


def test_models_that_could_not_be_read_are_left_behind_by_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that tries again, while the broker is away, begins each time with models of its own."""

    class Away:
        def __init__(self, *_: object) -> None:
            raise BrokerUnavailable("no broker answers.")

    monkeypatch.setattr(distribution, "ModelTopics", Away)
    made = CoPartitionedModels(*NOWHERE)
    with pytest.raises(BrokerUnavailable):
        made.acquire(0)
    assert made.threads == ()


def test_models_that_nobody_released_are_closed_when_others_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """A task that ended uncleanly releases nothing; its thread would build models for ever."""
    monkeypatch.setattr(distribution, "ModelThread", lambda *_: Mock())
    monkeypatch.setattr(distribution, "ModelTopics", lambda *_: Mock(read_to_end=list))
    made = CoPartitionedModels(*NOWHERE)
    first, second = made.acquire(0), made.acquire(0)
    first.close.assert_called_once()  # type: ignore[attr-defined]
    second.close.assert_not_called()  # type: ignore[attr-defined]
    assert made.threads == (second,)


def test_a_task_that_ends_late_takes_no_models_from_the_one_after_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """A session that takes long to end is left behind, and its tasks end when the next one's are at work."""
    monkeypatch.setattr(distribution, "ModelThread", lambda *_: Mock())
    monkeypatch.setattr(distribution, "ModelTopics", lambda *_: Mock(read_to_end=list))
    made = CoPartitionedModels(*NOWHERE)
    first, second = made.acquire(0), made.acquire(0)
    made.release(0, first)
    assert [*made.threads] == [second]
    second.close.assert_not_called()  # type: ignore[attr-defined]
    made.release(0, second)
    assert [*made.threads] == []
    second.close.assert_called_once()  # type: ignore[attr-defined]


def test_topics_about_models_that_change_begin_a_new_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once for each change; while nothing is known of them, nothing has changed."""
    made = GlobalModels(*NOWHERE)
    for about in (None, ("a", 1), None, ("a", 1)):
        made.check(about)
    with pytest.raises(BrokerUnavailable, match="read from their beginning"):
        made.check(("a", 2))
    made.check(("a", 2))
    counts = {TOPICS.records: 3, TOPICS.models: 3, TOPICS.control: 3}
    monkeypatch.setattr(distribution, "end_offsets", lambda _, name: dict.fromkeys(range(counts[name]), 0))
    apart = CoPartitionedModels(*NOWHERE)
    apart.check(("a", 3))
    counts[TOPICS.models] = 4
    with pytest.raises(ServerError, match="co-partitioned topics need the same number"):
        apart.check(("a", 4))
