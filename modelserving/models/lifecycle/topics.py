"""The two topics about models, read side by side: models, and commands about them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from kafka import TopicPartition

from modelserving.kafka import Connection, Gap, make_consumer
from modelserving.kafka.messages import Message
from modelserving.models.lifecycle.history import LogPosition
from modelserving.records import Topics

__all__ = ["ModelTopics"]

_CLOSE_MS = 2_000
_POLL_MS = 250
_MORE_MS = 10
_ROUNDS = 20
_RECALL_S = 10.0


class ModelTopics:
    """Reads all of both topics, without a consumer group: each server needs every model. One thread at a time.

    Args:
        connection: to the cluster.
        topics: ``models`` and ``control`` are read.
        pass_over: told of what cannot be read.

    Raises:
        BrokerUnavailable: no broker answers.
    """

    def __init__(
        self, connection: Connection, topics: Topics, pass_over: Callable[[Gap], object] = lambda _: None
    ) -> None:
        self._connection = connection
        self._topics = topics
        self._pass_over = pass_over
        self._consumer = make_consumer(connection)

    def read_to_end(self) -> list[Message]:
        """All that is on the topics now; afterwards ``poll`` goes on from there."""
        consumer = self._consumer
        # Pipelines of older versions have no control topic; one that is made later is read from the next start on.
        places = self._places(self._topics.models) or [TopicPartition(self._topics.models, 0)]
        places += self._places(self._topics.control)
        consumer.assign(places)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(places)
        messages: list[Message] = []
        while any(consumer.position(place) < ends[place] for place in places):
            messages += self._read(_POLL_MS)
        return messages

    def poll(self, timeout_ms: int = _POLL_MS) -> list[Message]:
        """What came since; when something did, also what comes with it, on the other topic perhaps."""
        messages = self._read(timeout_ms)
        for _ in range(_ROUNDS if messages else 0):
            more = self._read(_MORE_MS)
            if not more:
                break
            messages += more
        return messages

    def recall(self, stamp: LogPosition) -> Message | None:
        """Read a message of the models topic again; ``None`` if compaction took it. Any thread may call this."""
        place = TopicPartition(self._topics.models, stamp.partition)
        deadline = time.monotonic() + _RECALL_S
        with make_consumer(self._connection, max_poll_records=1) as consumer:
            consumer.assign([place])
            consumer.seek(place, stamp.offset)
            while time.monotonic() < deadline:
                for message in _flat(consumer.poll(timeout_ms=_POLL_MS).values()):
                    return message if message.offset == stamp.offset else None
        return None

    def close(self) -> None:
        """Let go of the broker. A second call does nothing."""
        self._consumer.close(autocommit=False, timeout_ms=_CLOSE_MS)

    def _read(self, timeout_ms: int) -> list[Message]:
        messages = _flat(self._consumer.poll(timeout_ms=timeout_ms).values())
        for gap in self._consumer.take_gaps():
            self._pass_over(gap)
        return messages

    def _places(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in sorted(self._consumer.partitions_for_topic(topic) or ())]


def _flat(parts: Iterable[Iterable[Message]]) -> list[Message]:
    return [message for part in parts for message in part]
