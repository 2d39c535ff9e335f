"""Whether offsets jump for a good reason, or since a batch says that it is elsewhere.

The offset of a batch is covered by no checksum, and Java believes it. What says that it is further on is handed out as
other records than it is, and those behind it are left out, since they seem to have been read. What says that it is
before is left out itself, or read again and again. No poll says so; but offsets jump. They jump for good reasons, too:
marks of transactions, what was aborted, compacted or deleted. So who reads the log batch by batch is asked.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jpype
import numpy as np
from numpy.typing import NDArray

from modelserving import jvm
from modelserving.kafka.gaps import MARKS
from modelserving.kafka.messages import Message
from modelserving.kafka.reading import Reread
from modelserving.kstreams.bridge.clients.getters import RECORD, whole_number
from modelserving.kstreams.bridge.values import to_java
from modelserving.kstreams.record import java_headers

LookInto = Callable[[str, int, range], Reread]
"""Asked what there is in truth: of a topic, a partition, and offsets, from some of which no record came."""


class OffsetJumps:
    """Looks at what polls bring.

    Args:
        look_into: asked where offsets jump; of small jumps once in each partition, if they are well.
    """

    def __init__(self, look_into: LookInto) -> None:
        self._look_into = look_into
        self._marked = set[Any]()

    def check(self, tp: Any, records: Any, expected: int, after: int) -> tuple[Any, int] | None:
        """See that records are where they say.

        Args:
            tp: the partition.
            records: Java's list of what a poll brought of it.
            expected: where reading went on.
            after: where Java would go on now.

        Returns:
            What there is in truth, and where reading goes on behind it; ``None``: all is well.
        """
        count = int(records.size())
        if count:
            first, last = int(records.get(0).offset()), int(records.get(count - 1).offset())
            expected = min(expected, first)  # a log that was cut is read from its beginning
        else:
            last = expected - 1
        if last + 1 - expected == count and after == last + 1:
            return None
        offsets = _offsets(records)
        steps = np.diff(offsets, prepend=expected - 1, append=after)
        small = steps[-1] >= 1 and steps.max() <= 1 + MARKS
        if small and tp in self._marked:
            return None
        start = expected + int(np.argmax(steps != 1))
        end = max(after, last + 1)
        truth = self._look_into(str(tp.topic()), int(tp.partition()), range(start, end))
        certain = int(np.searchsorted(offsets, start))
        seen = set(offsets.tolist())
        if truth.gaps or any(message.offset not in seen for message in truth.messages if message.offset < end):
            made = jvm.java_class("java.util.ArrayList")(records.subList(0, certain))
            for message in truth.messages:
                made.add(_record_of(message))
            return made, truth.end
        if small:
            self._marked.add(tp)
        return None if steps[-1] >= 1 else (records, last + 1)


def _record_of(message: Message) -> Any:
    """A message as Java's consumer would have brought it, with keys and values that are bytes."""
    kinds = jvm.java_class("org.apache.kafka.common.record.TimestampType")
    sizes = [-1 if part is None else len(part) for part in (message.key, message.value)]
    return jvm.java_class(RECORD)(
        message.topic,
        message.partition,
        jpype.JLong(message.offset),
        jpype.JLong(message.timestamp),
        kinds.CREATE_TIME,
        *sizes,
        to_java(message.key),
        to_java(message.value),
        java_headers(tuple(getattr(message, "headers", None) or ())),
        jvm.java_class("java.util.Optional").empty(),
    )


def _offsets(records: Any) -> NDArray[np.int64]:
    return np.array(records.stream().mapToLong(whole_number("offset")).toArray(), np.int64)
