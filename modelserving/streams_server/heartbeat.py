"""How the engine is doing: whether the broker is there, and what to do where it fails.

It does not say itself that nobody answers it: it stays RUNNING for minutes.
"""

from __future__ import annotations

import threading
from typing import Any

from modelserving.errors import BrokerUnavailable, ModelServingError, ServerError
from modelserving.kstreams import KafkaStreams, Response
from modelserving.kstreams.bridge.failures import python_errors
from modelserving.serving.running.sessions import same_name

_CONNECTIONS = "connection-count"
_HEARTBEAT = "last-heartbeat-seconds-ago"
_READER = "-consumer"
_OTHER_READERS = ("-restore-consumer", "-global-consumer")
FENCE = "FencedInstanceIdException"
_OF_OTHER_TOPICS = ("invalid partitions", "same number of partitions")
_RESET = (
    "{} Its state belongs to the topics as they were. See that topics which it reads together have as many partitions "
    "each, stop all of its servers, run `modelserving streams reset {}`, and start them again. What it had remembered "
    "(counts, controls, answers that wait for their truth) is gone then; send controls again."
)


class Heartbeat:
    """The metrics of the consumers that read the records: their connections, and their last sign of life.

    An instance that the broker has not heard of for the session timeout belongs to the group no longer: others have its
    partitions, and it is the last to hear of that.

    Args:
        streams: whose consumers.
        session_s: the session timeout, seconds.
    """

    def __init__(self, streams: KafkaStreams, session_s: float) -> None:
        self._streams = streams
        self._session_s = session_s
        self._lock = threading.Lock()
        self._threads: frozenset[str] = frozenset()
        self._metrics: tuple[tuple[str, Any], ...] = ()

    @property
    def missing(self) -> str:
        """Why the broker does not hear of this instance now; empty while it does."""
        with python_errors():
            found = [(name, float(metric.metricValue())) for name, metric in self._find()]
        if any(name == _CONNECTIONS and value == 0 for name, value in found):
            return "there is no connection to the broker"
        late = max((value for name, value in found if name == _HEARTBEAT), default=0.0)
        return f"the broker has not heard of this instance for {late:.0f} s" if late >= self._session_s else ""

    @property
    def problem(self) -> str:
        """As ``missing``; an engine that cannot be asked just now, since it ends or its threads change, is one, too."""
        try:
            return self.missing
        except Exception as error:  # noqa: BLE001 - whatever it fails with, who asks for the health gets an answer
            return f"Kafka Streams cannot be asked now: {error}"

    def _find(self) -> tuple[tuple[str, Any], ...]:
        """The metrics, looked up again only when a thread was replaced: there are hundreds of others."""
        threads = frozenset(str(thread.threadName()) for thread in self._streams.java.metadataForLocalThreads())
        with self._lock:
            if threads != self._threads or not self._metrics:
                self._metrics = tuple(_of_readers(self._streams.java.metrics()))
                self._threads = threads  # not before: what fails here is asked again
            return self._metrics


def _of_readers(metrics: Any) -> list[tuple[str, Any]]:
    found = []
    for entry in metrics.entrySet():
        name = str(entry.getKey().name())
        if name in (_CONNECTIONS, _HEARTBEAT):
            client = str(entry.getKey().tags().get("client-id"))
            if client.endswith(_READER) and not client.endswith(_OTHER_READERS):
                found.append((name, entry.getValue()))
    return found


def answer_to(error: BaseException) -> Response:
    """What ``KafkaStreams`` is to do about a thread that failed: what another thread would fail at, too, ends it."""
    ends = any(word in str(error) for word in (FENCE, *_OF_OTHER_TOPICS))
    return Response.SHUTDOWN_CLIENT if ends else Response.REPLACE_THREAD


def why_ended(streams: KafkaStreams, application: str) -> ModelServingError:
    """What to raise where the engine has given up.

    Args:
        streams: the engine.
        application: its id.

    Returns:
        A ``ServerError`` where beginning again does not help; else a ``BrokerUnavailable``, which ends a session only.
    """
    said = str(streams.error or streams.state)
    if FENCE in said:
        return same_name("it has taken this one's place")
    if any(word in said for word in _OF_OTHER_TOPICS):
        what, _, _ = said.partition(" Use '")  # the engine's own tool is in no jar that is here
        return ServerError(_RESET.format(what, application))
    return BrokerUnavailable(f"Kafka Streams has given up: {said}.")
