"""What a server would make of the messages on its topics, without a server: read from the broker, decided as it does.

An exercise that only asks "which model would serve then?" need not wait for a process to start.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Self

from kafka import KafkaProducer

from modelserving.kafka import make_producer, read_topic
from modelserving.kafka.dead_letters import DeadLetter
from modelserving.models.lifecycle.controller import ModelController
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.models.lifecycle.state import ServingState
from modelserving.records import ModelCommand, ModelDescriptor, encode_command, encode_descriptor
from modelserving.workshop.lesson.environment import LessonEnvironment


@dataclass(frozen=True, slots=True)
class SimulatedSlots:
    """How a server would stand after all messages.

    Args:
        state: of the data type that was asked for; ``None`` when it has no model.
        letters: messages that it would have refused.
    """

    state: ServingState | None
    letters: tuple[DeadLetter, ...]

    @property
    def serving(self) -> str | None:
        """Name of the model that would serve."""
        return self.state.identity.name if self.state and self.state.identity else None


class Simulation:
    """Two fresh topics, and the part of a server that decides about models. Messages go through the real broker.

    Args:
        lesson: whose broker is used; the topics stay until it is begun again.
    """

    def __init__(self, lesson: LessonEnvironment) -> None:
        self._connection = lesson.connection
        self._topics = replace(lesson.topics, models=lesson.scratch_topic(), control=lesson.scratch_topic())
        self._producer: KafkaProducer = make_producer(self._connection, linger_ms=0)
        self._clock_ms = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._producer.close()

    def publish(self, descriptor: ModelDescriptor) -> None:
        """Put a model on the models topic, after everything before."""
        self._send(self._topics.models, descriptor.key, encode_descriptor(descriptor))

    def command(self, command: ModelCommand) -> None:
        """Put a command on the control topic, after everything before."""
        self._send(self._topics.control, command.key, encode_command(command))

    def verdict(self, data_type: str) -> SimulatedSlots:
        """How a server would stand that had time for each message before the next one came."""
        letters: list[DeadLetter] = []
        slots = ModelSlots()
        controller = ModelController(self._topics, letters.append)
        topics = (self._topics.models, self._topics.control)
        messages = [message for topic in topics for message in read_topic(self._connection, topic)]
        try:
            with _quiet():
                for message in sorted(messages, key=lambda message: message.timestamp):
                    controller.take(message)
                    controller.settle(slots.apply)
            return SimulatedSlots(slots.describe(data_type), tuple(letters))
        finally:
            controller.close()
            slots.close()

    def _send(self, topic: str, key: bytes, value: bytes) -> None:
        # The order of the two topics is that of their times: a clock that ticks with each message leaves no doubt. It
        # begins now: what is stamped with a time long ago, a broker deletes the next time that it looks, in minutes.
        self._clock_ms = max(self._clock_ms + 1, time.time_ns() // 1_000_000)
        self._producer.send(topic, key=key, value=value, timestamp_ms=self._clock_ms).get(timeout=10)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what a server would log out of the notebook: the verdict says it."""
    log = logging.getLogger("modelserving")
    before = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(before)
