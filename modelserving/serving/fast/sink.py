"""The outlet on librdkafka; as ``TransactionalSink``."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import repeat
from typing import Any, Self

from modelserving.kafka import Connection
from modelserving.kafka.dead_letters import headers
from modelserving.kafka.fast import BrokerWatch, make_fast_producer, translated
from modelserving.records import ScoredColumns, ScoredRecord, Topics, encode_scored_batch, preload_encoder
from modelserving.serving.messages import ScoredBatch
from modelserving.serving.running.worker_thread import WorkerThread
from modelserving.serving.sink import commit_in_time

_TRANSACTION_TIMEOUT_MS = 15_000
_ANSWER_WITHIN_S = 10.0
_PLAIN = (None, None, 0)
"""What librdkafka is told of a message between its partition and its headers: nobody to call, and the time is now."""


class FastSink:
    """Publishes scored batches, each in a transaction; as ``TransactionalSink``.

    Args:
        connection: to the cluster.
        topics: results go to ``scored``, what failed to ``dead_letters``.
        transactional_id: names this server to the broker.
        worker: the thread that encodes and sends; the one that scores.
        frame: what stands before each answer.
    """

    def __init__(
        self,
        connection: Connection,
        topics: Topics,
        transactional_id: str,
        worker: WorkerThread,
        frame: bytes = b"",
    ) -> None:
        self._connection = connection
        self._topics = topics
        self._transactional_id = transactional_id
        self._frame = frame
        self._worker = worker
        self._watch = BrokerWatch(connection)
        self._waiting = WorkerThread(f"sink-{topics.scored}")

    async def __aenter__(self) -> Self:
        self._producer, self._partitions = await self._waiting.run(self._connect)
        return self

    def _connect(self) -> tuple[Any, set[int]]:
        preload_encoder()
        producer = make_fast_producer(self._connection, self._watch, self._transactional_id, _TRANSACTION_TIMEOUT_MS)
        try:
            with translated(self._connection):
                known = producer.list_topics(self._topics.scored, _ANSWER_WITHIN_S)
            return producer, set(known.topics[self._topics.scored].partitions)
        finally:
            del producer  # an error would hold it

    async def __aexit__(self, *_: object) -> None:
        """Let go of the broker; it ends an unfinished transaction itself."""
        await self._waiting.finish(self._forget)

    def _forget(self) -> None:
        self._producer.purge()
        del self._producer

    async def write(self, batch: ScoredBatch) -> None:
        """Publish a batch and its progress; return when the transaction is committed.

        Raises:
            BrokerUnavailable, kafka.errors.KafkaError: it was not. The caller starts again from the group's committed
                offsets.
        """
        await self._worker.run(self._send, batch)
        await commit_in_time(self._commit, batch)

    def _send(self, batch: ScoredBatch) -> None:
        """An answer goes to the partition of its record, where there is one: so the order is kept."""
        topic, letters = repeat(self._topics.scored), self._topics.dead_letters
        with translated(self._connection):
            self._producer.begin_transaction()
            answers = (
                encode_scored_batch(batch.scored, self._frame),
                batch.keys,
                _targets(batch.scored, self._partitions),
            )
            if batch.notes:
                self._produce(zip(topic, *answers, *map(repeat, _PLAIN), batch.notes, strict=False))
            else:  # that there might be headers would cost as much as the message itself
                self._produce(zip(topic, *answers, strict=False))
            self._produce((letters, one.body, one.label, -1, *_PLAIN, headers(one)) for one in batch.dead)

    def _produce(self, messages: Iterable[tuple[Any, ...]]) -> None:
        """Hand over messages: topic, value, key, partition; and call, time and headers, where there are headers."""
        produce = self._producer.produce
        for message in messages:
            while True:
                try:
                    produce(*message)
                    break
                except BufferError:  # full: what is on its way makes room
                    self._producer.poll(0.1)
                    self._watch.check()

    def _commit(self, batch: ScoredBatch) -> None:
        """The progress of the group goes into the same transaction; a message that was not taken makes it fail."""
        from confluent_kafka import TopicPartition

        with translated(self._connection):
            if batch.group is not None:
                offsets = [TopicPartition(topic, part, offset) for (topic, part), offset in batch.positions.items()]
                self._producer.send_offsets_to_transaction(offsets, batch.group)
            self._producer.commit_transaction()


def _targets(scored: Sequence[ScoredRecord], known: set[int]) -> list[int]:
    """The partition of each answer; -1, which lets the client choose, where the topic has no such partition."""
    partitions = ScoredColumns.of(scored).partitions
    return partitions if known >= set(partitions) else [part if part in known else -1 for part in partitions]
