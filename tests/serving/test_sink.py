"""The outlet commits all of a batch or nothing, and waits no longer than there is something to wait for."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from unittest.mock import MagicMock

import anyio
import pytest
from kafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError

from modelserving.kafka import Connection
from modelserving.records import ScoredRecord, Topics
from modelserving.serving import sink as outlet
from modelserving.serving.messages import ScoredBatch
from modelserving.serving.running.worker_thread import WorkerThread
from modelserving.serving.sink import TransactionalSink

ANSWER = ScoredRecord("wine", 5.0, "five", "1", "ab" * 32, 0, 7, 1, 2, 3)
BATCH = ScoredBatch((ANSWER,), (b"key",), positions={("records", 0): 8}, group=object())


@pytest.fixture
def producer(monkeypatch: pytest.MonkeyPatch) -> MagicMock:
    """The library's producer: it takes everything, and commits."""
    found = MagicMock()
    found.partitions_for.return_value = {0}
    found.send.return_value = SimpleNamespace(exception=None, is_done=True)
    monkeypatch.setattr(outlet, "make_producer", lambda *_, **__: found)
    return found


def write(batch: ScoredBatch = BATCH) -> None:
    async def go() -> None:
        with WorkerThread("sending") as worker:
            async with TransactionalSink(Connection("nowhere:1"), Topics(), "one", worker) as sink:
                await sink.write(batch)

    anyio.run(go)


def test_a_batch_and_its_progress_are_committed(producer: MagicMock) -> None:
    """The answer goes where its record was, and the group goes on behind it."""
    write()
    assert producer.send.call_args.kwargs["partition"] == 0
    ((offsets, group),) = (call.args for call in producer.send_offsets_to_transaction.call_args_list)
    assert ([at.offset for at in offsets.values()], group) == ([8], BATCH.group)
    assert producer.commit_transaction.called


@pytest.mark.parametrize("lost", [KafkaTimeoutError("given up"), ValueError("of the library")], ids=str)
def test_nothing_is_committed_without_a_message_that_was_given_up(producer: MagicMock, lost: Exception) -> None:
    """The library would: it says so to the message's future, and the record would be passed over without an answer."""
    producer.send.return_value = SimpleNamespace(exception=None, is_done=True)
    producer.flush.side_effect = lambda: setattr(producer.send.return_value, "exception", lost)
    with pytest.raises(KafkaError):
        write()
    assert not producer.commit_transaction.called


def test_nothing_is_committed_without_a_word_of_the_broker(producer: MagicMock) -> None:
    """A message whose fate nobody knows may be lost."""
    producer.send.return_value = SimpleNamespace(exception=None, is_done=False)
    with pytest.raises(KafkaTimeoutError, match="has not said"):
        write()
    assert not producer.commit_transaction.called


def test_a_partition_that_is_gone_ends_the_session_and_no_server(producer: MagicMock) -> None:
    """The topic of answers was made anew, with fewer of them: the library knows only that a value is wrong."""
    producer.send.side_effect = ValueError("Unrecognized partition 0")
    with pytest.raises(UnknownTopicOrPartitionError, match="Unrecognized partition 0"):
        write()


@pytest.mark.parametrize("waits", ["send_offsets_to_transaction", "flush", "commit_transaction"])
def test_a_commit_that_does_not_end_is_given_up(
    producer: MagicMock, monkeypatch: pytest.MonkeyPatch, waits: str
) -> None:
    """The broker has ended the transaction long before; the next session begins at what was committed."""
    monkeypatch.setattr(outlet, "_COMMITTED_WITHIN_S", 0.05)
    over = threading.Event()
    getattr(producer, waits).side_effect = lambda *_: over.wait()
    try:
        with pytest.raises(KafkaTimeoutError, match="not committed"):
            write()
    finally:
        over.set()
    assert producer.close.called


@pytest.mark.parametrize("fails", ["init_transactions", "partitions_for"])
def test_a_producer_that_does_not_get_ready_is_closed(producer: MagicMock, fails: str) -> None:
    """It would ask on, and lock out the one of the next session."""
    getattr(producer, fails).side_effect = KafkaTimeoutError("not ready")
    with pytest.raises(KafkaTimeoutError, match="not ready"):
        write()
    assert producer.close.called


def test_what_a_session_ended_with_is_not_hidden_by_the_end_of_its_producer(producer: MagicMock) -> None:
    """That it was locked out counts, not that its messages are still on their way."""
    producer.commit_transaction.side_effect = UnknownTopicOrPartitionError("the first")
    producer.close.side_effect = KafkaTimeoutError("Timeout waiting for future")
    with pytest.raises(UnknownTopicOrPartitionError, match="the first"):
        write()
