"""Records whose client stamped them before 1970, or not at all: they get the time of their partition.

The engine has no such time. It passes such a record over, or fails at it for ever: a global store knows no extractor of
times. So no record comes to it with one. What is asked here is one call for all records of a poll, from Java's method
handles.
"""

from __future__ import annotations

from typing import Any

import jpype

from modelserving import jvm
from modelserving.kstreams.bridge.clients.getters import RECORD, whole_number


class PartitionTimes:
    """The latest time of each partition, as far as it was read here; before any, the beginning of 1970."""

    def __init__(self) -> None:
        self._times = dict[Any, int]()

    def mend(self, tp: Any, records: Any) -> Any | None:
        """Look at what a poll brought.

        Args:
            tp: the partition.
            records: Java's list of its records, at least one.

        Returns:
            The same records, with times that the engine takes; ``None``: they have such times.
        """
        found = records.stream().mapToLong(whole_number("timestamp")).summaryStatistics()
        time = self._times.get(tp, 0)
        self._times[tp] = max(time, int(found.getMax()))
        if int(found.getMin()) >= 0:
            return None
        made = jvm.java_class("java.util.ArrayList")()
        for record in records:
            own = int(record.timestamp())
            time = max(time, own)
            made.add(record if own >= 0 else _stamped(record, time))
        return made


def _stamped(record: Any, time: int) -> Any:
    return jvm.java_class(RECORD)(
        record.topic(),
        record.partition(),
        jpype.JLong(record.offset()),
        jpype.JLong(time),
        record.timestampType(),
        record.serializedKeySize(),
        record.serializedValueSize(),
        record.key(),
        record.value(),
        record.headers(),
        record.leaderEpoch(),
    )
