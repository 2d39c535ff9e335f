"""The two topics about models, read side by side: models, and commands about them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from contextlib import closing

from kafka import TopicPartition
from kafka.errors import KafkaError, UnknownTopicOrPartitionError

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection, Gap, make_admin, make_consumer
from modelserving.kafka.clients import explain
from modelserving.kafka.messages import Message
from modelserving.models.lifecycle.order import LogPosition
from modelserving.records import Topics

log = logging.getLogger(__name__)

_CLOSE_MS = 2_000
_LOOK_AGAIN_MS = 3_000
_POLL_MS = 250
_MORE_MS = 10
_ROUNDS = 20
_RECALL_S = 10.0
_SAID_AGAIN_S = 1.0
"""A broker that has just come may not know a topic yet: that there is none, it has to say twice."""


class ModelTopics:
    """Reads all of both topics, without a consumer group: each server needs every model. One thread at a time.

    Partitions that are added, and a topic that is deleted and made anew, are read from their beginning, some seconds
    later: as often as the cluster is asked what it has.

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
        self._topics = topics
        self._pass_over = pass_over
        self._consumer = make_consumer(connection, metadata_max_age_ms=_LOOK_AGAIN_MS)
        self._ids: dict[str, object] = {}

    def read_to_end(self) -> list[Message]:
        """All that is on the topics now; afterwards ``poll`` goes on from there."""
        consumer = self._consumer
        # Pipelines of older versions have no control topic; one that is made later is read from the next start on.
        partitions = self._partitions(self._topics.models) or [TopicPartition(self._topics.models, 0)]
        self._note_made_anew()
        partitions += self._partitions(self._topics.control)
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        ends = consumer.end_offsets(partitions)
        messages: list[Message] = []
        while any(consumer.position(tp) < ends[tp] for tp in partitions):
            messages += self._read(_POLL_MS)
        return messages

    def poll(self, timeout_ms: int = _POLL_MS) -> list[Message]:
        """What came since; when something did, also what comes with it, on the other topic perhaps."""
        self._take_up_changes()
        messages = self._read(timeout_ms)
        for _ in range(_ROUNDS if messages else 0):
            more = self._read(_MORE_MS)
            if not more:
                break
            messages += more
        return messages

    def close(self) -> None:
        """Let go of the broker. A second call does nothing."""
        self._consumer.close(autocommit=False, timeout_ms=_CLOSE_MS)

    def _read(self, timeout_ms: int) -> list[Message]:
        messages = _flat(self._consumer.poll(timeout_ms=timeout_ms).values())
        for gap in self._consumer.take_gaps():
            self._pass_over(gap)
        return messages

    def _take_up_changes(self) -> None:
        """Read what was added to the topics, and all of one that was made anew."""
        consumer, known = self._consumer, self._consumer.assignment()
        anew = self._note_made_anew()
        # What the client knows already: no question to the cluster, which a missing topic would cost each time.
        parts = {topic: consumer._cluster.partitions_for_topic(topic) or () for topic in self._both}
        partitions = {TopicPartition(topic, number) for topic, numbers in parts.items() for number in numbers}
        added = partitions - known
        if added:
            log.info("new partitions about models are read from now on: %s", ", ".join(map(_name, sorted(added))))
            consumer.assign(sorted(known | partitions))
        again = [tp for tp in sorted(partitions) if tp in added or tp.topic in anew]
        if again:
            consumer.seek_to_beginning(*again)

    def _note_made_anew(self) -> set[str]:
        """The topics that are others than those of the same name before."""
        anew = set()
        for topic in self._both:
            found = self._consumer._cluster.topic_id(topic)
            if found is not None and self._ids.setdefault(topic, found) != found:
                self._ids[topic] = found
                anew.add(topic)
                log.warning("topic %s was deleted and made anew: it is read from its beginning", topic)
        return anew

    @property
    def _both(self) -> tuple[str, str]:
        return self._topics.models, self._topics.control

    def _partitions(self, topic: str) -> list[TopicPartition]:
        return [TopicPartition(topic, number) for number in sorted(self._consumer.partitions_for_topic(topic) or ())]


def recall(connection: Connection, topics: Topics, position: LogPosition) -> Message | None:
    """Read a message of the models topic again; ``None`` if compaction took it, or it is gone with its topic.

    Raises:
        BrokerUnavailable: no broker answers, or it does not say what is there.
    """
    source = TopicPartition(topics.models, position.partition)
    deadline = time.monotonic() + _RECALL_S
    try:
        if not _is_there(connection, source):
            time.sleep(_SAID_AGAIN_S)
            if not _is_there(connection, source):
                return None
        with make_consumer(connection, max_poll_records=1) as consumer:
            consumer.assign([source])
            consumer.seek(source, position.offset)
            end = consumer.end_offsets([source], timeout_ms=_RECALL_S * 1000)[source]
            while time.monotonic() < deadline:
                for message in _flat(consumer.poll(timeout_ms=_POLL_MS).values()):
                    same = (message.offset, message.timestamp) == (position.offset, position.timestamp_ms)
                    return message if same else None
                if (consumer.position(source, timeout_ms=_POLL_MS) or 0) >= end:
                    return None
    except KafkaError as error:
        raise BrokerUnavailable(explain(connection, error)) from error
    raise BrokerUnavailable(f"nothing comes from {_name(source)}, offset {position.offset}")


def _is_there(connection: Connection, tp: TopicPartition) -> bool:
    """Whether the broker knows the partition; a reader would wait for one that was deleted until somebody makes it."""
    with closing(make_admin(connection)) as admin:
        (found,) = admin.describe_topics([tp.topic])
    if found["error_code"]:
        return bool(found["error_code"] != UnknownTopicOrPartitionError.errno)
    return any(part["partition_index"] == tp.partition for part in found["partitions"])


def _name(tp: TopicPartition) -> str:
    return f"{tp.topic}[{tp.partition}]"


def _flat(parts: Iterable[Iterable[Message]]) -> list[Message]:
    return [message for part in parts for message in part]
