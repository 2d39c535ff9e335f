"""What is corrected of kafka-python, without a broker: clients are told its version, and nobody answers them."""

from __future__ import annotations

import signal
import threading
from contextlib import suppress

import pytest
from kafka import TopicPartition
from kafka.errors import KafkaConnectionError, KafkaError, KafkaTimeoutError
from kafka.future import Future
from kafka.net.selector import NetworkSelector
from kafka.protocol.consumer.metadata import ConsumerProtocolAssignment
from kafka.structs import OffsetAndMetadata

from modelserving.kafka.corrections import DIRECTLY, Client, Consumer, Producer
from modelserving.system.ports import free_port
from tests.waiting import WAIT

WHERE = TopicPartition("records", 0)


@pytest.fixture
def settings() -> dict[str, object]:
    """Of a client that nobody answers."""
    return {
        "bootstrap_servers": f"127.0.0.1:{free_port()}",
        "api_version": (3, 0),
        "kafka_client": Client,
        "proxy_url": DIRECTLY,
        "metrics_enabled": False,
    }


def test_where_to_go_on_is_asked_anew_after_a_rebalance(settings: dict[str, object]) -> None:
    """An answer that came between two polls is of before: others may have read on since, and it would be read twice."""
    with Consumer("records", group_id="g", **settings) as consumer:
        coordinator = consumer._coordinator
        stale = Future().success({WHERE: OffsetAndMetadata(5, "", -1)})
        coordinator._offset_fetch_futures[frozenset({WHERE})] = stale
        given = ConsumerProtocolAssignment(assigned_partitions=[("records", [0])], user_data=b"", version=0).encode()
        consumer._net.run(coordinator._on_join_complete_async, 2, "me", "range", given)
        assert consumer.assignment() == {WHERE}
        coordinator.coordinator_id = "a broker that cannot be asked"
        with suppress(KafkaError):
            coordinator.refresh_committed_offsets_if_needed(timeout_ms=20)
        assert not consumer._subscription.has_valid_position(WHERE)


def test_an_interrupt_ends_the_call_and_no_task(settings: dict[str, object]) -> None:
    """Struck in the middle, the task that asks for metadata would be gone, and whoever pressed Ctrl-C not heard."""
    done: list[str] = []

    async def task() -> None:
        signal.raise_signal(signal.SIGINT)
        done.append("to its end")

    client = Client(**settings)  # nothing drives its loop but the caller, as while a producer is made
    with pytest.raises(KeyboardInterrupt):
        client._net.run(task)
    assert done == ["to its end"]
    client.close()


def test_an_interrupt_while_the_loops_thread_begins_leaves_nothing_behind(
    settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A thread that has not begun cannot be waited for: the client would not close, and would say so instead."""
    begin = threading.Thread.start

    def start(thread: threading.Thread) -> None:
        signal.raise_signal(signal.SIGINT)
        begin(thread)

    client = Client(**settings)
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(KeyboardInterrupt):
            client._net.start()
    client.close()
    assert client._net._io_thread is None


def test_an_interrupt_while_a_producers_thread_begins_leaves_nothing_behind(
    settings: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """That thread drives the client, and nobody else has it: what was shown was `Concurrent access to net.poll!`."""
    begin, clients, begun = threading.Thread.start, list[Client](), list[threading.Thread]()

    def start(thread: threading.Thread) -> None:
        begin(thread)
        begun.append(thread)
        raise KeyboardInterrupt

    def make(**given: object) -> Client:
        clients.append(Client(**given))
        return clients[-1]

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", start)
        with pytest.raises(KeyboardInterrupt):
            Producer(**{**settings, "kafka_client": make})
    (sender,) = begun
    sender.join(WAIT)
    assert not sender.is_alive()
    clients[0].close()
    assert clients[0]._net._closed


def test_no_turn_of_the_callers_thread_is_long(settings: dict[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupts are held back during a turn; between two they are heard, also while nothing comes."""
    client, asked = Client(**settings), list[float | None]()
    with monkeypatch.context() as patch:
        patch.setattr(NetworkSelector, "_poll_once", lambda _, timeout=None: asked.append(timeout))
        for timeout in (None, 90.0, 0.01):
            client._net._poll_once(timeout)
    assert asked == [0.1, 0.1, 0.01]
    client.close()


def test_a_producer_is_closed_although_its_messages_cannot_be_sent(settings: dict[str, object]) -> None:
    """The library's own gives up in the middle, and its thread asks a broker that is not there for ever."""
    producer = Producer(**settings)
    producer._accumulator.append(WHERE, 0, None, b"value", [])
    with pytest.raises(KafkaTimeoutError):
        producer.close(timeout=0.05)
    producer._sender.join(WAIT)
    assert not producer._sender.is_alive()
    producer.close()


def test_who_waits_for_a_transaction_is_told_when_its_producer_is_closed(settings: dict[str, object]) -> None:
    """A thread that was left behind with its commit would wait for ever, and keep all of its batch."""
    producer, told = Producer(**settings, transactional_id="one", max_block_ms=WAIT * 1000), list[KafkaError]()

    def begin() -> None:
        try:
            producer.init_transactions()
        except KafkaError as error:
            told.append(error)

    waiting = threading.Thread(target=begin, daemon=True)
    waiting.start()
    while not producer._transaction_manager._pending_requests and not producer._init_transactions_result:
        waiting.join(0.01)
    producer.close(timeout=WAIT)
    waiting.join(WAIT)
    assert "closed" in str(told)


def test_a_connection_that_closes_while_it_is_written_to_is_a_lost_connection(settings: dict[str, object]) -> None:
    """The library hands on an error that ends what asks for metadata and for heartbeats, and a server that polls."""
    client = Client(**settings)
    connection = client.manager.get_connection("bootstrap-0")
    connection.connection_lost(RuntimeError("Transport closed for writes"))
    for error in (connection.init_future.exception, connection.close_future.exception):
        assert isinstance(error, KafkaConnectionError)
        assert "Transport closed" in str(error)
    client.close()
