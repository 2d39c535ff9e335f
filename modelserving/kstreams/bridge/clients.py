"""The engine's consumers, which pass over what they cannot read.

Java's consumer stops at a batch that is damaged, or of a kind that it does not know: each poll raises, and Kafka
Streams ends. Here whoever runs the application says where reading goes on. A poll is a call for hundreds of records, so
that this costs little; all else goes to the engine's own consumer as it is.

Where a batch is damaged, Java hands out what is before it, and then says where it is. Of a codec that it does not know
it says nothing, and what the same poll had read by then is lost: so the partitions are read once more, record by
record, from where the last poll ended.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import Any

import jpype

from modelserving import jvm
from modelserving.kstreams.bridge.proxies import Ended, implement, implement_with

PassOver = Callable[[str, int, int, str], int]
"""Told of a topic, a partition, the offset that cannot be read, and why; answers the offset to go on from."""

_SUPPLIER = "org.apache.kafka.streams.KafkaClientSupplier"
_DEFAULT = "org.apache.kafka.streams.processor.internals.DefaultKafkaClientSupplier"
_CONSUMER = "org.apache.kafka.clients.consumer."
_KAFKA = "org.apache.kafka.common."
_PATTERNS = tuple(
    re.compile(said)
    for said in (
        r"fetching the next record from (.+)-(\d+)\. If needed",
        r"Record(?: batch)? for partition (.+)-(\d+) at offset \d+ is invalid",
        r"Failed to make progress reading messages at (.+)-(\d+)=",
        r"corrupt message when fetching offset \d+ for topic-partition (.+)-(\d+)",
    )
)
_OF_A_GROUP = ("group.id", "group.instance.id", "group.protocol", "partition.assignment.strategy")
_MOST = "max.poll.records"
_SEARCH_S = 30.0
_SEARCH_POLL_MS = 200


Silence = tuple[str, int, range]
"""A topic, a partition, and offsets that nothing comes from."""


def passing_over(pass_over: PassOver, silent: Callable[[], Iterable[Silence]] = tuple) -> Any:
    """What ``KafkaStreams`` takes for ``clients``: consumers of records and of global stores that do not stop.

    Args:
        pass_over: asked at each batch that cannot be read. What it raises ends the thread, as the batch would have.
        silent: where the broker gives nothing, although it has something: no poll tells that.
    """
    engine = jvm.java_class(_DEFAULT)()

    def patient(make: Callable[[Any], Any], config: Any) -> Any:
        grouped = config.get("group.id") is not None
        consumer = _LenientConsumer(make(config), pass_over, lambda: _Search(make, config), silent, grouped)
        return implement_with(consumer, _CONSUMER + "Consumer")

    return implement(
        _SUPPLIER,
        getAdmin=engine.getAdmin,
        getConsumer=lambda config: patient(engine.getConsumer, config),
        getRestoreConsumer=engine.getRestoreConsumer,
        getGlobalConsumer=lambda config: patient(engine.getGlobalConsumer, config),
        getProducer=engine.getProducer,
    )


class _LenientConsumer:
    """A consumer as Java calls it.

    Args:
        java: the engine's own.
        pass_over: as for ``passing_over``.
        search: finds what a poll failed at.
        silent: as for ``passing_over``.
        grouped: whether it belongs to a group, which keeps where it goes on.
    """

    def __init__(
        self,
        java: Any,
        pass_over: PassOver,
        search: Callable[[], _Search],
        silent: Callable[[], Iterable[Silence]] = tuple,
        grouped: bool = True,
    ) -> None:
        self._java = java
        self._silent = silent
        self._grouped = grouped
        self._pass_over = pass_over
        self._search = search
        self._next = jvm.java_class("java.util.HashMap")()
        self._known = self._next.keySet()

    def poll(self, timeout: Any) -> Any:
        """As the engine's; what cannot be read is passed over, and the next poll goes on behind it."""
        try:
            found = self._java.poll(timeout)
        except jpype.JException as error:
            if (stuck := stuck_at(error)) is not None:
                self._skip(_topic_partition(*stuck), jvm.describe(error))
                return _records()
            if not _is_stray(error):
                raise
            return self._look_for_it(error)
        self._known.retainAll(self._java.assignment())  # what went elsewhere comes back at another offset
        if not found.isEmpty():
            self._next.putAll(found.nextOffsets())
        for topic, partition, offsets in self._silent():
            self._leave_silence(_topic_partition(topic, partition), offsets)
        return found

    def seek(self, tp: Any, to: Any) -> None:
        """As the engine's."""
        self._java.seek(tp, to)
        self._next.remove(tp)

    def close(self, *arguments: Any) -> None:
        """Close it, and let go of it: objects of Python and Java that hold each other are never freed."""
        java, self._java = self._java, Ended()
        java.close(*arguments)

    def unregisterMetricFromSubscription(self, metric: Any) -> None:
        """As the engine's; a global thread still gives back its metrics when its consumer is closed."""
        if not isinstance(self._java, Ended):
            self._java.unregisterMetricFromSubscription(metric)

    def _leave_silence(self, tp: Any, offsets: range) -> None:
        if self._java.assignment().contains(tp) and int(self._java.position(tp)) in offsets:
            self._skip(tp, "the broker gives nothing there")

    def _skip(self, tp: Any, reason: str) -> int:
        """Pass over what is at the position; where it goes on."""
        at = int(self._java.position(tp))
        after = self._pass_over(str(tp.topic()), int(tp.partition()), at, reason)
        self._java.seek(tp, jpype.JLong(after))
        self._next.put(tp, _goes_on(after))  # what is before it was handed out, though perhaps not committed
        return after

    def _look_for_it(self, error: Any) -> Any:
        """Pass over what a poll failed at that did not say where; the records before it."""
        partitions = [tp for tp in self._java.assignment() if tp not in self._java.paused()]
        for tp in partitions:
            self._go_back(tp)
        with closing(self._search()) as search:
            for tp in partitions:
                records = search.up_to_the_unreadable(tp, int(self._java.position(tp)))
                if records is not None:
                    self.seek(tp, jpype.JLong(search.position(tp)))
                    return _records(tp, records, self._skip(tp, jvm.describe(error)))
        raise error

    def _go_back(self, tp: Any) -> None:
        """Read on where the last poll ended: what the failing one had read was handed to nobody."""
        known, position = self._next.get(tp), int(self._java.position(tp))
        start = self._start(tp) if known is None or known.offset() > position else int(known.offset())
        if start < position:
            self._java.seek(tp, jpype.JLong(start))

    def _start(self, tp: Any) -> int:
        """Where a partition is read from of which nothing came since it was assigned."""
        one = jvm.java_class("java.util.Set").of(tp)
        committed = self._java.committed(one).get(tp) if self._grouped else None
        beginning = int(self._java.beginningOffsets(one).get(tp))  # what was committed may be deleted by now
        return beginning if committed is None else max(beginning, int(committed.offset()))

    def __getattr__(self, name: str) -> Any:
        """A function of Python: a thread that waits in Java meanwhile can be seen, and the process's end awaits it."""
        method = getattr(self._java, name)

        def call(*arguments: Any) -> Any:
            return method(*arguments)

        return call


class _Search:
    """A consumer of its own, without a group, that takes one record at a time: so it stops right at what is unreadable.

    Args:
        make: makes a consumer.
        config: of the one that could not go on.
    """

    def __init__(self, make: Callable[[Any], Any], config: Any) -> None:
        own = jvm.java_class("java.util.HashMap")(config)
        for name in _OF_A_GROUP:
            own.remove(name)
        self._most = int(str(own.get(_MOST) or 500))
        own.put(_MOST, "1")
        own.put("client.id", f"{own.get('client.id')}-search")
        self._java = make(own)
        self._wait = jvm.java_class("java.time.Duration").ofMillis(_SEARCH_POLL_MS)
        self.close = self._java.close

    def up_to_the_unreadable(self, tp: Any, start: int) -> list[Any] | None:
        """The records before it; ``None``: it is not among as many as a poll takes."""
        partitions = jvm.java_class("java.util.List").of(tp)
        self._java.assign(partitions)
        self._java.seek(tp, jpype.JLong(start))
        end, deadline = int(self._java.endOffsets(partitions).get(tp)), time.monotonic() + _SEARCH_S
        records: list[Any] = []
        while self.position(tp) < end and len(records) <= self._most and time.monotonic() < deadline:
            try:
                records += self._java.poll(self._wait).records(tp)
            except jpype.JException as error:
                if stuck_at(error) is None and not _is_stray(error):
                    raise
                return records
        return None

    def position(self, tp: Any) -> int:
        """Behind the last record."""
        return int(self._java.position(tp))


def _topic_partition(topic: str, partition: int) -> Any:
    return jvm.java_class(_KAFKA + "TopicPartition")(topic, partition)


def _records(tp: Any = None, records: list[Any] | None = None, after: int = 0) -> Any:
    """What a poll returns."""
    kind = jvm.java_class(_CONSUMER + "ConsumerRecords")
    if not records:
        return kind.empty()
    one = jvm.java_class("java.util.Map").of
    return kind(one(tp, jvm.java_class("java.util.ArrayList")(records)), one(tp, _goes_on(after)))


def _goes_on(offset: int) -> Any:
    return jvm.java_class(_CONSUMER + "OffsetAndMetadata")(offset)


def stuck_at(error: Any) -> tuple[str, int] | None:
    """The topic and partition where a poll can read no further; ``None`` for any other failure."""
    said = str(error.getMessage())
    found = next(filter(None, (pattern.search(said) for pattern in _PATTERNS)), None)
    return (found[1], int(found[2])) if found else None


def _is_stray(error: Any) -> bool:
    """Whether a poll failed at bytes, and does not say where: the codec or format is not known, or does not load."""
    if isinstance(error, _kinds(_KAFKA + "errors.CorruptRecordException", _KAFKA + "InvalidRecordException")):
        return True
    own = _kinds(_KAFKA + "KafkaException", "java.lang.IllegalStateException")
    return isinstance(error, _kinds("java.lang.RuntimeException", "java.lang.LinkageError")) and not isinstance(
        error, own
    )


def _kinds(*names: str) -> tuple[Any, ...]:
    return tuple(map(jvm.java_class, names))
