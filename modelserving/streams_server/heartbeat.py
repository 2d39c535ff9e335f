"""Whether the broker is there. The engine does not say: it stays RUNNING for minutes while nobody answers it."""

from __future__ import annotations

import threading
from typing import Any

from modelserving.kstreams import KafkaStreams
from modelserving.kstreams.bridge.failures import python_errors

_CONNECTIONS = "connection-count"
_HEARTBEAT = "last-heartbeat-seconds-ago"
_READER = "-consumer"
_OTHER_READERS = ("-restore-consumer", "-global-consumer")


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

    def _find(self) -> tuple[tuple[str, Any], ...]:
        """The metrics, looked up again only when a thread was replaced: there are hundreds of others."""
        threads = frozenset(str(thread.threadName()) for thread in self._streams.java.metadataForLocalThreads())
        with self._lock:
            if threads != self._threads or not self._metrics:
                self._threads = threads
                self._metrics = tuple(_of_readers(self._streams.java.metrics()))
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
