"""The outlet: results, dead letters and the progress of the group, in one Kafka transaction a batch.

Either all of it becomes visible to readers of committed messages, or nothing does. That is what makes a result appear
exactly once although servers are killed and brokers restarted: a batch that was not committed is read again.
"""

from __future__ import annotations

from types import TracebackType
from typing import Self

from kafka import KafkaProducer, OffsetAndMetadata, TopicPartition

from modelserving.kafka import Connection, make_producer
from modelserving.kafka.dead_letters import headers
from modelserving.records import ScoredColumns, Topics, encode_scored_batch, preload_encoder
from modelserving.serving.messages import ScoredBatch
from modelserving.serving.running.worker_thread import WorkerThread, run_abandonable

__all__ = ["TransactionalSink"]

_TRANSACTION_TIMEOUT_MS = 15_000
_CLOSE_SECONDS = 5
_ANSWER_WITHIN_MS = 10_000


class TransactionalSink:
    """Publishes scored batches, each in a transaction.

    Args:
        connection: to the cluster.
        topics: results go to ``scored``, what failed to ``dead_letters``.
        transactional_id: names this server to the broker. A second producer with the same name ends the unfinished
            transaction of the first at once, and locks it out.
        worker: the thread that encodes and sends; the one that scores, since two busy threads only get in each other's
            way. Waiting for the broker's word happens in another.
        frame: what stands before each answer, see ``encode_scored_batch``.
    """

    def __init__(
        self, connection: Connection, topics: Topics, transactional_id: str, worker: WorkerThread, frame: bytes = b""
    ) -> None:
        self._connection = connection
        self._topics = topics
        self._transactional_id = transactional_id
        self._frame = frame
        self._working = worker
        self._waiting = WorkerThread(f"sink-{topics.scored}")

    async def __aenter__(self) -> Self:
        self._producer = await self._waiting.run(self._connect)
        self._partitions: set[int] = await self._waiting.run(self._producer.partitions_for, self._topics.scored)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Let go of the broker; it ends an unfinished transaction itself."""
        await self._waiting.finish(self._producer.close, timeout=_CLOSE_SECONDS)

    def _connect(self) -> KafkaProducer:
        preload_encoder()
        producer = make_producer(
            self._connection,
            transactional_id=self._transactional_id,
            transaction_timeout_ms=_TRANSACTION_TIMEOUT_MS,
            max_block_ms=_ANSWER_WITHIN_MS,
            # The broker may still be finishing the last transaction when the next begins; asking again costs little.
            retry_backoff_ms=5,
        )
        producer.init_transactions()
        return producer

    async def write(self, batch: ScoredBatch) -> None:
        """Publish a batch and its progress; return when the transaction is committed.

        Raises:
            kafka.errors.KafkaError: it was not. What happened to the transaction is for the broker to say: the caller
                starts again from the group's committed offsets. While the broker is away this waits for it, and can be
                cancelled.
        """
        await self._working.run(self._send, batch)
        await run_abandonable(self._commit, batch)

    def _send(self, batch: ScoredBatch) -> None:
        """An answer goes to the partition of its record, where there is one: so the order is kept."""
        producer, topic, known = self._producer, self._topics.scored, self._partitions
        producer.begin_transaction()
        values = encode_scored_batch(batch.scored, self._frame)
        notes = batch.notes or ([],) * len(values)
        partitions = ScoredColumns.of(batch.scored).partitions
        for value, key, partition, note in zip(values, batch.keys, partitions, notes, strict=True):
            target = partition if partition in known else None
            producer.send(topic, value=value, key=key, partition=target, headers=note)
        for letter in batch.dead:
            producer.send(self._topics.dead_letters, value=letter.body, key=letter.label, headers=headers(letter))

    def _commit(self, batch: ScoredBatch) -> None:
        """The progress of the group goes into the same transaction; a message that was not taken makes it fail."""
        if batch.group is not None:
            offsets = {TopicPartition(*tp): OffsetAndMetadata(offset, "", -1) for tp, offset in batch.positions.items()}
            self._producer.send_offsets_to_transaction(offsets, batch.group)
        self._producer.commit_transaction()
