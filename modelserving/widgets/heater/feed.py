"""Follows the heater's topics from outside: it belongs to no group, commits nothing, and disturbs nobody."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from kafka import TopicPartition
from kafka.errors import KafkaError as KafkaClientError

from modelserving.errors import BrokerUnavailable, RecordError
from modelserving.kafka import Connection, make_consumer
from modelserving.kafka.reading import assign_all
from modelserving.records import decode_heater, decode_reading, decode_temperature_control
from modelserving.temperature import HeatingTopics
from modelserving.widgets.feed import LiveFeed
from modelserving.widgets.heater.snapshot import HeaterSnapshot
from modelserving.widgets.heater.tally import HeaterTally

if TYPE_CHECKING:
    from kafka import KafkaConsumer

_POLL_MS = 100
_AGAIN_S = 0.5


class HeaterFeed(LiveFeed):
    """A source of snapshots of rooms and heaters.

    Args:
        connection: to the broker.
        topics: all are read from their beginning, committed messages only. They need not exist yet.
        clock: seconds since 1970.
    """

    def __init__(self, connection: Connection, topics: HeatingTopics, clock: Callable[[], float] = time.time) -> None:
        super().__init__(**{f"watch-{topics.heater}": self._run})
        self._connection, self._topics, self._clock = connection, topics, clock
        self._tally = HeaterTally()
        self._positions: dict[TopicPartition, int] = {}
        self._decode: Mapping[str, Callable[[bytes | None], Any]] = {
            topics.sensor: decode_reading,
            topics.control: decode_temperature_control,
            topics.heater: decode_heater,
        }
        self._ended_s: float | None = None

    def snapshot(self) -> HeaterSnapshot:
        """How things stand; after ``close``, how they stood then."""
        return self._tally.snapshot(self._ended_s or self._clock())

    def close(self) -> None:
        """Stop reading. A second call does nothing."""
        if not self._stop.is_set():
            self._ended_s = self._clock()
        super().close()

    def _run(self) -> None:
        """Read until the end, with a new consumer whenever the broker was away."""
        while not self._stop.is_set():
            try:
                with make_consumer(self._connection, bootstrap_timeout_ms=2000) as consumer:
                    self._follow(consumer)
            except (BrokerUnavailable, KafkaClientError, OSError):
                self._stop.wait(_AGAIN_S)

    def _follow(self, consumer: KafkaConsumer) -> None:
        while not self._stop.is_set():
            if not consumer.assignment() and not assign_all(consumer, self._topics.names, self._positions):
                self._stop.wait(_AGAIN_S)
                continue
            for tp, messages in consumer.poll(timeout_ms=_POLL_MS).items():
                self._take(tp, messages)

    def _take(self, tp: TopicPartition, messages: Sequence[Any]) -> None:
        """Take what one partition brought, each message once."""
        fresh = [message for message in messages if message.offset >= self._positions.get(tp, 0)]
        self._positions[tp] = messages[-1].offset + 1
        decode = self._decode.get(tp.topic)
        if decode is None:
            self._tally.add_dead_letters(len(fresh))
            return
        for message in fresh:
            try:
                self._tally.take(decode(message.value), message.timestamp / 1000)
            except RecordError:
                continue  # what cannot be read is a dead letter, and is counted there
