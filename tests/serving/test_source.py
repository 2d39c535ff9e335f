"""The data inlet on hold: it takes part in the life of its group, and every record comes once, afterwards."""

from __future__ import annotations

import secrets
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import NamedTuple

import anyio
import pytest
from kafka import KafkaConsumer, TopicPartition

from modelserving.kafka import Connection, Gap, create_topics, delete_topics, make_consumer, make_producer
from modelserving.kafka.messages import Message
from modelserving.records import Topics
from modelserving.serving import source as inlet
from modelserving.serving.source import DataSource
from tests.waiting import WAIT

RED, WHITE = TopicPartition("records", 0), TopicPartition("records", 1)


class Record(NamedTuple):
    """A message of the records topic."""

    topic: str
    partition: int
    offset: int
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = b""


class FakeConsumer:
    """A consumer whose group does what the test says, in its next poll; each partition has three records.

    As with the real one, a partition that comes is not paused, and begins where it was committed: at 0.
    """

    def __init__(self) -> None:
        self.assign_next: list[list[TopicPartition]] = []
        self.polls = 0
        self._positions: dict[TopicPartition, int] = {}
        self._paused: set[TopicPartition] = set()

    def subscribe(self, topics: Sequence[str]) -> None:
        """Nothing comes before a poll."""

    def assignment(self) -> set[TopicPartition]:
        return set(self._positions)

    def paused(self) -> set[TopicPartition]:
        return set(self._paused)

    def pause(self, *partitions: TopicPartition) -> None:
        assert self._positions.keys() >= set(partitions)
        self._paused.update(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        assert self._positions.keys() >= set(partitions)
        self._paused.difference_update(partitions)

    def seek(self, tp: TopicPartition, offset: int) -> None:
        assert tp in self._positions
        self._positions[tp] = offset

    def poll(self, timeout_ms: int) -> dict[TopicPartition, list[Record]]:
        """Let the group do the next thing; then read, where it is not paused."""
        self.polls += 1
        assert timeout_ms < 1_000
        if self.assign_next:
            self._positions = {tp: self._positions.get(tp, 0) for tp in self.assign_next.pop(0)}
            self._paused &= self._positions.keys()
        found = {}
        for tp, position in self._positions.items():
            if tp not in self._paused and position < 3:
                found[tp] = [Record(tp.topic, tp.partition, offset) for offset in range(position, 3)]
                self._positions[tp] = 3
        return found

    def take_gaps(self) -> tuple[Gap, ...]:
        """All can be read."""
        return ()

    def group_metadata(self) -> int:
        """How often it was polled: so a test sees which poll it is of."""
        return self.polls

    def close(self, autocommit: bool, timeout_ms: int) -> None:
        """Nothing is open."""


@asynccontextmanager
async def opened(monkeypatch: pytest.MonkeyPatch, consumer: FakeConsumer) -> AsyncIterator[DataSource]:
    """A source that reads with a fake consumer."""
    monkeypatch.setattr(inlet, "make_consumer", lambda *_, **__: consumer)
    async with DataSource(Connection("nowhere:1"), "records", "group", "one", 10) as source:
        yield source


def positions(messages: Iterable[Message]) -> list[tuple[int, int]]:
    return [(message.partition, message.offset) for message in messages]


def test_each_hold_polls_also_after_a_partition_has_come_with_records(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who does not poll takes part in no rebalance, and is expelled."""
    consumer = FakeConsumer()
    consumer.assign_next = [[RED]]

    async def go() -> None:
        async with opened(monkeypatch, consumer) as source:
            for _ in range(5):
                await source.hold()

    anyio.run(go)
    assert consumer.polls == 5


@pytest.mark.parametrize(
    "assignments",
    [
        pytest.param([[RED], [RED]], id="one comes"),
        pytest.param([[RED], [RED, WHITE], [RED, WHITE]], id="one comes after the other"),
        pytest.param([[RED], [WHITE], [WHITE]], id="one comes and the other goes"),
        pytest.param([[RED, WHITE], [RED], [RED, WHITE]], id="one goes and comes again"),
        pytest.param([[RED], [], [WHITE]], id="all go"),
        pytest.param([[RED, WHITE], [WHITE]], id="one goes when the hold is over"),
    ],
)
def test_what_comes_during_a_hold_is_read_once_and_only_where_it_stays(
    monkeypatch: pytest.MonkeyPatch, assignments: list[list[TopicPartition]]
) -> None:
    """No record is lost, none comes twice, and none of a partition that has gone, which is another server's now."""
    consumer = FakeConsumer()
    *_, last = consumer.assign_next = list(assignments)

    async def go() -> None:
        async with opened(monkeypatch, consumer) as source:
            for _ in assignments[:-1]:
                await source.hold()
            batch = await anext(source)
            assert positions(batch.messages) == [(tp.partition, offset) for tp in last for offset in range(3)]
            assert batch.group == consumer.polls

    anyio.run(go)


def test_a_hold_leaves_what_was_read_before_it_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that is being worked on does not come again, and what a hold finds elsewhere comes after it."""
    consumer = FakeConsumer()
    consumer.assign_next = [[RED], [RED, WHITE], [RED, WHITE]]

    async def go() -> None:
        async with opened(monkeypatch, consumer) as source:
            first = await anext(source)
            await source.hold()
            await source.hold()
            second = await anext(source)
            assert positions(first.messages) == [(0, 0), (0, 1), (0, 2)]
            assert positions(second.messages) == [(1, 0), (1, 1), (1, 2)]

    anyio.run(go)


@pytest.fixture
def two_partitions(connection: Connection) -> Iterator[Topics]:
    """Topics whose records are in two partitions, five in each."""
    topics = Topics().prefixed(f"h{secrets.token_hex(4)}")
    create_topics(connection, topics, partitions=2)
    with make_producer(connection) as producer:
        for partition in (0, 1) * 5:
            producer.send(topics.records, value=b"record", partition=partition)
        producer.flush()
    yield topics
    delete_topics(connection, topics)


async def hold_until(condition: Callable[[], bool], source: DataSource, what: str) -> None:
    """Hold, as long as it takes."""
    deadline = time.monotonic() + WAIT
    while not condition():
        assert time.monotonic() < deadline, what
        await source.hold()


@pytest.mark.broker
def test_others_join_and_leave_its_group_while_it_is_on_hold(
    connection: Connection, two_partitions: Topics, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It hands a partition on, gets it back, and reads each record once when the hold is over."""
    topic, group = two_partitions.records, f"g-{two_partitions.records}"
    lively = replace(connection, options={**connection.options, "heartbeat_interval_ms": 100})
    made: list[KafkaConsumer] = []

    def keep(*positional: object, **named: object) -> KafkaConsumer:
        made.append(make_consumer(*positional, **named))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(inlet, "make_consumer", keep)
    monkeypatch.setattr(inlet, "_HOLD_MS", 500)  # so that the hold in which a partition comes also finds its records

    async def go() -> None:
        async with DataSource(lively, topic, group, "held", 100) as source:
            (own,) = made
            await hold_until(lambda: len(own.assignment()) == 2, source, "both partitions")
            with make_consumer(lively, topic, group=group) as other:

                def both_have_one() -> bool:
                    other.poll(timeout_ms=50)
                    return len(own.assignment()) == len(other.assignment()) == 1

                await hold_until(both_have_one, source, "a partition for each")
            await hold_until(lambda: len(own.assignment()) == 2, source, "the other's partition")
            found: list[Message] = []
            with anyio.fail_after(WAIT):
                while len(found) < 10:
                    found.extend((await anext(source)).messages)
            assert sorted(positions(found)) == [(partition, offset) for partition in (0, 1) for offset in range(5)]

    anyio.run(go)
