"""The models inlet: the models topic, read to its end before scoring starts, then followed for ever.

Every server reads all of it, without a consumer group: each needs every model. Building happens in a thread of its own,
so that a model that takes seconds to load delays no record.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self

from anyio.streams.memory import MemoryObjectSendStream
from kafka import KafkaConsumer, KafkaProducer, TopicPartition

from modelserving.kafka import Connection, make_consumer, make_producer
from modelserving.kafka.dead_letters import headers
from modelserving.models import factory
from modelserving.models.loader import build_candidate
from modelserving.models.slot import ServedModel
from modelserving.records import ModelDescriptor, Topics, decode_descriptor
from modelserving.stage.lane import Lane
from modelserving.stage.messages import Message, dead_letter

__all__ = ["ModelSource"]

log = logging.getLogger(__name__)

_POLL_MS = 250
_CLOSE_MS = 2_000

Build = Callable[[ModelDescriptor], ServedModel]


class ModelSource:
    """Models that are ready to serve, from the models topic.

    A model that cannot be built, or answers its golden records wrongly, goes to the dead-letter topic with the reason;
    whoever serves goes on serving.

    Args:
        connection: to the cluster.
        topics: ``models`` is read, failures go to ``dead_letters``.
        build: from a descriptor to a model that is fit to serve.
    """

    def __init__(self, connection: Connection, topics: Topics, build: Build = build_candidate) -> None:
        self._connection = connection
        self._topics = topics
        self._build = build
        self._reading = Lane(f"models-{topics.models}")
        self._building = Lane(f"build-{topics.models}")
        self.refused = 0

    async def __aenter__(self) -> Self:
        self._consumer: KafkaConsumer = await self._reading.run(make_consumer, self._connection)
        self._producer: KafkaProducer = await self._building.run(make_producer, self._connection)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._reading.finish(self._consumer.close, autocommit=False, timeout_ms=_CLOSE_MS)
        await self._building.finish(self._producer.close, timeout=_CLOSE_MS / 1000)

    async def preload(self) -> None:
        """Start the engines, in the thread that will build with them.

        Raises:
            SetupError: an engine is missing.
        """
        await self._building.run(factory.preload)

    async def read_to_end(self) -> tuple[ServedModel, ...]:
        """Read the topic to its present end, and build the newest good model of each data type.

        Where the newest is not fit to serve, the one before it on the topic is tried: a server that starts must not be
        worse off than one that was running all the time.
        """
        newest: dict[str, ServedModel] = {}
        for message in reversed(await self._reading.run(self._read_all)):
            served = await self._building.run(self._prepare, message, frozenset(newest))
            if served is not None:
                newest[served.data_type] = served
        return tuple(newest.values())

    async def follow(self, models: MemoryObjectSendStream[ServedModel]) -> None:
        """Send each further model that is fit to serve, for ever."""
        while True:
            for message in await self._reading.run(self._poll, _POLL_MS):
                served = await self._building.run(self._prepare, message)
                if served is not None:
                    await models.send(served)

    def _read_all(self) -> list[Message]:
        """All that is on the topic now; afterwards the consumer stands at its end."""
        topic = self._topics.models
        places = [TopicPartition(topic, number) for number in sorted(self._consumer.partitions_for_topic(topic) or {0})]
        self._consumer.assign(places)
        self._consumer.seek_to_beginning()
        ends = self._consumer.end_offsets(places)
        messages: list[Message] = []
        while any(self._consumer.position(place) < ends[place] for place in places):
            messages += self._poll(_POLL_MS)
        return sorted(messages, key=lambda message: message.timestamp)

    def _poll(self, timeout_ms: int) -> list[Message]:
        found = self._consumer.poll(timeout_ms=timeout_ms)
        return [message for part in found.values() for message in part]

    def _prepare(self, message: Message, have: frozenset[str] = frozenset()) -> ServedModel | None:
        """Build what a message describes; ``None`` if it is not fit to serve, or its data type is among ``have``."""
        try:
            descriptor = decode_descriptor(message.value)
            return None if descriptor.data_type in have else self._build(descriptor)
        except Exception as error:  # noqa: BLE001
            self._refuse(message, error)
        return None

    def _refuse(self, message: Message, error: Exception) -> None:
        self.refused += 1
        log.warning("model at %s[%d]@%d refused: %s", message.topic, message.partition, message.offset, error)
        letter = dead_letter(message, "model", error)
        sent = self._producer.send(
            self._topics.dead_letters, value=letter.body, key=letter.key, headers=headers(letter)
        )
        sent.add_errback(lambda failure: log.error("dead letter for that model not written: %s", failure))
