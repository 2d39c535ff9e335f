"""The topics of the heater, by name."""

from __future__ import annotations

from dataclasses import astuple, dataclass

from modelserving.kafka import Connection
from modelserving.kafka.admin import create_named_topics
from modelserving.kafka.clients import REQUEST_BYTES
from modelserving.kafka.settings import KEPT


@dataclass(frozen=True, slots=True)
class HeatingTopics:
    """Names of the four topics; all are keyed by the sensor, and have as many partitions.

    Args:
        sensor: readings.
        control: what is wanted.
        heater: commands.
        dead_letters: what could not be read.
    """

    sensor: str = "sensor"
    control: str = "heater-control"
    heater: str = "heater"
    dead_letters: str = "heater-dead-letters"

    def prefixed(self, prefix: str) -> HeatingTopics:
        """The same four with ``prefix-`` before each name."""
        return HeatingTopics(*(f"{prefix}-{name}" for name in self.names))

    @property
    def names(self) -> tuple[str, ...]:
        """All names."""
        return astuple(self)


HEATING_TOPICS = HeatingTopics()
"""The names that are used unless told otherwise."""


def create_heating_topics(connection: Connection, topics: HeatingTopics, partitions: int = 1) -> None:
    """Make the four topics, and wait until they can be used. Those that exist stay as they are.

    What is wanted of a room is wanted until something else is, so that topic is kept for ever: a second application, or
    one whose state was reset, reads it again.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: the broker refuses a topic, or it is not usable in time.
    """
    settings = {topics.control: KEPT, topics.dead_letters: {"max.message.bytes": str(REQUEST_BYTES)}}
    create_named_topics(connection, {name: (partitions, settings.get(name, {})) for name in topics.names})
