"""The engine's consumers, which pass over what they cannot read.

Java's consumer stops at a batch that is damaged, or of a kind that it does not know: each poll raises, and Kafka
Streams ends. Here whoever runs the application says where reading goes on. A poll is a call for hundreds of records, so
that this costs little; all else goes to the engine's own consumer as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import jpype

from modelserving import jvm
from modelserving.kstreams.bridge.proxies import Ended, implement, implement_with

__all__ = ["PassOver", "passing_over"]

PassOver = Callable[[str, int, int, str], int]
"""Told of a topic, a partition, the offset that cannot be read, and why; answers the offset to go on from."""

_SUPPLIER = "org.apache.kafka.streams.KafkaClientSupplier"
_DEFAULT = "org.apache.kafka.streams.processor.internals.DefaultKafkaClientSupplier"
_CONSUMER = "org.apache.kafka.clients.consumer."
_STUCK = re.compile(r"fetching the next record from (.+)-(\d+)\. If needed")
_INVALID = re.compile(r"Record(?: batch)? for partition (.+)-(\d+) at offset \d+ is invalid")


def passing_over(pass_over: PassOver) -> Any:
    """What ``KafkaStreams`` takes for ``clients``: consumers of records and of global stores that do not stop.

    Args:
        pass_over: asked at each batch that cannot be read. What it raises ends the thread, as the batch would have.
    """
    engine = jvm.java_class(_DEFAULT)()

    def patient(made: Any) -> Any:
        return implement_with(_Patient(made, pass_over), _CONSUMER + "Consumer")

    return implement(
        _SUPPLIER,
        getAdmin=engine.getAdmin,
        getConsumer=lambda config: patient(engine.getConsumer(config)),
        getRestoreConsumer=engine.getRestoreConsumer,
        getGlobalConsumer=lambda config: patient(engine.getGlobalConsumer(config)),
        getProducer=engine.getProducer,
    )


class _Patient:
    """A consumer as Java calls it."""

    def __init__(self, java: Any, pass_over: PassOver) -> None:
        self._java = java
        self._pass_over = pass_over

    def poll(self, timeout: Any) -> Any:
        """As the engine's; what cannot be read is passed over, and the next poll goes on behind it."""
        try:
            return self._java.poll(timeout)
        except jpype.JException as error:
            place = stuck_at(error)
            if place is None:
                raise
            self._skip(*place, jvm.describe(error))
            return jvm.java_class(_CONSUMER + "ConsumerRecords").empty()

    def close(self, *arguments: Any) -> None:
        """Close it, and let go of it: objects of Python and Java that hold each other are never freed."""
        java, self._java = self._java, Ended()
        java.close(*arguments)

    def unregisterMetricFromSubscription(self, metric: Any) -> None:
        """As the engine's; a global thread still gives back its metrics when its consumer is closed."""
        if not isinstance(self._java, Ended):
            self._java.unregisterMetricFromSubscription(metric)

    def _skip(self, topic: str, partition: int, reason: str) -> None:
        place = jvm.java_class("org.apache.kafka.common.TopicPartition")(topic, partition)
        after = self._pass_over(topic, partition, int(self._java.position(place)), reason)
        self._java.seek(place, jpype.JLong(after))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._java, name)


def stuck_at(error: Any) -> tuple[str, int] | None:
    """The topic and partition where a poll can read no further; ``None`` for any other failure."""
    said = str(error.getMessage())
    found = _STUCK.search(said) or _INVALID.search(said)
    return (found[1], int(found[2])) if found else None
