"""The two topics about models, while they change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from kafka.admin import NewPartitions

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection, create_topics, delete_topics, make_admin, make_producer
from modelserving.models.lifecycle.order import LogPosition
from modelserving.models.lifecycle.topics import ModelTopics, recall
from modelserving.records import Topics
from modelserving.system.ports import free_port
from tests.broker.owners import wait_until


def send(connection: Connection, topic: str, value: bytes, partition: int = 0) -> None:
    producer = make_producer(connection)
    producer.send(topic, key=value, value=value, partition=partition).get(20)
    producer.close()


def until_read(reading: ModelTopics, what: str) -> list[bytes | None]:
    """What the next polls bring, as soon as they bring something."""
    found: list[bytes | None] = []

    def poll() -> bool:
        found.extend(message.value for message in reading.poll())
        return bool(found)

    wait_until(poll, what)
    return found


@pytest.mark.broker
@pytest.mark.slow
def test_partitions_that_are_added_are_read(connection: Connection, topics: Topics) -> None:
    """From their beginning, though nobody starts anew; what was read before is not read again."""
    send(connection, topics.models, b"first")
    reading = ModelTopics(connection, topics)
    assert [message.value for message in reading.read_to_end()] == [b"first"]
    admin = make_admin(connection)
    admin.create_partitions({topics.models: NewPartitions(2)})
    admin.close()
    send(connection, topics.models, b"second", partition=1)
    found = until_read(reading, "the second")
    assert found == [b"second"]
    reading.close()


@pytest.mark.broker
@pytest.mark.slow
def test_a_topic_that_is_made_anew_is_read_from_its_beginning(connection: Connection, topics: Topics) -> None:
    """Its first message has the offset of one that was read from the topic before it."""
    send(connection, topics.models, b"old")
    reading = ModelTopics(connection, topics)
    (old,) = reading.read_to_end()
    delete_topics(connection, topics)
    create_topics(connection, topics)
    send(connection, topics.models, b"new")
    found = until_read(reading, "the new one")
    assert (old.value, found) == (b"old", [b"new"])
    reading.close()


@pytest.mark.broker
@pytest.mark.slow
def test_a_message_is_read_again_or_is_not_there_any_more(connection: Connection, topics: Topics) -> None:
    """What has another time is another message: the topic was made anew. Behind its end there is nothing."""
    send(connection, topics.models, b"first")
    reading = ModelTopics(connection, topics)
    (message,) = reading.read_to_end()
    reading.close()
    at = LogPosition(message.timestamp, 0, 0, 0)
    again = recall(connection, topics, at)
    assert again is not None
    assert again.value == b"first"
    assert recall(connection, topics, replace(at, timestamp_ms=1)) is None
    assert recall(connection, topics, replace(at, offset=1)) is None
    assert recall(connection, topics, replace(at, partition=9)) is None
    assert recall(connection, topics.prefixed("never-made"), at) is None
    with pytest.raises(BrokerUnavailable):
        recall(Connection(f"127.0.0.1:{free_port()}"), topics, at)
