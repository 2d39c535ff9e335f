"""Who belongs to an application, and who holds what of its state."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from modelserving.errors import ServerError
from modelserving.kstreams import KafkaStreams, State, java
from modelserving.kstreams.bridge.failures import python_errors
from modelserving.kstreams.bridge.values import to_java


@dataclass(frozen=True, slots=True)
class Instance:
    """A process of an application, as all of them know it since they last agreed.

    Args:
        host: where it can be asked.
        port: where it can be asked.
        stores: names of the stores that it holds some of, in alphabetical order.
        partitions: of the records: those that it works on, and whose state it holds.
        standby_stores: names of the stores that it keeps copies of.
        standby_partitions: whose state it keeps a copy of, to take over sooner.
    """

    host: str
    port: int
    stores: tuple[str, ...] = ()
    partitions: tuple[int, ...] = ()
    standby_stores: tuple[str, ...] = ()
    standby_partitions: tuple[int, ...] = ()

    @property
    def url(self) -> str:
        """Where it can be asked."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"


def check_settled(streams: KafkaStreams | None) -> KafkaStreams:
    """The engine, if its tasks are where they belong and have their state.

    Raises:
        ServerError: they are not: it starts, or tasks move between instances, or state is restored.
    """
    state = streams.state if streams is not None else None
    if streams is None or state in (State.CREATED, State.PENDING_SHUTDOWN, State.NOT_RUNNING):
        raise ServerError("Kafka Streams is not running here: it starts, ends, or waits for the broker. Ask again.")
    if state is not State.RUNNING:
        raise ServerError(
            f"Kafka Streams is {state}: the instances agree on who has which partition, or state is being restored "
            "from its changelog. No answer now would be right. Ask again in a moment."
        )
    return streams


def read_instances(streams: KafkaStreams, topic: str, store: str | None = None) -> tuple[Instance, ...]:
    """All instances of the application, or those that hold some of a store, in the order of their addresses.

    Args:
        streams: any of them.
        topic: the records'; its partitions are shown.
        store: only those that hold some of this store.

    Raises:
        ServerError: it does not run.
    """
    with python_errors():
        ask = streams.java.metadataForAllStreamsClients
        found = ask() if store is None else streams.java.streamsMetadataForStore(store)
        return tuple(sorted((instance_of(each, topic) for each in found), key=lambda each: (each.host, each.port)))


def instance_of(metadata: Any, topic: str) -> Instance:
    """An instance, of the engine's ``StreamsMetadata``."""
    return Instance(
        str(metadata.host()),
        int(metadata.port()),
        _names(metadata.stateStoreNames()),
        _partitions(metadata.topicPartitions(), topic),
        _names(metadata.standbyStateStoreNames()),
        _partitions(metadata.standbyTopicPartitions(), topic),
    )


def holder_of(streams: KafkaStreams, store: str, key: bytes) -> tuple[Instance, int]:
    """Who holds the state of a key, and in which partition.

    The key's bytes are hashed as those of a record: Kafka's own clients, in Java and kafka-python alike, take murmur2
    of the key modulo the number of partitions. A topic that is written otherwise needs its own partitioner here.

    Args:
        streams: any instance of the application.
        store: name of the store.
        key: as it is in the records.

    Raises:
        ServerError: nobody, at the moment.
    """
    with python_errors():
        found = streams.java.queryMetadataForKey(store, to_java(key), java.ByteArraySerializer())
    if found is None or bool(found.equals(java.KeyQueryMetadata.NOT_AVAILABLE)):
        raise ServerError(f"no instance holds the store {store!r} for {key!r} now: tasks are being moved. Ask again.")
    active = found.activeHost()
    return Instance(str(active.host()), int(active.port())), int(found.partition())


def _names(found: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted(str(name) for name in found))


def _partitions(found: Iterable[Any], topic: str) -> tuple[int, ...]:
    return tuple(sorted(int(each.partition()) for each in found if str(each.topic()) == topic))
