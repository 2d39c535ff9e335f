"""Clients against the real broker, and against none."""

from __future__ import annotations

import logging
import threading
from functools import partial
from pathlib import Path

import pytest

from modelserving.broker import EmbeddedKafka
from modelserving.config import Settings
from modelserving.errors import BrokerUnavailable, ConfigError
from modelserving.kafka import (
    MAX_MESSAGE_BYTES,
    Connection,
    connect,
    create_topics,
    end_offsets,
    make_admin,
    make_consumer,
    make_producer,
    read_topic,
)
from modelserving.kafka import clients as clients_module
from modelserving.records import Topics
from modelserving.system.ports import free_port
from tests.waiting import WAIT, let_commits_arrive, wait_until


@pytest.mark.parametrize("make", [make_admin, make_consumer, make_producer])
def test_no_broker_is_said_to_a_newcomer(make: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing listens, the error says how to look and how to start one."""
    monkeypatch.setattr(clients_module, "_OPEN_WITHIN_S", 0.1)
    address = f"127.0.0.1:{free_port()}"
    with pytest.raises(BrokerUnavailable, match=rf"no Kafka broker answers at {address}.*`modelserving broker start`"):
        make(Connection(address))  # type: ignore[operator]


def test_connect_wants_a_named_cluster(tmp_path: Path) -> None:
    """``connect`` is for external clusters only, and says what to set."""
    with pytest.raises(ConfigError, match="KAFKA_BOOTSTRAP_SERVERS"):
        connect(Settings(tmp_path))
    assert connect(Settings(tmp_path, "a:1,b:2")).bootstrap_servers == "a:1,b:2"


@pytest.mark.broker
def test_spaces_between_addresses_do_not_matter(connection: Connection) -> None:
    """A list of addresses may be written with spaces, and one that is dead does not hinder."""
    dead = free_port()
    make_admin(Connection(f"127.0.0.1:{dead}, {connection.bootstrap_servers}")).close()


@pytest.mark.broker
def test_largest_message_goes_through(connection: Connection, topics: Topics) -> None:
    """Broker, producer and consumer agree that a message of ten megabytes may travel."""
    model = bytes(MAX_MESSAGE_BYTES)
    with make_producer(connection) as producer:
        producer.send(topics.models, key=b"wine", value=model).get(timeout=WAIT)
    assert [record.value for record in read_topic(connection, topics.models)] == [model]


@pytest.mark.broker
def test_group_starts_at_the_beginning_and_commits_only_when_told(connection: Connection, topics: Topics) -> None:
    """A new group reads what was there before it; what it did not commit is read again by the next member."""
    with make_producer(connection) as producer:
        for value in (b"a", b"b"):
            producer.send(topics.records, value)
    for _ in range(2):
        with make_consumer(connection, topics.records, group=topics.records, consumer_timeout_ms=60_000) as consumer:
            assert [next(consumer).value, next(consumer).value] == [b"a", b"b"]


@pytest.mark.broker
def test_client_is_quiet_unless_asked(connection: Connection) -> None:
    """kafka-python's own log is silent by default, and a level that somebody set stays."""
    logger = logging.getLogger("kafka")
    before = logger.level
    try:
        logger.setLevel(logging.NOTSET)
        make_admin(connection).close()
        assert not logger.isEnabledFor(logging.ERROR)
        logger.setLevel(logging.INFO)
        make_admin(connection).close()
        assert logger.isEnabledFor(logging.INFO)
    finally:
        logger.setLevel(before)


@pytest.mark.broker
@pytest.mark.slow
def test_transaction_is_committed_although_the_broker_was_away(home: Path) -> None:
    """A commit that begins while the broker is stopped ends when it is back, with nothing lost."""
    with EmbeddedKafka(home=home, port=0) as kafka:
        topics = Topics()
        create_topics(kafka.connection, topics)
        # The broker ends a transaction that is open for longer than this, also while it is away itself.
        producer = make_producer(kafka.connection, transactional_id="away", transaction_timeout_ms=600_000)
        producer.init_transactions()
        producer.begin_transaction()
        producer.send(topics.scored, b"survives")
        producer.flush()
        kafka.stop()
        commit = threading.Thread(target=producer.commit_transaction, daemon=True)
        commit.start()
        # Long enough for the first attempts to be refused; how long does not matter.
        commit.join(1.0)
        assert commit.is_alive()
        kafka.start()
        commit.join(WAIT)
        assert not commit.is_alive()
        let_commits_arrive(kafka.connection, topics.scored)
        assert [record.value for record in read_topic(kafka.connection, topics.scored)] == [b"survives"]
        producer.close(timeout=5)


@pytest.mark.broker
def test_successor_of_a_killed_producer_aborts_its_transaction(connection: Connection, topics: Topics) -> None:
    """A producer with the same transactional id takes over at once; what the first left open is never seen."""
    first = make_producer(connection, transactional_id=topics.scored)
    first.init_transactions()
    first.begin_transaction()
    first.send(topics.scored, b"half done")
    first.flush()
    assert end_offsets(connection, topics.scored) == {0: 0}
    second = make_producer(connection, transactional_id=topics.scored)
    second.init_transactions()
    second.begin_transaction()
    second.send(topics.scored, b"done")
    second.commit_transaction()
    let_commits_arrive(connection, topics.scored)
    assert [record.value for record in read_topic(connection, topics.scored)] == [b"done"]
    first.close(timeout=5)
    second.close(timeout=5)


@pytest.mark.broker
def test_group_is_joined_although_each_poll_is_short(connection: Connection, topics: Topics) -> None:
    """A join that outlasts one poll is taken up by the next; the library itself forgets it, and reads nothing."""
    with make_producer(connection) as producer:
        producer.send(topics.records, value=b"one").get(timeout=WAIT)
    for number in range(8):
        with make_consumer(connection, topics.records, group=f"{topics.records}-{number}") as consumer:
            wait_until(partial(consumer.poll, timeout_ms=3), "the record", pause=0)
