"""What this instance holds, and what it knows of the others."""

from __future__ import annotations

from modelserving.errors import ServerError
from modelserving.kstreams import KafkaStreams, java, stores_of
from modelserving.kstreams.bridge.failures import python_errors
from modelserving.streams_server.distribution import ModelDistribution
from modelserving.streams_server.instances import Instance, check_settled, holder_of, read_instances
from modelserving.streams_server.server import StreamsServer
from modelserving.streams_server.shares import InstanceShare
from modelserving.streams_server.stores import STORE, CustomStatistics, ModelStatistics, StoreKind


class LocalState:
    """The state of a Kafka Streams server, to be asked.

    Every question is refused while tasks are on the move. So it is while the broker is away: others may have the tasks
    by now, and nobody here would know.

    Args:
        server: whose.
    """

    def __init__(self, server: StreamsServer) -> None:
        self._server = server
        self._topic = server.options.topics.records

    @property
    def url(self) -> str:
        """Where this instance can be asked."""
        return self._server.options.url

    @property
    def spread(self) -> bool:
        """Whether the records of one data type are spread over all partitions, or are all in that of their key."""
        return self._server.engine.models is ModelDistribution.GLOBAL

    @property
    def expected(self) -> range:
        """The partitions that make the whole."""
        return range(self._server.record_partitions)

    def instances(self, store: str | None = None) -> tuple[Instance, ...]:
        """All instances, or those that hold some of a store.

        Raises:
            ServerError: tasks are on the move, or the broker is away.
        """
        return read_instances(self._settled(), self._topic, store)

    def holder(self, data_type: str) -> tuple[Instance, int]:
        """Who holds the state of a data type, where it is the key of the records; and in which partition.

        Raises:
            ServerError: tasks are on the move, or the broker is away.
        """
        return holder_of(self._settled(), STORE, data_type.encode())

    def share(self, data_type: str) -> InstanceShare:
        """What is here of a data type, partition by partition.

        Raises:
            ServerError: tasks are on the move, or the broker is away.
        """
        streams = self._settled()
        held = {partition: self._look_up(streams, partition, data_type) for partition in active_partitions(streams)}
        if self._settled() is not streams:
            raise ServerError("Kafka Streams was started again while this was read. Ask again.")
        if set(held) != active_partitions(streams):
            raise ServerError("tasks were moved while this was read. Ask again.")
        return InstanceShare(self.url, held)

    def _settled(self) -> KafkaStreams:
        streams = check_settled(self._server.streams)
        if missing := self._server.missing:
            raise ServerError(
                f"{missing}: what is here may be out of date, and others may have it by now. Ask again in a moment."
            )
        return streams

    def _look_up(self, streams: KafkaStreams, partition: int, data_type: str) -> ModelStatistics:
        if self._server.engine.store is StoreKind.CUSTOM:
            (view,) = streams.store(STORE, stores_of(CustomStatistics), partition=partition)
            found = view.get(data_type)
        else:
            found = streams.store(STORE, java.QueryableStoreTypes.keyValueStore(), partition=partition).get(data_type)
        # What comes out of the store goes on being counted in; a copy stands still.
        return ModelStatistics.decode(found.encode()) if found else ModelStatistics()


def active_partitions(streams: KafkaStreams) -> set[int]:
    """The partitions that tasks of this instance work on."""
    with python_errors():
        return {
            int(task.taskId().partition())
            for thread in streams.java.metadataForLocalThreads()
            for task in thread.activeTasks()
        }
