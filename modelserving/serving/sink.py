"""The outlet: results, dead letters and the progress of the group, in one Kafka transaction a batch.

Either all of it becomes visible to readers of committed messages, or nothing does. That is what makes a result appear
exactly once although servers are killed and brokers restarted: a batch that was not committed is read again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, ParamSpec, Self

import anyio
from kafka import KafkaProducer, OffsetAndMetadata, TopicPartition
from kafka.errors import KafkaError, KafkaTimeoutError, UnknownTopicOrPartitionError

from modelserving.kafka import Connection, make_producer
from modelserving.kafka.dead_letters import headers
from modelserving.records import ScoredColumns, Topics, encode_scored_batch, preload_encoder
from modelserving.serving.messages import ScoredBatch
from modelserving.serving.running.worker_thread import WorkerThread, run_abandonable

P = ParamSpec("P")

_TRANSACTION_TIMEOUT_MS = 15_000
_CLOSE_SECONDS = 5
_ANSWER_WITHIN_MS = 10_000
_COMMITTED_WITHIN_S = 2 * _TRANSACTION_TIMEOUT_MS / 1000
"""The broker itself has ended a transaction by then; a commit that is still waited for does not come any more."""


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
        self._producer, self._partitions = await self._waiting.run(self._connect)
        return self

    async def __aexit__(self, *_: object) -> None:
        """Let go of the broker; it ends an unfinished transaction itself."""
        await self._waiting.finish(self._let_go)

    def _let_go(self) -> None:
        with suppress(KafkaTimeoutError):  # what it has not taken by now belongs to that transaction
            self._producer.close(timeout=_CLOSE_SECONDS)

    def _connect(self) -> tuple[KafkaProducer, set[int]]:
        preload_encoder()
        producer = make_producer(
            self._connection,
            transactional_id=self._transactional_id,
            transaction_timeout_ms=_TRANSACTION_TIMEOUT_MS,
            max_block_ms=_ANSWER_WITHIN_MS,
            # The broker may still be finishing the last transaction when the next begins; asking again costs little.
            retry_backoff_ms=5,
        )
        try:
            producer.init_transactions()
            return producer, producer.partitions_for(self._topics.scored)
        except BaseException:
            producer.close(timeout=_CLOSE_SECONDS)  # it would ask on, and lock out the one that comes after it
            raise

    async def write(self, batch: ScoredBatch) -> None:
        """Publish a batch and its progress; return when the transaction is committed.

        Raises:
            kafka.errors.KafkaError: it was not, or not within half a minute. What happened to the transaction is for
                the broker to say: the caller starts again from the group's committed offsets. While the broker is away
                this waits for it, and can be cancelled.
        """
        sent = await self._working.run(self._send, batch)
        await commit_in_time(self._commit, batch, sent)

    def _send(self, batch: ScoredBatch) -> list[Any]:
        """Hand all of it to the library; what is returned tells of each message whether the broker has taken it."""
        self._producer.begin_transaction()
        return [*self._send_each(batch)]

    def _send_each(self, batch: ScoredBatch) -> Iterator[Any]:
        """An answer goes to the partition of its record, where there is one: so the order is kept."""
        topic, known = self._topics.scored, self._partitions
        values = encode_scored_batch(batch.scored, self._frame)
        notes = batch.notes or ([],) * len(values)
        partitions = ScoredColumns.of(batch.scored).partitions
        for value, key, partition, note in zip(values, batch.keys, partitions, notes, strict=True):
            target = partition if partition in known else None
            yield self._hand_over(topic, value=value, key=key, partition=target, headers=note)
        for letter in batch.dead:
            dead = self._topics.dead_letters
            yield self._hand_over(dead, value=letter.body, key=letter.label, headers=headers(letter))

    def _hand_over(self, topic: str, **message: Any) -> Any:
        try:
            return self._producer.send(topic, **message)
        except ValueError as error:  # a topic that was made anew may have fewer partitions than when this began
            raise UnknownTopicOrPartitionError(str(error)) from error

    def _commit(self, batch: ScoredBatch, sent: list[Any]) -> None:
        """The progress of the group goes into the same transaction; a message that was not taken makes it fail.

        The library itself commits without a message that it has given up, and says so to that message's future alone.
        """
        if batch.group is not None:
            offsets = {TopicPartition(*tp): OffsetAndMetadata(offset, "", -1) for tp, offset in batch.positions.items()}
            self._producer.send_offsets_to_transaction(offsets, batch.group)
        self._producer.flush()
        for one in sent:
            if not one.is_done:
                raise KafkaTimeoutError("the broker has not said whether it has all of a batch's answers")
            if one.exception is not None:
                raise one.exception if isinstance(one.exception, KafkaError) else KafkaError(repr(one.exception))
        self._producer.commit_transaction()


async def commit_in_time(commit: Callable[P, object], /, *args: P.args, **kwargs: P.kwargs) -> None:
    """Commit in a thread that is left behind when this is cancelled, or when it takes too long.

    Raises:
        KafkaTimeoutError: it took longer than the broker lets a transaction be open.
    """
    with anyio.move_on_after(_COMMITTED_WITHIN_S) as limit:
        await run_abandonable(commit, *args, **kwargs)
    if limit.cancelled_caught:
        raise KafkaTimeoutError(f"a transaction was not committed within {_COMMITTED_WITHIN_S:g} s")
