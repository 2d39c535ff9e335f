"""Read what is on a topic now, and stop."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import closing
from typing import TYPE_CHECKING, Literal, NamedTuple

from modelserving.errors import BrokerUnavailable
from modelserving.kafka.admin import end_offsets
from modelserving.kafka.clients import Connection, make_consumer
from modelserving.kafka.gaps import Gap

if TYPE_CHECKING:
    from kafka import KafkaConsumer, TopicPartition
    from kafka.consumer.fetcher import ConsumerRecord

log = logging.getLogger(__name__)

_SILENT_S = 30.0
_TRY_MS = 100
_REREAD = 500


def read_topic(
    connection: Connection,
    topic: str,
    isolation: Literal["read_committed", "read_uncommitted"] = "read_committed",
    window: Mapping[int, tuple[int, int]] | None = None,
) -> Iterator[ConsumerRecord]:
    """All records of a topic, from the first to the last that is there when the reading starts; or some of them.

    It reads alone: no group, so nobody's share is taken, and nothing is committed. Order is kept within a partition.
    What cannot be read is passed over, with a warning.

    Args:
        connection: the broker.
        topic: its name.
        isolation: ``read_committed`` leaves out what was aborted or is not committed yet.
        window: for each partition that is read, from which offset, and before which one; ``None`` for all. One that
            the topic does not have has no records.

    Yields:
        kafka-python's records: ``value``, ``key``, ``headers``, ``partition``, ``offset``, ``timestamp``.

    Raises:
        BrokerUnavailable: no broker answers, or it stops answering.
        KafkaError: there is no such topic.
    """
    from kafka import TopicPartition

    known = end_offsets(connection, topic, isolation)
    wanted = {part: (0, end) for part, end in known.items()} if window is None else window
    ends = {TopicPartition(topic, part): min(end, known[part]) for part, (_, end) in wanted.items() if part in known}
    if not ends:
        return
    with make_consumer(connection, isolation=isolation) as consumer:
        consumer.assign(list(ends))
        for partition, first in consumer.beginning_offsets(list(ends)).items() if window is not None else ():
            consumer.seek(partition, max(first, wanted[partition.partition][0]))
        heard = time.monotonic()
        # The last offsets may be a transaction's marks, or compacted away: the position passes them, no record does.
        while _is_before(consumer, ends):
            batches = consumer.poll(timeout_ms=200)
            for gap in consumer.take_gaps():
                log.warning("passed over: %s", gap)
            if batches:
                heard = time.monotonic()
            elif time.monotonic() - heard > _SILENT_S:
                raise BrokerUnavailable(
                    f"the broker at {connection.bootstrap_servers} stopped answering while {topic!r} was read."
                )
            for partition, records in batches.items():
                yield from (record for record in records if record.offset < ends[partition])


def _is_before(consumer: KafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    """Whether there is something left to read; a broker that has just come, and does not say, is asked again."""
    from kafka.errors import KafkaTimeoutError, RetriableError

    try:
        return any(consumer.position(partition) < end for partition, end in ends.items())
    except (KafkaTimeoutError, RetriableError) as error:
        log.debug("not known yet: %r", error)
        return True


def assign_all(consumer: KafkaConsumer, topics: Iterable[str], positions: Mapping[TopicPartition, int]) -> bool:
    """Give a consumer every partition of some topics; it goes on where the last one was.

    Args:
        consumer: reads without a group.
        topics: their names.
        positions: of the last consumer, the next offset of each partition that it has read.

    Returns:
        Whether all topics exist; else nothing is assigned.
    """
    from kafka import TopicPartition

    numbers = {topic: consumer.partitions_for_topic(topic) or set() for topic in topics}
    if not all(numbers.values()):
        return False
    partitions = [TopicPartition(topic, number) for topic, found in numbers.items() for number in sorted(found)]
    consumer.assign(partitions)
    for tp in partitions:
        if tp in positions:
            consumer.seek(tp, positions[tp])
    return True


def find_gap(connection: Connection, topic: str, partition: int, offset: int, reason: str) -> Gap:
    """What cannot be read at an offset, and where reading goes on: for clients that stop there and do not say.

    Args:
        connection: the broker.
        topic: where.
        partition: of it.
        offset: where the other client stopped.
        reason: what it said; it counts where kafka-python can read what is there.

    Raises:
        BrokerUnavailable: no broker answers, or nothing comes.
    """
    found = find_silence(connection, topic, partition, offset)
    if isinstance(found, Gap):
        return found
    if found is not None:
        return Gap(topic, partition, offset, found.offset + 1, reason, found.value)
    raise BrokerUnavailable(f"nothing comes from {topic}, partition {partition}, offset {offset}: {reason}")


def find_silence(connection: Connection, topic: str, partition: int, offset: int) -> Gap | ConsumerRecord | None:
    """What keeps a reader at an offset that it has not left for long, or the first record from there on.

    ``None``: nothing is there but what belongs to a transaction that is still open, or the mark of one.

    Args:
        connection: the broker.
        topic: where.
        partition: of it.
        offset: where the reader is.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: there is no such topic.
    """
    with closing(_look(connection, topic, partition, offset)) as found:
        return next(found, None)


class Reread(NamedTuple):
    """What is on a topic in truth.

    Args:
        gaps: what cannot be read as what it says.
        messages: all others.
        end: where reading goes on.
    """

    gaps: tuple[Gap, ...]
    messages: tuple[ConsumerRecord, ...]
    end: int


def reread(connection: Connection, topic: str, partition: int, offsets: range) -> Reread:
    """Read again, batch by batch, where another client may have been led astray: it believes what a batch says.

    From before the place on: of a batch that says that it is before, a broker gives nothing to who asks for what is
    behind it. And one that says that it is further on comes first, again and again, for who asks for what is soon
    behind it: such a client cannot read there at all.

    Args:
        connection: the broker.
        topic: where.
        partition: of it.
        offsets: what the other client has passed, and more where nothing is; at most some hundred messages are read.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: there is no such topic.
    """
    gaps, messages, end = list[Gap](), list["ConsumerRecord"](), offsets.start
    with closing(_look(connection, topic, partition, max(offsets.start - 1, 0))) as all_there_is:
        for found in all_there_is:
            if isinstance(found, Gap):
                if found.end > offsets.start:
                    gaps.append(found)
                    end = found.end
            elif found.offset >= offsets.start:
                messages.append(found)
                end = found.offset + 1
                if end >= offsets.stop or len(messages) >= _REREAD:
                    break
    return Reread(tuple(gaps), tuple(messages), end)


def _look(
    connection: Connection, topic: str, partition: int, offset: int
) -> Generator[Gap | ConsumerRecord, None, None]:
    """All there is of a partition, from an offset to its end now, in order."""
    from kafka import TopicPartition

    source, deadline = TopicPartition(topic, partition), time.monotonic() + _SILENT_S
    end = end_offsets(connection, topic).get(partition, 0)
    with make_consumer(connection, max_poll_records=1, fetch_max_wait_ms=_TRY_MS) as consumer:
        consumer.assign([source])
        consumer.seek(source, offset)
        consumer.expect_end(source, end)
        while time.monotonic() < deadline and consumer.position(source) < end:
            found = consumer.poll(timeout_ms=200)
            gaps: tuple[Gap, ...] = consumer.take_gaps()
            yield from (*gaps, *found.get(source, ()))
