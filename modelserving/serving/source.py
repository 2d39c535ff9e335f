"""The data inlet: the records topic, as an async iterator that polls only when it is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Self

from kafka import TopicPartition
from kafka.errors import KafkaTimeoutError

from modelserving.kafka import Connection, make_consumer
from modelserving.kafka.corrections import Consumer
from modelserving.kafka.gaps import Gap
from modelserving.kafka.messages import MessageColumns
from modelserving.serving.messages import Batch
from modelserving.serving.running.worker_thread import WorkerThread

_POLL_MS = 250
_HOLD_MS = 50
_CLOSE_MS = 2_000
_METADATA_MS = 3_000
"""New partitions are taken up within seconds, not in the library's five minutes."""


class DataSource:
    """Batches of the records topic, each what one poll returned.

    Nothing is read ahead: the topic is polled when the next batch is asked for. (The client itself fetches the next
    megabyte while the last one is worked on; that buffer is bounded.)

    Args:
        connection: to the cluster.
        topic: the records topic.
        group: consumer group; its members share the partitions.
        instance: this server's name in the group. A server that comes back under the same name gets its partitions at
            once, without waiting for its predecessor to be declared dead.
        max_records: the most that a batch may hold.
        silent: where the broker gives nothing, by partition, as somebody finds out who reads that partition alone:
            where others fill each answer, silence cannot be told from want of room.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        group: str,
        instance: str,
        max_records: int,
        silent: Mapping[int, Gap] = MappingProxyType({}),
    ) -> None:
        self._connection = connection
        self._topic = topic
        self._group = group
        self._instance = instance
        self._max_records = max_records
        self._silent = silent
        self._worker = WorkerThread(f"source-{topic}")

    async def __aenter__(self) -> Self:
        self._consumer = await self._worker.run(self._connect)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._worker.finish(self._consumer.close, autocommit=False, timeout_ms=_CLOSE_MS)

    def _connect(self) -> Consumer:
        consumer = make_consumer(
            self._connection,
            group=self._group,
            group_instance_id=self._instance,
            max_poll_records=self._max_records,
            session_timeout_ms=10_000,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            metadata_max_age_ms=_METADATA_MS,
        )
        consumer.subscribe([self._topic])
        return consumer

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        """Wait for the next messages."""
        while True:
            batch = await self._worker.run(self._poll)
            if batch.messages or batch.gaps:
                return batch

    async def hold(self) -> None:
        """Want nothing for a moment, and stay in the group; to be called again and again while no batch can be taken.

        The broker hears that this server is alive, and a rebalance is taken part in. Nothing is read.
        """
        await self._worker.run(self._hold)

    def _hold(self) -> None:
        """Only who polls is in the group; so poll, and go back to where a partition begins that has just come.

        What was found there is not kept: the partition may go again before the hold is over, and then its records are
        another server's. Where to read on is for the consumer to know, which forgets it with the partition.
        """
        self._consumer.pause(*self._consumer.assignment())
        starts = {partition: found[0].offset for partition, found in self._consumer.poll(timeout_ms=_HOLD_MS).items()}
        for gap in self._consumer.take_gaps():
            partition = TopicPartition(gap.topic, gap.partition)
            starts[partition] = min(starts.get(partition, gap.start), gap.start)
        for partition, offset in starts.items():
            self._consumer.seek(partition, offset)

    def _poll(self) -> Batch:
        self._consumer.resume(*self._consumer.paused())
        found = self._consumer.poll(timeout_ms=_POLL_MS)
        gaps = (*self._consumer.take_gaps(), *self._leave_silence())
        if not found and not gaps:
            return Batch(())
        messages = MessageColumns.of([message for part in found.values() for message in part])
        return Batch(messages, self._consumer.group_metadata(), gaps)

    def _leave_silence(self) -> Iterator[Gap]:
        """Go on behind where nothing comes from: only from within it, so that nothing before it is left out."""
        for gap in tuple(self._silent.values()):
            tp = TopicPartition(gap.topic, gap.partition)
            with suppress(KafkaTimeoutError):
                known = tp in self._consumer.assignment()
                if known and gap.start <= (self._consumer.position(tp, timeout_ms=_HOLD_MS) or 0) < gap.end:
                    self._consumer.seek(tp, gap.end)
                    yield gap
