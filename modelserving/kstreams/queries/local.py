"""What this instance holds, and what it knows of the others."""

from __future__ import annotations

from modelserving.errors import ServerError
from modelserving.kstreams import KafkaStreams, java, stores_of
from modelserving.kstreams.failures import python_errors
from modelserving.kstreams.queries.instances import Instance, check_settled, holder_of, read_instances
from modelserving.kstreams.queries.sums import Share
from modelserving.kstreams.serving.server import StreamsServer
from modelserving.kstreams.serving.statistics import STORE, CustomStatistics, ModelStatistics, StoreKind
from modelserving.kstreams.serving.ways import ModelWay

__all__ = ["LocalState"]


class LocalState:
    """The state of a Kafka Streams server, to be asked. Every question is refused while the tasks are on the move.

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
        return self._server.options.models is ModelWay.GLOBAL

    @property
    def expected(self) -> range:
        """The partitions that make the whole."""
        return range(self._server.record_partitions)

    def instances(self, store: str | None = None) -> tuple[Instance, ...]:
        """All instances, or those that hold some of a store.

        Raises:
            ServerError: tasks are on the move.
        """
        return read_instances(check_settled(self._server.streams), self._topic, store)

    def holder(self, data_type: str) -> tuple[Instance, int]:
        """Who holds the state of a data type, where it is the key of the records; and in which partition.

        Raises:
            ServerError: tasks are on the move.
        """
        return holder_of(check_settled(self._server.streams), STORE, data_type.encode())

    def share(self, data_type: str) -> Share:
        """What is here of a data type, partition by partition.

        Raises:
            ServerError: tasks are on the move.
        """
        streams = check_settled(self._server.streams)
        held = {partition: self._look_up(streams, partition, data_type) for partition in active_partitions(streams)}
        check_settled(streams)
        if set(held) != active_partitions(streams):
            raise ServerError("tasks were moved while this was read. Ask again.")
        return Share(self.url, held)

    def _look_up(self, streams: KafkaStreams, partition: int, data_type: str) -> ModelStatistics:
        if self._server.options.store is StoreKind.CUSTOM:
            (store,) = streams.store(STORE, stores_of(CustomStatistics), partition=partition)
            found = store.read().get(data_type)
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
