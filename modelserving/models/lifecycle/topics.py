"""The two topics about models, read side by side: models, and commands about them."""

from __future__ import annotations

import time
from collections.abc import Iterable

from kafka import KafkaConsumer, TopicPartition

from modelserving.kafka import Connection, make_consumer
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

    Raises:
        BrokerUnavailable: no broker answers.
    """

    def __init__(self, connection: Connection, topics: Topics) -> None:
        self._connection = connection
        self._topics = topics
        self._consumer: KafkaConsumer = make_consumer(connection)

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
            messages += _flat(consumer.poll(timeout_ms=_POLL_MS).values())
        return messages

    def poll(self, timeout_ms: int = _POLL_MS) -> list[Message]:
        """What came since; when something did, also what comes with it, on the other topic perhaps."""
        messages = _flat(self._consumer.poll(timeout_ms=timeout_ms).values())
        for _ in range(_ROUNDS if messages else 0):
            more = _flat(self._consumer.poll(timeout_ms=_MORE_MS).values())
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

    def _places(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in sorted(self._consumer.partitions_for_topic(topic) or ())]


def _flat(parts: Iterable[Iterable[Message]]) -> list[Message]:
    return [message for part in parts for message in part]
