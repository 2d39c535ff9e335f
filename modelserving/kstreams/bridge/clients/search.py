"""What a poll failed at that does not say where: a codec or a format that Java does not know."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from typing import Any

import jpype

from modelserving import jvm

_KAFKA = "org.apache.kafka.common."
_PATTERNS = tuple(
    re.compile(said)
    for said in (
        r"fetching the next record from (.+)-(\d+)\. If needed",
        r"Record(?: batch)? for partition (.+)-(\d+) at offset \d+ is invalid",
        r"Failed to make progress reading messages at (.+)-(\d+)=",
        r"corrupt message when fetching offset \d+ for topic-partition (.+)-(\d+)",
    )
)
_OF_A_GROUP = ("group.id", "group.instance.id", "group.protocol", "partition.assignment.strategy")
_MOST = "max.poll.records"
_SEARCH_S = 30.0
_SEARCH_POLL_MS = 200


class BatchSearch:
    """A consumer of its own, without a group, that takes one record at a time: so it stops right at what is unreadable.

    Args:
        make: makes a consumer.
        config: of the one that could not go on.
    """

    def __init__(self, make: Callable[[Any], Any], config: Any) -> None:
        own = jvm.java_class("java.util.HashMap")(config)
        for name in _OF_A_GROUP:
            own.remove(name)
        self._most = int(str(own.get(_MOST) or 500))
        own.put(_MOST, "1")
        own.put("client.id", f"{own.get('client.id')}-search")
        self._java = make(own)
        self._wait = jvm.java_class("java.time.Duration").ofMillis(_SEARCH_POLL_MS)
        self.close = self._java.close

    def read_on(self, tp: Any, start: int) -> tuple[list[Any], bool]:
        """As many records as a poll takes, and whether they end before what is unreadable."""
        partitions = jvm.java_class("java.util.List").of(tp)
        self._java.assign(partitions)
        self._java.seek(tp, jpype.JLong(start))
        end, deadline = int(self._java.endOffsets(partitions).get(tp)), time.monotonic() + _SEARCH_S
        records: list[Any] = []
        while self.position(tp) < end and len(records) <= self._most and time.monotonic() < deadline:
            try:
                records += self._java.poll(self._wait).records(tp)
            except jpype.JException as error:
                if stuck_at(error) is None and not is_stray(error):
                    raise
                return records, True
        return records, False

    def beginning(self, tp: Any) -> int:
        """Where the log begins.

        The engine's own consumer is not asked that: it then believes that the log ends there. Its lag is less than
        nothing, and a task that reads two topics waits for that one for ever.
        """
        return int(self._java.beginningOffsets(jvm.java_class("java.util.Set").of(tp)).get(tp))

    def position(self, tp: Any) -> int:
        """Behind the last record."""
        return int(self._java.position(tp))


def stuck_at(error: Any) -> tuple[str, int] | None:
    """The topic and partition where a poll can read no further; ``None`` for any other failure."""
    said = str(error.getMessage())
    found = next(filter(None, (pattern.search(said) for pattern in _PATTERNS)), None)
    return (found[1], int(found[2])) if found else None


def is_stray(error: Any) -> bool:
    """Whether a poll failed at bytes, and does not say where: the codec or format is not known, or does not load."""
    if isinstance(error, _kinds(_KAFKA + "errors.CorruptRecordException", _KAFKA + "InvalidRecordException")):
        return True
    own = _kinds(_KAFKA + "KafkaException", "java.lang.IllegalStateException")
    return isinstance(error, _kinds("java.lang.RuntimeException", "java.lang.LinkageError")) and not isinstance(
        error, own
    )


def _kinds(*names: str) -> tuple[Any, ...]:
    return tuple(map(jvm.java_class, names))
