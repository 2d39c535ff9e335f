"""The inlet on librdkafka; as ``DataSource``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import repeat
from operator import is_not
from types import MappingProxyType
from typing import Any, Self

import numpy as np

from modelserving.kafka import Connection
from modelserving.kafka.fast import (
    BrokerWatch,
    is_refused,
    is_unreadable,
    make_fast_consumer,
    next_offset,
    to_kafka_error,
    translated,
)
from modelserving.kafka.gaps import Gap
from modelserving.kafka.messages import Message, MessageColumns, MessageRow
from modelserving.kafka.reading import find_gap, find_silence, reread
from modelserving.serving.fast.order import Doubt, OffsetOrder
from modelserving.serving.messages import Batch
from modelserving.serving.running.worker_thread import WorkerThread

_POLL_S = 0.25
_HOLD_S = 0.05
_TOLD_S = 10.0


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
        self._order = OffsetOrder()

    async def __aenter__(self) -> Self:
        self._consumer = await self._thread.run(self._connect)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._thread.finish(self._consumer.close)

    def _connect(self) -> Any:
        consumer = make_fast_consumer(self._connection, self._watch, self._group, self._instance)
        consumer.subscribe([self._topic], on_assign=self._take)
        return consumer

    def _take(self, consumer: Any, partitions: list[Any]) -> None:
        """Partitions come in the middle of a poll; on hold, nothing of them is read."""
        consumer.assign(partitions)
        self._left.clear()  # what was left and not committed is met again
        self._order = OffsetOrder()
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
        # Whose it is, before more is taken: a rebalance may come with that, and what was read before is another's then.
        group = self._consumer.consumer_group_metadata()
        if found and self._max_records > 1:
            found += self._consumer.consume(self._max_records - 1, 0)
        self._watch.check()
        messages = self._read(found)
        if self._silent:
            self._leave_silence()
        gaps, self._gaps = tuple(self._gaps), []
        return Batch(messages, group, gaps) if messages or gaps else Batch(())

    def _leave_silence(self) -> None:
        """Go on behind where nothing comes from, once: only from within it, so that nothing before it is left out."""
        known = {tp.partition: tp for tp in self._consumer.assignment()}
        for gap in tuple(self._silent.values()):
            if gap.partition not in known or gap.end <= self._left.get(gap.partition, 0):
                continue
            if gap.start <= next_offset(self._consumer, known[gap.partition]) < gap.end:
                self._go_to(gap.partition, gap.end)
                self._order.expect(gap.partition, gap.end)
                self._left[gap.partition] = gap.end
                self._gaps.append(gap)

    def _read(self, found: Sequence[Any]) -> Sequence[Message]:
        """Librdkafka's messages as everybody else's; an error among them is raised, or is a gap."""
        from confluent_kafka import Message as Found

        if any(map(is_not, map(Found.error, found), repeat(None))):
            found = self._readable(found)
        count = len(found)
        columns = MessageColumns(
            [*map(Found.value, found)],
            [*map(Found.key, found)],
            np.fromiter(map(Found.partition, found), np.int64, count),
            np.fromiter(map(Found.offset, found), np.int64, count),
            np.array([timestamp for _, timestamp in map(Found.timestamp, found)], np.int64),
            lambda row: _row(found[row]),
            lambda: map(Found.headers, found),
        )
        wrong = self._order.check(columns, self._begin_of, self._end_of)
        for gap in self._gaps:
            self._order.expect(gap.partition, gap.end)
        return columns if not wrong else self._leave_out(columns, wrong)

    def _begin_of(self, part: int) -> int:
        """Where the group goes on in a partition."""
        from confluent_kafka import TopicPartition

        tp = TopicPartition(self._topic, part)
        (committed,) = self._consumer.committed([tp], _TOLD_S)
        first, _ = self._consumer.get_watermark_offsets(tp, _TOLD_S)
        return max(int(committed.offset), int(first))

    def _end_of(self, part: int) -> int:
        """Where a partition ends, as the broker said when it gave the last messages of it; 0 if that is not known."""
        from confluent_kafka import TopicPartition

        known = self._consumer.get_watermark_offsets(TopicPartition(self._topic, part), cached=True)
        return max(int(known[1]), 0) if known else 0

    def _leave_out(self, columns: MessageColumns, wrong: Mapping[int, Doubt]) -> MessageColumns:
        """What is there in truth, in each partition where a batch says that it is elsewhere; it goes on behind that."""
        self._gaps = [gap for gap in self._gaps if gap.partition not in wrong]  # they are met again
        found, cut = list[Message](), set[int]()
        for part, doubt in wrong.items():
            passed = columns.offsets[columns.partitions == part]
            truth = reread(self._connection, self._topic, part, range(doubt.offset, int(passed.max()) + 1))
            if not (truth.gaps or truth.messages):  # the log was cut before it, and is read from its beginning
                self._order.expect(part, int(passed[-1]) + 1)
                cut.add(part)
                continue
            self._gaps += truth.gaps
            found += truth.messages
            self._go_to(part, truth.end)
            self._order.expect(part, truth.end)
        certain = columns.take(self._order.before(columns, {part: wrong[part] for part in wrong if part not in cut}))
        return MessageColumns.of([*certain, *found]) if found else certain

    def _go_to(self, part: int, offset: int) -> None:
        from confluent_kafka import TopicPartition

        self._consumer.seek(TopicPartition(self._topic, part, offset))

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
        where, gap = (message.topic(), message.partition(), message.offset()), None
        is_about_one = message.offset() is not None and message.offset() >= 0  # or else about the group, or the broker
        if is_about_one and is_unreadable(error):
            gap = find_gap(self._connection, *where, error.str())
        elif is_about_one and is_refused(error):
            found = find_silence(self._connection, *where)
            gap = found if isinstance(found, Gap) else None
        if gap is None:
            raise to_kafka_error(error, self._connection)
        self._go_to(gap.partition, gap.end)
        self._gaps.append(gap)


def _row(found: Any) -> MessageRow:
    """One message; librdkafka's has methods where others have attributes."""
    position = found.topic(), found.partition(), found.offset(), found.timestamp()[1]
    return MessageRow(*position, found.key(), found.value(), found.headers() or ())
