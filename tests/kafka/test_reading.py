"""Reading a topic to its present end, whatever its last offsets are."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest
from kafka import TopicPartition
from kafka.errors import MetadataEmptyBrokerList

from modelserving.kafka import Connection, make_producer, read_topic
from modelserving.kafka import reading as module
from modelserving.kafka.reading import reread
from modelserving.records import Topics
from tests.waiting import let_commits_arrive

pytestmark = pytest.mark.broker


def _values(connection: Connection, topic: str) -> list[bytes]:
    return [record.value for record in read_topic(connection, topic)]


def test_empty_topic_ends_at_once(connection: Connection, topics: Topics) -> None:
    """A topic with nothing on it gives nothing, and does not wait for the first record."""
    assert _values(connection, topics.records) == []


def test_records_in_their_order(connection: Connection, topics: Topics) -> None:
    """All that is there comes, in order, and then the reading ends."""
    written = [b"%d" % number for number in range(2_500)]
    with make_producer(connection) as producer:
        for value in written:
            producer.send(topics.records, value)
    assert _values(connection, topics.records) == written


def test_aborted_records_and_marks_are_passed_over(connection: Connection, topics: Topics) -> None:
    """Aborted records are left out, and a topic that ends with a transaction's mark still ends."""
    with make_producer(connection, transactional_id=topics.records) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topics.records, b"good")
        producer.commit_transaction()
        producer.begin_transaction()
        producer.send(topics.records, b"bad")
        producer.flush()
        producer.abort_transaction()
    assert _values(connection, topics.records) == [b"good"]
    everything = read_topic(connection, topics.records, isolation="read_uncommitted")
    assert [record.value for record in everything] == [b"good", b"bad"]
    assert reread(connection, topics.records, 0, range(1, 4)) == ((), (), 1)


def test_open_transaction_is_not_waited_for(connection: Connection, topics: Topics) -> None:
    """Records of a transaction that is still open are not there yet; the reading ends before them."""
    with make_producer(connection, transactional_id=topics.records) as producer:
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topics.records, b"not yet")
        producer.flush()
        assert _values(connection, topics.records) == []
        producer.commit_transaction()
        let_commits_arrive(connection, topics.records)
        assert _values(connection, topics.records) == [b"not yet"]


def test_a_broker_that_has_just_come_is_asked_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """It names no broker yet, not even itself: that ended a service which was just started."""
    consumer, tp = MagicMock(), TopicPartition("t", 0)
    consumer.__enter__.return_value = consumer
    consumer.position.side_effect = [MetadataEmptyBrokerList("none"), 0, 1]
    consumer.take_gaps.return_value = ()
    consumer.poll.side_effect = [{}, {tp: [MagicMock(offset=0)]}]
    monkeypatch.setattr(module, "make_consumer", lambda *_, **__: consumer)
    monkeypatch.setattr(module, "end_offsets", lambda *_: {0: 1})
    assert [record.offset for record in read_topic(Connection("nowhere:1"), "t")] == [0]
