"""Follows the heater's topics from outside: it belongs to no group, commits nothing, and disturbs nobody."""

from __future__ import annotations

import threading
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
from modelserving.widgets.heater.snapshot import HeaterSnapshot
from modelserving.widgets.heater.tally import HeaterTally

if TYPE_CHECKING:
    from kafka import KafkaConsumer

__all__ = ["HeaterFeed"]

_POLL_MS = 100
_AGAIN_S = 0.5
_JOIN_S = 3.0


class HeaterFeed:
    """A source of snapshots of rooms and heaters.

    Args:
        connection: to the broker.
        topics: all are read from their beginning, committed messages only. They need not exist yet.
        clock: seconds since 1970.
    """

    def __init__(self, connection: Connection, topics: HeatingTopics, clock: Callable[[], float] = time.time) -> None:
        self._connection, self._topics, self._clock = connection, topics, clock
        self._tally = HeaterTally()
        self._positions: dict[TopicPartition, int] = {}
        self._decode: Mapping[str, Callable[[bytes | None], Any]] = {
            topics.sensor: decode_reading,
            topics.control: decode_temperature_control,
            topics.heater: decode_heater,
        }
        self._ended_s: float | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"watch-{topics.heater}", daemon=True)

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def snapshot(self) -> HeaterSnapshot:
        """How things stand; after ``close``, how they stood then."""
        return self._tally.snapshot(self._ended_s or self._clock())

    @property
    def finished(self) -> bool:
        """Never by itself."""
        return False

    def close(self) -> None:
        """Stop reading. A second call does nothing."""
        if not self._stop.is_set():
            self._ended_s = self._clock()
            self._stop.set()
        if self._thread.ident is not None and self._thread is not threading.current_thread():
            self._thread.join(_JOIN_S)

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
            if not consumer.assignment() and not self._take_places(consumer):
                self._stop.wait(_AGAIN_S)
                continue
            for place, messages in consumer.poll(timeout_ms=_POLL_MS).items():
                self._take(place, messages)

    def _take_places(self, consumer: KafkaConsumer) -> bool:
        """Assign every partition, and go on where the last consumer was.

        Returns:
            Whether all topics exist.
        """
        return assign_all(consumer, self._topics.names, self._positions)

    def _take(self, place: TopicPartition, messages: Sequence[Any]) -> None:
        """Take what one partition brought, each message once."""
        fresh = [message for message in messages if message.offset >= self._positions.get(place, 0)]
        self._positions[place] = messages[-1].offset + 1
        decode = self._decode.get(place.topic)
        if decode is None:
            self._tally.add_dead_letters(len(fresh))
            return
        for message in fresh:
            try:
                self._tally.take(decode(message.value), message.timestamp / 1000)
            except RecordError:
                continue  # what cannot be read is a dead letter, and is counted there
