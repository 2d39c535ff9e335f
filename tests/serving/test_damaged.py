"""A batch that was damaged on the broker's disk: each of the three clients passes over it, and over nothing else."""

from __future__ import annotations

import secrets
import struct
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from modelserving.broker import EmbeddedKafka
from modelserving.kafka import Connection, create_topics, delete_topics, make_producer, read_dead_letters, read_topic
from modelserving.kafka.gaps import Gap
from modelserving.kstreams import KafkaStreams, java, streams_config
from modelserving.kstreams.bridge.clients import passing_over
from modelserving.records import Topics
from modelserving.serving.fast import FastSource
from modelserving.serving.options import ServerOptions
from modelserving.serving.running.watch import TopicWatch
from modelserving.serving.source import DataSource
from modelserving.workshop.lesson.lesson_topics import wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

LEFT = [0, 1, 2, 3, 6, 7]


@pytest.fixture(scope="module")
def damaged(kafka: EmbeddedKafka) -> Iterator[tuple[Connection, Topics]]:
    """Eight records in batches of two; the third batch has a wrong byte."""
    topics = Topics().prefixed(f"damaged-{secrets.token_hex(4)}")
    create_topics(kafka.start().connection, topics)
    with make_producer(kafka.connection) as producer:
        for number in range(0, 8, 2):
            for value in (number, number + 1):
                producer.send(topics.records, value=bytes([value]))
            producer.flush()
    kafka.stop()
    (folder,) = kafka.home.rglob(f"{topics.records}-0")
    damage(next(folder.glob("*.log")), base=4)
    connection = kafka.start().connection
    yield connection, topics
    delete_topics(connection, topics)


def damage(log: Path, base: int) -> None:
    """Change a byte of the batch with that first offset."""
    data, at = bytearray(log.read_bytes()), 0
    while (head := struct.unpack_from(">qi", data, at))[0] < base:
        at += 12 + head[1]
    data[at + 12 + head[1] - 2] ^= 0xFF
    log.write_bytes(data)


@pytest.mark.parametrize("client", [DataSource, FastSource])
def test_the_clients_of_the_stage_go_on_behind_it(
    damaged: tuple[Connection, Topics], client: type[DataSource | FastSource]
) -> None:
    """The gap has the place, and the bytes of the whole batch."""
    connection, topics = damaged

    async def go() -> tuple[list[int], list[Gap]]:
        found, gaps = list[int](), list[Gap]()
        async with client(connection, topics.records, f"of-{client.__name__}", "0", 100) as source:
            with anyio.fail_after(30):
                while len(found) < len(LEFT):
                    batch = await anext(source)
                    found += [message.offset for message in batch.messages]
                    gaps += batch.gaps
        return found, gaps

    found, (gap,) = anyio.run(go)
    assert found == LEFT
    assert (gap.start, gap.end) == (4, 6)
    assert gap.value


def test_kafka_streams_goes_on_behind_it(damaged: tuple[Connection, Topics], tmp_path: Path) -> None:
    """Java's own consumer would stop there, and end each thread that takes its place; what is left is a dead letter."""
    connection, topics = damaged
    watch = TopicWatch(connection, ServerOptions(topics=topics))
    topology = java.Topology()
    topology.addSource("in", topics.records)
    topology.addSink("out", topics.scored, "in")
    config = streams_config(connection, application_id=topics.records, state_dir=tmp_path)
    with KafkaStreams(topology, config, clients=passing_over(watch.pass_over)):
        wait_until(lambda: len(list(read_topic(connection, topics.scored))) == len(LEFT), "all that is left")
    assert [record.value[0] for record in read_topic(connection, topics.scored)] == LEFT
    (letter,) = read_dead_letters(connection, topics.dead_letters)
    assert (letter.topic, letter.offset, letter.stage) == (topics.records, 4, "read")
