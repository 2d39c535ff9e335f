"""The life of rooms on the topics: their sensors say how warm it is, and their heaters do what they are told."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from modelserving.errors import RecordError
from modelserving.kafka import Connection, make_consumer, make_producer
from modelserving.records import (
    SensorReading,
    TemperatureControl,
    decode_heater,
    encode_reading,
    encode_temperature_control,
)
from modelserving.temperature.rooms import Room
from modelserving.temperature.topics import HEATING_TOPICS, HeatingTopics

_LOOK_EVERY_S = 0.05


class Simulator:
    """Rooms whose time runs faster than ours.

    Args:
        connection: the broker.
        rooms: as they are at the beginning.
        topics: readings are written, commands are read.
        speed: seconds in the rooms for each second here.
        every_s: how often each sensor says something, in seconds here.
        clock: seconds that only go forward.
    """

    def __init__(
        self,
        connection: Connection,
        rooms: Iterable[Room],
        topics: HeatingTopics = HEATING_TOPICS,
        speed: float = 600.0,
        every_s: float = 0.25,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._topics = topics
        self._speed = speed
        self._every_s = every_s
        self._clock = clock
        self._lock = threading.Lock()
        self._rooms = {room.sensor: room for room in rooms}
        self.sent = 0
        self.commands = 0

    @property
    def rooms(self) -> Mapping[int, Room]:
        """The rooms as they are now, by their sensor."""
        with self._lock:
            return MappingProxyType(dict(self._rooms))

    def run(self, stop: threading.Event, max_readings: int | None = None) -> None:
        """Live until ``stop`` is set, or so many readings were sent.

        Raises:
            BrokerUnavailable: no broker answers.
        """
        with (
            make_producer(self._connection, linger_ms=0) as producer,
            make_consumer(self._connection, self._topics.heater, auto_offset_reset="latest") as heaters,
        ):
            before = due = self._clock()
            while not stop.is_set() and (max_readings is None or self.sent < max_readings):
                self._obey(heaters)
                now = self._clock()
                self._pass_time((now - before) * self._speed)
                before = now
                if now >= due:
                    due = now + self._every_s
                    self._tell(producer)
                stop.wait(min(_LOOK_EVERY_S, self._every_s))

    def _obey(self, heaters: Any) -> None:
        for messages in heaters.poll(timeout_ms=0).values():
            for message in messages:
                try:
                    self.obey(message.value)
                except RecordError:
                    continue  # what is no command is told to no heater

    def obey(self, value: bytes | None) -> None:
        """Do what a message of the heaters' topic says; one for a room that is not here is another simulator's.

        Raises:
            RecordError: it is no command.
        """
        said = decode_heater(value)
        with self._lock:
            if said.sensor in self._rooms:
                self._rooms[said.sensor] = self._rooms[said.sensor].obey(said.command)
                self.commands += 1

    def _pass_time(self, seconds: float) -> None:
        with self._lock:
            self._rooms = {sensor: room.after(seconds) for sensor, room in self._rooms.items()}

    def _tell(self, producer: Any) -> None:
        for sensor, room in self.rooms.items():
            reading = SensorReading(sensor, room.temperature)
            producer.send(self._topics.sensor, key=reading.key, value=encode_reading(reading))
            self.sent += 1


def send_control(connection: Connection, control: TemperatureControl, topics: HeatingTopics = HEATING_TOPICS) -> None:
    """Say how warm it should be at a sensor, and wait until the broker has it.

    Raises:
        BrokerUnavailable: no broker answers.
    """
    with make_producer(connection, linger_ms=0) as producer:
        producer.send(topics.control, key=control.key, value=encode_temperature_control(control)).get(timeout=10)
