"""Where the broker gives nothing is left once, from within it: nothing that stands before it is left out."""

from __future__ import annotations

from unittest.mock import MagicMock

import pytest
from kafka import TopicPartition

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection, Gap
from modelserving.records import Topics
from modelserving.serving.fast import FastSink, FastSource
from modelserving.serving.fast import sink as fast_module
from modelserving.serving.running.worker_thread import WorkerThread
from modelserving.serving.source import DataSource

NOWHERE = Connection("127.0.0.1:1")
GAP = Gap("t", 0, 100, 110, "nothing comes")


def fast_source(at: int, gap: Gap, committed: int = 0) -> FastSource:
    """One that has handed out all before an offset, as librdkafka tells it."""
    from confluent_kafka import TopicPartition as Found

    source = FastSource(NOWHERE, "t", "group", "0", 10, {0: gap})
    source._consumer = MagicMock()
    source._consumer.assignment.return_value = [Found("t", 0)]
    source._consumer.position.return_value = [Found("t", 0, at)]
    source._consumer.committed.return_value = [Found("t", 0, committed)]
    source._consumer.get_watermark_offsets.return_value = (7, 500)
    return source


def slow_source(at: int, gap: Gap) -> DataSource:
    source = DataSource(NOWHERE, "t", "group", "0", 10, {0: gap})
    source._consumer = MagicMock()
    source._consumer.assignment.return_value = {TopicPartition("t", 0)}
    source._consumer.position.return_value = at
    return source


@pytest.mark.parametrize(
    ("at", "gap", "left"),
    [
        (100, GAP, True),
        (105, GAP, True),
        (51, GAP, False),  # what was read there and not committed comes again
        (110, GAP, False),
        (500, GAP, False),
        (100, Gap("t", 0, 100, 100, "only a suspicion"), False),
    ],
)
def test_only_who_is_in_a_silence_leaves_it(at: int, gap: Gap, left: bool) -> None:
    """With both clients."""
    fast, slow = fast_source(at, gap), slow_source(at, gap)
    fast._leave_silence()
    assert (fast._gaps, [*slow._leave_silence()]) == ([gap] * left, [gap] * left)
    if left:
        assert [call.args[0].offset for call in fast._consumer.seek.call_args_list] == [110]
        slow._consumer.seek.assert_called_once_with(TopicPartition("t", 0), 110)
    else:
        assert not fast._consumer.seek.called
        assert not slow._consumer.seek.called


def test_a_seek_that_is_refused_ends_a_session_and_no_server() -> None:
    """A partition may go in the moment in which it is left; librdkafka's own error nobody would expect."""
    from confluent_kafka import KafkaError, KafkaException

    source = fast_source(100, GAP)
    source._consumer.consume.return_value = []
    source._consumer.seek.side_effect = KafkaException(KafkaError(KafkaError._STATE))
    with pytest.raises(BrokerUnavailable):
        source._poll()


@pytest.mark.parametrize("fails", ["list_topics", "make"])
def test_a_broker_that_goes_while_an_outlet_is_opened_ends_a_session_and_no_server(
    monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    """Between the transactions that are ready and the question which partitions there are."""
    from confluent_kafka import KafkaError, KafkaException

    producer = MagicMock()
    producer.list_topics.side_effect = KafkaException(KafkaError(KafkaError._TRANSPORT))
    made = MagicMock(return_value=producer, side_effect=BrokerUnavailable("away") if fails == "make" else None)
    monkeypatch.setattr(fast_module, "make_fast_producer", made)
    with WorkerThread("sending") as worker, pytest.raises(BrokerUnavailable):
        FastSink(NOWHERE, Topics(), "one", worker)._connect()


@pytest.mark.parametrize(("committed", "left"), [(104, True), (99, False), (500, False), (-1001, False)])
def test_before_the_first_message_what_is_committed_says_where_reading_goes_on(committed: int, left: bool) -> None:
    """Librdkafka tells it only behind a message: until then, its position is negative."""
    source = fast_source(-1001, GAP, committed)
    source._leave_silence()
    assert bool(source._gaps) is left


def test_a_silence_is_left_once_and_again_after_a_rebalance() -> None:
    """Its position says nothing of a seek; but what was not committed before a rebalance is met again."""
    source = fast_source(100, GAP)
    source._leave_silence()
    source._leave_silence()
    assert len(source._gaps) == 1
    source._take(MagicMock(), [])
    source._leave_silence()
    assert len(source._gaps) == 2


def test_an_error_about_no_message_ends_the_session_and_no_server() -> None:
    """Librdkafka hands out what it hears of the group, or of the broker, among the messages: it has no offset."""
    from confluent_kafka import KafkaError as Heard
    from confluent_kafka import Message as Found

    source = fast_source(0, GAP)
    source._consumer.consume.return_value = [Found(error=Heard(Heard._ALL_BROKERS_DOWN))]
    with pytest.raises(BrokerUnavailable, match="at 127"):
        source._poll()
