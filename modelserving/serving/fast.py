"""The inlet and the outlet on librdkafka: as ``source.py`` and ``sink.py``, several times as fast.

The same rules hold: nothing is read that is not asked for (beyond a bounded buffer), and results, dead letters and the
group's progress are one transaction. Errors come as kafka-python's, so that a session ends and begins again for the
same reasons.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import repeat
from operator import is_not
from types import MappingProxyType, TracebackType
from typing import Any, Self

import numpy as np

from modelserving.kafka import Connection
from modelserving.kafka.dead_letters import headers
from modelserving.kafka.fast import (
    BrokerWatch,
    is_refused,
    is_unreadable,
    make_fast_consumer,
    make_fast_producer,
    next_offset,
    to_kafka_error,
    translated,
)
from modelserving.kafka.gaps import Gap
from modelserving.kafka.messages import Message, MessageColumns, MessageRow
from modelserving.kafka.reading import find_gap, find_silence
from modelserving.records import ScoredColumns, ScoredRecord, Topics, encode_scored_batch, preload_encoder
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.serving.running.worker_thread import WorkerThread
from modelserving.serving.sink import commit_in_time

__all__ = ["FastSink", "FastSource"]

_POLL_S = 0.25
_HOLD_S = 0.05
_TRANSACTION_TIMEOUT_MS = 15_000
_ANSWER_WITHIN_S = 10.0
_PLAIN = (None, None, 0)
"""What librdkafka is told of a message between its partition and its headers: nobody to call, and the time is now."""


class FastSource:
    """Batches of the records topic; as ``DataSource``.

    Args:
        connection: to the cluster.
        topic: the records topic.
        group: consumer group; its members share the partitions.
        instance: this server's name in the group.
        max_records: the most that a batch may hold.
        silent: where the broker gives nothing, by partition, as somebody else finds it out: librdkafka waits for ever.
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
        self._watch = BrokerWatch(connection)
        self._thread = WorkerThread(f"source-{topic}")
        self._on_hold = False
        self._gaps: list[Gap] = []
        self._silent = silent
        self._left: dict[int, int] = {}

    async def __aenter__(self) -> Self:
        self._consumer = await self._thread.run(self._connect)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._thread.finish(self._consumer.close)

    def _connect(self) -> Any:
        consumer = make_fast_consumer(self._connection, self._watch, self._group, self._instance)
        consumer.subscribe([self._topic], on_assign=self._take)
        return consumer

    def _take(self, consumer: Any, partitions: list[Any]) -> None:
        """Partitions come in the middle of a poll; on hold, nothing of them is read."""
        consumer.assign(partitions)
        self._left.clear()  # what was left and not committed is met again
        if self._on_hold:
            consumer.pause(partitions)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Batch:
        """Wait for the next messages.

        Raises:
            BrokerUnavailable: the broker has gone.
            kafka.errors.KafkaError: it refuses.
        """
        while True:
            batch = await self._thread.run(self._poll)
            if batch.messages or batch.gaps:
                return batch

    async def hold(self) -> None:
        """Want nothing for a moment, and stay in the group; as ``DataSource.hold``."""
        await self._thread.run(self._hold)

    def _hold(self) -> None:
        with translated(self._connection):
            if not self._on_hold:
                self._on_hold = True
                self._consumer.pause(self._consumer.assignment())
            self._read(self._consumer.consume(1, _HOLD_S))

    def _poll(self) -> Batch:
        with translated(self._connection):
            return self._take_batch()

    def _take_batch(self) -> Batch:
        if self._on_hold:
            self._on_hold = False
            self._consumer.resume(self._consumer.assignment())
        # The first message is waited for; with it comes what is there already, and nothing else is waited for.
        found = self._consumer.consume(1, _POLL_S)
        if found and self._max_records > 1:
            found += self._consumer.consume(self._max_records - 1, 0)
        self._watch.check()
        messages = self._read(found)
        if self._silent:
            self._leave_silence()
        gaps, self._gaps = tuple(self._gaps), []
        return Batch(messages, self._consumer.consumer_group_metadata(), gaps) if messages or gaps else Batch(())

    def _leave_silence(self) -> None:
        """Go on behind where nothing comes from, once: only from within it, so that nothing before it is left out."""
        from confluent_kafka import TopicPartition

        known = {tp.partition: tp for tp in self._consumer.assignment()}
        for gap in tuple(self._silent.values()):
            if gap.partition not in known or gap.end <= self._left.get(gap.partition, 0):
                continue
            if gap.start <= next_offset(self._consumer, known[gap.partition]) < gap.end:
                self._consumer.seek(TopicPartition(gap.topic, gap.partition, gap.end))
                self._left[gap.partition] = gap.end
                self._gaps.append(gap)

    def _read(self, found: Sequence[Any]) -> Sequence[Message]:
        """Librdkafka's messages as everybody else's; an error among them is raised, or is a gap."""
        from confluent_kafka import Message as Found

        if any(map(is_not, map(Found.error, found), repeat(None))):
            found = self._readable(found)
        count = len(found)
        return MessageColumns(
            [*map(Found.value, found)],
            [*map(Found.key, found)],
            np.fromiter(map(Found.partition, found), np.int64, count),
            np.fromiter(map(Found.offset, found), np.int64, count),
            np.array([timestamp for _, timestamp in map(Found.timestamp, found)], np.int64),
            lambda row: _row(found[row]),
            lambda: map(Found.headers, found),
        )

    def _readable(self, found: Sequence[Any]) -> list[Any]:
        """Those before the first error of their partition."""
        readable, left = list[Any](), set[int]()
        for message in found:
            if message.partition() in left:
                continue
            if (error := message.error()) is None:
                readable.append(message)
            else:
                self._pass_over(message, error)
                left.add(message.partition())
        return readable

    def _pass_over(self, message: Any, error: Any) -> None:
        """Go on behind what cannot be read; librdkafka itself goes on anywhere, and reads numbers as what they are not.

        Raises:
            BrokerUnavailable, kafka.errors.KafkaError: it is another error.
        """
        from confluent_kafka import TopicPartition

        where, gap = (message.topic(), message.partition(), message.offset()), None
        if message.offset() >= 0 and is_unreadable(error):
            gap = find_gap(self._connection, *where, error.str())
        elif message.offset() >= 0 and is_refused(error):
            found = find_silence(self._connection, *where)
            gap = found if isinstance(found, Gap) else None
        if gap is None:
            raise to_kafka_error(error, self._connection)
        self._consumer.seek(TopicPartition(gap.topic, gap.partition, gap.end))
        self._gaps.append(gap)


def _row(found: Any) -> MessageRow:
    """One message; librdkafka's has methods where others have attributes."""
    position = found.topic(), found.partition(), found.offset(), found.timestamp()[1]
    return MessageRow(*position, found.key(), found.value(), found.headers() or ())


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

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
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
