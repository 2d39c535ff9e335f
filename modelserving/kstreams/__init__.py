"""Kafka Streams in Python: the real engine, in this process's JVM, with its own names.

::

    from modelserving.kstreams import KafkaStreams, Processor, ProcessorSupplier, Topology, streams_config

    topology = Topology()
    topology.addSource("records", "income-records")
    topology.addProcessor("score", ProcessorSupplier(Score), "records")
    topology.addSink("scored", "income-scored", "score")
    with KafkaStreams(topology, streams_config(connection, application_id="scoring")):
        ...

``Topology``, ``StreamsBuilder``, ``Stores``, ``Consumed`` and the like are the engine's own classes (``java.py``). What
the attendee writes, processors, stores, serdes and functions, are classes and functions of Python::

    streams.py ─▶ config.py · java.py             an application, its settings, the engine's own classes
    processor.py ─▶ context.py ─▶ record.py       what is written, what it is given, and what flows
    store.py · keyvalue.py · windows.py           a store of one's own; the engine's stores
    serdes.py · functions.py                      bytes and values; lambdas for the DSL
    driver.py                                     a topology without a broker
    bridge/ · pictures/                           between Python and Java; a topology as a picture
"""

from typing import Any

from modelserving.kafka import Headers
from modelserving.kstreams import java
from modelserving.kstreams.bridge.lambdas import adapt_functions
from modelserving.kstreams.bridge.logging import forward_logs
from modelserving.kstreams.config import streams_config
from modelserving.kstreams.context import (
    FixedKeyProcessorContext,
    ProcessorContext,
    StateStoreContext,
    ValueTransformerContext,
)
from modelserving.kstreams.driver import TestInputTopic, TestOutputTopic, TopologyTestDriver
from modelserving.kstreams.functions import (
    Aggregator,
    DeserializationExceptionHandler,
    ForeachAction,
    ForeignKeyExtractor,
    Initializer,
    KeyValueMapper,
    Merger,
    Predicate,
    ProcessingExceptionHandler,
    ProductionExceptionHandler,
    Reducer,
    StateRestoreListener,
    StreamPartitioner,
    TimestampExtractor,
    TopicNameExtractor,
    ValueJoiner,
    ValueJoinerWithKey,
    ValueMapper,
    ValueMapperWithKey,
    pair,
)
from modelserving.kstreams.keyvalue import (
    KeyValueStore,
    ReadOnlyKeyValueStore,
    TimestampedKeyValueStore,
    ValueAndTimestamp,
)
from modelserving.kstreams.pictures.describe import TopologyGraph, describe
from modelserving.kstreams.processor import (
    FixedKeyProcessor,
    FixedKeyProcessorSupplier,
    Processor,
    ProcessorSupplier,
    ValueTransformerWithKey,
    ValueTransformerWithKeySupplier,
)
from modelserving.kstreams.record import FixedKeyRecord, Record, RecordMetadata
from modelserving.kstreams.serdes import integer, number, raw, serde, text
from modelserving.kstreams.store import StateStore, StoreBuilder, stores_of
from modelserving.kstreams.streams import KafkaStreams, Response, State
from modelserving.kstreams.windows import SessionStore, TimestampedWindowStore, VersionedKeyValueStore, WindowStore

__all__ = [
    "Aggregator",
    "DeserializationExceptionHandler",
    "FixedKeyProcessor",
    "FixedKeyProcessorContext",
    "FixedKeyProcessorSupplier",
    "FixedKeyRecord",
    "ForeachAction",
    "ForeignKeyExtractor",
    "Headers",
    "Initializer",
    "KafkaStreams",
    "KeyValueMapper",
    "KeyValueStore",
    "Merger",
    "Predicate",
    "ProcessingExceptionHandler",
    "Processor",
    "ProcessorContext",
    "ProcessorSupplier",
    "ProductionExceptionHandler",
    "ReadOnlyKeyValueStore",
    "Record",
    "RecordMetadata",
    "Reducer",
    "Response",
    "SessionStore",
    "State",
    "StateRestoreListener",
    "StateStore",
    "StateStoreContext",
    "StoreBuilder",
    "StreamPartitioner",
    "TestInputTopic",
    "TestOutputTopic",
    "TimestampExtractor",
    "TimestampedKeyValueStore",
    "TimestampedWindowStore",
    "TopicNameExtractor",
    "TopologyGraph",
    "TopologyTestDriver",
    "ValueAndTimestamp",
    "ValueJoiner",
    "ValueJoinerWithKey",
    "ValueMapper",
    "ValueMapperWithKey",
    "ValueTransformerContext",
    "ValueTransformerWithKey",
    "ValueTransformerWithKeySupplier",
    "VersionedKeyValueStore",
    "WindowStore",
    "describe",
    "forward_logs",
    "integer",
    "number",
    "pair",
    "raw",
    "serde",
    "stores_of",
    "streams_config",
    "text",
]

adapt_functions()


def __getattr__(name: str) -> Any:
    """The engine's own classes; the first one starts the JVM."""
    return getattr(java, name)
