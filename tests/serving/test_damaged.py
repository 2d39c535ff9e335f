"""A batch that was damaged on the broker's disk, or is of a codec or a format to come: it is passed over, nothing else.

By each of the three clients. So is what a broker does not find any more, since its log was damaged while it ran.
"""

from __future__ import annotations

import secrets
import struct
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import anyio
import pytest
from kafka.record.util import calc_crc32c

from modelserving.broker import EmbeddedKafka
from modelserving.kafka import (
    Connection,
    create_topics,
    delete_topics,
    make_producer,
    read_dead_letters,
    read_topic,
    stuck,
)
from modelserving.kafka.gaps import Gap
from modelserving.kafka.reading import find_silence
from modelserving.kstreams import KafkaStreams, java, streams_config
from modelserving.kstreams.bridge.clients import passing_over
from modelserving.records import Topics
from modelserving.serving.fast import FastSource
from modelserving.serving.options import ServerOptions
from modelserving.serving.running.watch import TopicWatch
from modelserving.serving.source import DataSource
from tests.waiting import WAIT, let_commits_arrive, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

LEFT = [0, 1, 2, 3, 6, 7, 14, 15, 18, 19]
LEFT_OF_ALL = [0, 1, 2, 3, 6, 7, 12, 13]
SILENT_OF = 120
"""Batches of one record: more than stand between two entries of the index."""


@pytest.fixture(scope="module")
def damaged(kafka: EmbeddedKafka) -> Iterator[tuple[Connection, Topics]]:
    """Batches of two: one with a wrong byte, a codec to come, a format to come; two say that they are elsewhere."""
    topics = Topics().prefixed(f"damaged-{secrets.token_hex(4)}")
    create_topics(kafka.start().connection, topics)
    with make_producer(kafka.connection) as producer:
        for topic, count in ((topics.records, 20), (topics.control, 14)):
            for number in range(0, count, 2):
                for value in (number, number + 1):
                    producer.send(topic, value=bytes([value]))
                producer.flush()
    kafka.stop()
    records, commands = log_of(kafka, topics.records), log_of(kafka, topics.control)
    for log in (records, commands):
        damage(log, 4, lambda batch: batch[:-2] + bytes([batch[-2] ^ 0xFF]) + batch[-1:])
    for log, base in ((commands, 8), (records, 10)):
        damage(log, base, lambda batch: resealed(batch[:22] + bytes([7]) + batch[23:]))
        damage(log, base + 2, lambda batch: batch[:16] + bytes([3]) + batch[17:])
    for base, false in ((16, 3), (8, 300)):
        damage(records, base, partial(move, to=false))
    connection = kafka.start().connection
    yield connection, topics
    delete_topics(connection, topics)


def log_of(kafka: EmbeddedKafka, topic: str) -> Path:
    """What the broker has of a topic with one partition."""
    (folder,) = kafka.home.rglob(f"{topic}-0")
    return next(folder.glob("*.log"))


def damage(log: Path, base: int, change: Callable[[bytes], bytes]) -> None:
    """Change the batch with that first offset."""
    data, at = log.read_bytes(), 0
    while (head := struct.unpack_from(">qi", data, at))[0] < base:
        at += 12 + head[1]
    with log.open("r+b") as file:
        file.seek(at)
        file.write(change(data[at : at + 12 + head[1]]))


def move(batch: bytes, to: int) -> bytes:
    """Let it say that it begins at another offset: no checksum covers that."""
    return struct.pack(">q", to) + batch[8:]


def resealed(batch: bytes) -> bytes:
    """With the checksum of what is in it now."""
    return batch[:17] + struct.pack(">I", calc_crc32c(memoryview(batch)[21:])) + batch[21:]


@pytest.mark.parametrize("client", [DataSource, FastSource])
def test_the_clients_of_the_stage_go_on_behind_it(
    damaged: tuple[Connection, Topics], client: type[DataSource | FastSource]
) -> None:
    """The gap has the position, and the bytes of the whole batch."""
    connection, topics = damaged

    async def go() -> tuple[list[int], list[Gap]]:
        found, gaps = list[int](), list[Gap]()
        async with client(connection, topics.control, f"of-{client.__name__}", "0", 100) as source:
            with anyio.fail_after(WAIT):
                while len(found) < len(LEFT_OF_ALL):
                    batch = await anext(source)
                    found += [message.offset for message in batch.messages]
                    gaps += batch.gaps
        return found, gaps

    found, gaps = anyio.run(go)
    assert found == LEFT_OF_ALL
    assert {offset for gap in gaps for offset in range(gap.start, gap.end)} == {4, 5, 8, 9, 10, 11}
    assert all(gap.value for gap in gaps)


def test_kafka_streams_goes_on_behind_it(damaged: tuple[Connection, Topics], tmp_path: Path) -> None:
    """Java's own consumer would stop there, and end each thread that takes its place; what is left is a dead letter."""
    connection, topics = damaged
    watch = TopicWatch(connection, ServerOptions(topics=topics))
    topology = java.Topology()
    topology.addSource("in", topics.records)
    topology.addSink("out", topics.scored, "in")
    config = streams_config(connection, application_id=topics.records, state_dir=tmp_path)
    with KafkaStreams(topology, config, clients=passing_over(watch.pass_over, look_into=watch.look_into)):
        wait_until(lambda: len(list(read_topic(connection, topics.scored))) == len(LEFT), "all that is left")
    assert [record.value[0] for record in read_topic(connection, topics.scored)] == LEFT
    let_commits_arrive(connection, topics.dead_letters)
    letters = list(read_dead_letters(connection, topics.dead_letters))
    assert [(letter.topic, letter.offset, letter.stage) for letter in letters] == [
        (topics.records, offset, "read") for offset in (4, 8, 10, 12, 16)
    ]
    assert not watch.audit.lost


def send_one_by_one(connection: Connection, topic: str) -> None:
    """Batches of one record, whose value is its offset."""
    with make_producer(connection) as producer:
        for number in range(SILENT_OF):
            producer.send(topic, value=bytes([number])).get(WAIT)


async def read_to_end(source: DataSource | FastSource) -> tuple[list[int], list[Gap]]:
    """The offsets of what is left, and what was passed over."""
    found, gaps = list[int](), list[Gap]()
    async with source:
        with anyio.fail_after(WAIT):
            while not found or found[-1] < SILENT_OF - 1:
                batch = await anext(source)
                found += [message.offset for message in batch.messages]
                gaps += batch.gaps
    return found, gaps


def check_what_is_left(found: list[int], gap: Gap) -> None:
    """All around the gap, once, and not much is missing."""
    assert found == [offset for offset in range(SILENT_OF) if not gap.start <= offset < gap.end]
    assert gap.start == 4 < gap.end < SILENT_OF
    assert "log is damaged" in gap.reason


def test_reading_goes_on_behind_a_silent_broker(
    kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It gives nothing from the damaged batch on, nor a word; librdkafka and Java are told where it does again."""
    monkeypatch.setattr(stuck, "_SILENT_S", 0.5)
    topics, connection = Topics().prefixed(f"silent-{secrets.token_hex(4)}"), kafka.start().connection
    create_topics(connection, topics)
    send_one_by_one(connection, topics.records)
    damage(log_of(kafka, topics.records), 4, lambda batch: batch[:8] + struct.pack(">i", 1_000_000) + batch[12:])
    silence = find_silence(connection, topics.records, 0, 4)
    assert isinstance(silence, Gap)
    first = find_silence(connection, topics.records, 0, silence.end)
    assert getattr(first, "offset", None) == silence.end
    assert find_silence(connection, topics.records, 0, SILENT_OF) is None

    for source in (
        DataSource(connection, topics.records, "silent", "0", 100),
        FastSource(connection, topics.records, "silent-fast", "0", 100, {0: silence}),
    ):
        found, (gap,) = anyio.run(read_to_end, source)
        check_what_is_left(found, gap)

    topology = java.Topology()
    topology.addSource("in", topics.records)
    topology.addSink("out", topics.scored, "in")
    config = streams_config(connection, application_id=topics.records, state_dir=tmp_path)
    clients = passing_over(lambda *_: silence.end, lambda: [(topics.records, 0, range(silence.start, silence.end))])
    with KafkaStreams(topology, config, clients=clients):
        wait_until(
            lambda: len(list(read_topic(connection, topics.scored))) == SILENT_OF - silence.count, "all that is left"
        )
    check_what_is_left([record.value[0] for record in read_topic(connection, topics.scored)], silence)
    delete_topics(connection, topics)


def test_what_the_broker_itself_fails_to_read_is_passed_over(
    kafka: EmbeddedKafka, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A batch that calls itself one of old: who asks for what is in it or soon behind gets an unknown error."""
    monkeypatch.setattr(stuck, "_SILENT_S", 0.5)
    topics, connection = Topics().prefixed(f"old-{secrets.token_hex(4)}"), kafka.start().connection
    create_topics(connection, topics)
    send_one_by_one(connection, topics.records)
    damage(log_of(kafka, topics.records), 4, lambda batch: batch[:16] + bytes([1]) + batch[17:])
    for source in (DataSource, FastSource):
        found, gaps = anyio.run(read_to_end, source(connection, topics.records, source.__name__, "0", 2))
        passed = {offset for gap in gaps for offset in range(gap.start, gap.end)}
        assert found == [offset for offset in range(SILENT_OF) if offset not in passed]
        assert found[:4] == [0, 1, 2, 3]
        assert passed
    delete_topics(connection, topics)
