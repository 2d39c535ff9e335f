"""Whether the engine is heard of, and what to do where it fails; without one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast
from unittest.mock import MagicMock

from modelserving.errors import BrokerUnavailable, ServerError
from modelserving.kstreams import KafkaStreams, Response
from modelserving.streams_server.heartbeat import Heartbeat, answer_to, why_ended

CHANGED = "Existing internal topic m-repartition has invalid partitions: expected: 2; actual: 1. Use 'a tool' to clean."


def ended(error: Exception) -> KafkaStreams:
    """An engine that has given up."""
    return cast("KafkaStreams", SimpleNamespace(error=error, state="ERROR"))


def test_an_engine_that_cannot_be_asked_is_a_problem_and_no_error() -> None:
    """Who asks for the health of its server gets an answer."""

    ending = MagicMock()
    ending.java.metadataForLocalThreads.side_effect = RuntimeError("it is ending")
    found = Heartbeat(ending, 10.0).problem
    assert found == "Kafka Streams cannot be asked now: it is ending"


def test_what_could_not_be_asked_while_threads_changed_is_asked_again() -> None:
    """The metrics of a thread that was replaced say that it has no connection: with them, it was away for ever."""

    def metric(connections: int) -> MagicMock:
        found = MagicMock()
        found.getKey.return_value.name.return_value = "connection-count"
        found.getKey.return_value.tags.return_value = {"client-id": "a-consumer"}
        found.getValue.return_value.metricValue.return_value = connections
        return MagicMock(entrySet=lambda: [found])

    streams, first, second = MagicMock(), MagicMock(), MagicMock()
    first.threadName.return_value, second.threadName.return_value = "1", "2"
    streams.java.metadataForLocalThreads.side_effect = [[first], [second], [second]]
    streams.java.metrics.side_effect = [metric(0), RuntimeError("it changes"), metric(1)]
    heartbeat = Heartbeat(streams, 10.0)
    assert [heartbeat.problem for _ in range(3)] == [
        "there is no connection to the broker",
        "Kafka Streams cannot be asked now: it changes",
        "",
    ]


def test_what_another_thread_would_fail_at_too_ends_the_engine_and_says_what_helps() -> None:
    """All else is tried again."""
    assert answer_to(ServerError(CHANGED)) is Response.SHUTDOWN_CLIENT
    assert answer_to(ServerError("away")) is Response.REPLACE_THREAD
    found = why_ended(ended(ServerError(CHANGED)), "m")
    assert isinstance(found, ServerError)
    assert "`modelserving streams reset m`" in str(found)
    assert "tool" not in str(found)
    assert isinstance(why_ended(ended(ServerError("away")), "m"), BrokerUnavailable)
    assert "--instance" in str(why_ended(ended(ServerError("FencedInstanceIdException: no")), "m"))
