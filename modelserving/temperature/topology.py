"""The heater's topology on the real Kafka Streams.

::

    heater-control ─▶ set ─────▶ temperature-controls (a store, with a changelog)
    sensor ─────────▶ decide ──▲
                        │ └────▶ heater
       set, decide ─────┴──────▶ heater-dead-letters

What is wanted is state, and survives: it is in a store whose changelog is a topic. What the heater was told last is in
the memory of the processor: after a restart it is not known, and the heater is told once more. That costs a message,
and does no harm: a command that comes twice does what it does once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelserving.errors import RecordError
from modelserving.kafka.dead_letters import DeadLetter, headers
from modelserving.kstreams import (
    KeyValueStore,
    Processor,
    ProcessorContext,
    ProcessorSupplier,
    Record,
    java,
    serde,
    text,
)
from modelserving.records import (
    HeaterCommand,
    HeaterControl,
    decode_reading,
    decode_temperature_control,
    encode_heater,
    encode_temperature_control,
)
from modelserving.temperature.decide import decide
from modelserving.temperature.topics import HeatingTopics

CONTROLS = "temperature-controls"
"""Name of the store: what is wanted, by sensor."""
_HEATER, _DEAD = "heater", "dead-letters"


def make_heating_topology(topics: HeatingTopics, refuse: Callable[[str], object] = lambda _: None) -> Any:
    """The topology.

    Args:
        topics: what is read and written; each topic of input has as many partitions as the other.
        refuse: told of the topic of each message that cannot be read.
    """
    controls = java.Stores.keyValueStoreBuilder(
        java.Stores.inMemoryKeyValueStore(CONTROLS),
        text(),
        serde(encode_temperature_control, decode_temperature_control),
    )
    topology = java.Topology()
    topology.addSource("control", topics.control)
    topology.addSource("sensor", topics.sensor)
    topology.addProcessor("set", ProcessorSupplier(lambda: _Set(refuse)), "control")
    topology.addProcessor("decide", ProcessorSupplier(lambda: _Decide(refuse)), "sensor")
    topology.addStateStore(controls, "set", "decide")
    topology.addSink(_HEATER, topics.heater, "decide")
    topology.addSink(_DEAD, topics.dead_letters, "set", "decide")
    return topology


class _Careful(Processor):
    """A processor to which a message that cannot be read is a dead letter, and nothing else.

    Args:
        refuse: told of its topic.
    """

    _store: KeyValueStore

    def __init__(self, refuse: Callable[[str], object]) -> None:
        super().__init__()
        self._refuse = refuse

    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self._store = context.getStateStore(CONTROLS)

    def process(self, record: Record) -> None:
        try:
            self._work(record)
        except RecordError as error:
            letter = self._letter(record, error)
            told = record.withHeaders(tuple(headers(letter)))
            self.context.forward(told.withKey(letter.label).withValue(letter.body), _DEAD)
            self._refuse(letter.topic)

    def _work(self, record: Record) -> None:
        raise NotImplementedError

    def _letter(self, record: Record, error: RecordError) -> DeadLetter:
        metadata = self.context.recordMetadata()
        topic, partition, offset = (metadata.topic, metadata.partition, metadata.offset) if metadata else ("", -1, -1)
        error_class, reason, own = type(error).__name__, str(error), record.headers()
        key, value = record.key(), record.value()
        return DeadLetter(value, key, topic, partition, offset, "decode", error_class, reason, own)


class _Set(_Careful):
    """Keeps what is wanted."""

    def _work(self, record: Record) -> None:
        control = decode_temperature_control(record.value())
        self._store.put(str(control.sensor), control)


class _Decide(_Careful):
    """Looks at each reading; says something only when it changes."""

    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self._previous: dict[int, HeaterCommand] = {}

    def _work(self, record: Record) -> None:
        reading = decode_reading(record.value())
        control = self._store.get(str(reading.sensor))
        command = decide(reading.temperature, control, self._previous.get(reading.sensor))
        if command is not None:
            self._previous[reading.sensor] = command
            said = HeaterControl(reading.sensor, command)
            self.context.forward(record.withKey(said.key).withValue(encode_heater(said)), _HEATER)
