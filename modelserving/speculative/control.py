"""The topic that says what is wanted, for each data type: read to its end at a start, then followed for ever."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Self

import anyio
from kafka import KafkaProducer, TopicPartition
from kafka.errors import KafkaError as ClientError

from modelserving.errors import FieldError, KafkaError
from modelserving.kafka import Connection, make_consumer, make_producer
from modelserving.kafka.admin import create_named_topics
from modelserving.kafka.dead_letters import DeadLetter
from modelserving.kafka.messages import Message, dead_letter
from modelserving.kafka.reading import read_topic
from modelserving.models.admin.publish import partition_of
from modelserving.records import Topics, check_data_type
from modelserving.serving.running.worker_thread import WorkerThread
from modelserving.speculative.settings import SpeculativeSettings, decode_settings, encode_settings

log = logging.getLogger(__name__)

Configure = Callable[[str, SpeculativeSettings | None], object]
"""Takes what is wanted of a data type; ``None``: nothing more is."""

_ANSWER_S = 30.0
_POLL_MS = 100
_LOOK_AGAIN_MS = 3_000
_CLOSE_MS = 2_000
_AGAIN_SECONDS = 1.0
_COMPACTED = {"cleanup.policy": "compact", "message.timestamp.type": "LogAppendTime"}


def settings_topic(topics: Topics) -> str:
    """The name of the topic; it is compacted, and keyed by data type."""
    return f"{topics.control}-speculative"


def create_settings_topic(connection: Connection, topics: Topics) -> None:
    """Make the topic, and wait until it can be used. One that exists stays as it is.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: the broker refuses it, or it is not usable in time.
    """
    create_named_topics(connection, {settings_topic(topics): (1, _COMPACTED)})


def send_settings(connection: Connection, topics: Topics, data_type: str, settings: SpeculativeSettings | None) -> None:
    """Say what is wanted of a data type from now on.

    Args:
        connection: to the cluster.
        topics: of the pipeline.
        data_type: whose records.
        settings: what is wanted; ``None``: what every other server does.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: the broker does not take it.
    """
    topic = settings_topic(topics)
    with make_producer(connection) as producer:
        try:
            _send(producer, topic, check_data_type(data_type), settings)
        except ClientError as error:
            raise KafkaError(f"the broker does not take the message for {topic}: {error!r}.") from error


def _send(producer: KafkaProducer, topic: str, data_type: str, settings: SpeculativeSettings | None) -> None:
    partition = partition_of(data_type, len(producer.partitions_for(topic)))
    value = None if settings is None else encode_settings(settings)
    producer.send(topic, key=data_type.encode(), value=value, partition=partition).get(timeout=_ANSWER_S)


def read_settings(connection: Connection, topics: Topics) -> dict[str, SpeculativeSettings]:
    """What is wanted now, by data type; a message that says nothing is passed over.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: there is no such topic.
    """
    found: dict[str, SpeculativeSettings] = {}

    def note(data_type: str, settings: SpeculativeSettings | None) -> None:
        if settings is None:
            found.pop(data_type, None)
        else:
            found[data_type] = settings

    for message in read_topic(connection, settings_topic(topics)):
        take_settings(message, note, lambda _: None)
    return found


def take_settings(message: Message, configure: Configure, refuse: Callable[[DeadLetter], object]) -> None:
    """Do what a message says; one that says nothing becomes a dead letter."""
    try:
        data_type = check_data_type((message.key or b"").decode("utf-8", "replace"))
        settings = decode_settings(message.value) if message.value is not None else None
        if settings is not None and settings.data_type != data_type:
            raise FieldError(f"the key is {data_type!r}, and the message is about {settings.data_type!r}: one of both.")
    except Exception as error:  # noqa: BLE001 - whatever a stranger wrote
        log.warning("settings at %s[%d]@%d refused: %s", message.topic, message.partition, message.offset, error)
        refuse(dead_letter(message, "control", error))
    else:
        configure(data_type, settings)


class SettingsSource:
    """Reads the topic. Each server reads all of it, alone.

    A topic that is deleted and made anew is read from its beginning, some seconds later, and so are partitions that are
    added. What the old one said stays wanted until the new one says otherwise, as with models: a topic that somebody
    has lost must not stop a server. After a restart only the new one counts.

    Args:
        connection: to the cluster.
        topics: of the pipeline; the topic of the settings is there.
        configure: takes what is wanted.
        refuse: takes a dead letter for a message that says nothing.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Topics,
        configure: Configure,
        refuse: Callable[[DeadLetter], object],
    ) -> None:
        self._connection = connection
        self._topic = settings_topic(topics)
        self._configure = configure
        self._refuse = refuse
        self._thread = WorkerThread(f"settings-{self._topic}")
        self._id: object = None

    async def __aenter__(self) -> Self:
        """Read all that is there."""
        await self._thread.run(self._begin)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._thread.finish(self._consumer.close, autocommit=False, timeout_ms=_CLOSE_MS)

    async def follow(self) -> None:
        """Do what comes, for ever."""
        while True:
            try:
                await self._thread.run(self._take)
            except ClientError as error:
                log.warning("the topic %s cannot be read now (%r); again in a second", self._topic, error)
                await anyio.sleep(_AGAIN_SECONDS)

    def _begin(self) -> None:
        self._consumer = consumer = make_consumer(
            self._connection, auto_offset_reset="earliest", metadata_max_age_ms=_LOOK_AGAIN_MS
        )
        known = consumer.partitions_for_topic(self._topic) or {0}
        partitions = [TopicPartition(self._topic, number) for number in sorted(known)]
        consumer.assign(partitions)
        consumer.seek_to_beginning()
        self._id = consumer._cluster.topic_id(self._topic)
        ends = consumer.end_offsets(partitions)
        while any(consumer.position(tp) < ends[tp] for tp in partitions):
            self._take()

    def _take(self) -> None:
        self._take_up_changes()
        for message in _flat(self._consumer.poll(timeout_ms=_POLL_MS).values()):
            take_settings(message, self._configure, self._refuse)

    def _take_up_changes(self) -> None:
        """Read what was added to the topic, or all of one that was made anew; the client looks every few seconds."""
        consumer, cluster = self._consumer, self._consumer._cluster
        known, found = consumer.assignment(), cluster.topic_id(self._topic)
        partitions = {TopicPartition(self._topic, number) for number in cluster.partitions_for_topic(self._topic) or ()}
        anew = found is not None and self._id is not None and found != self._id
        if anew:
            log.warning("topic %s was deleted and made anew: what it said stays until it says otherwise", self._topic)
        self._id = found or self._id
        if partitions - known or anew:
            consumer.assign(sorted(partitions))
            consumer.seek_to_beginning(*(sorted(partitions) if anew else sorted(partitions - known)))


def _flat(parts: Sequence[Sequence[Message]]) -> Iterator[Message]:
    return (message for part in parts for message in part)
