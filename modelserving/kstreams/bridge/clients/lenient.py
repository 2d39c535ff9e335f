"""The engine's consumers, which pass over what they cannot read.

Java's consumer stops at a batch that is damaged, or of a kind that it does not know: each poll raises, and Kafka
Streams ends. Here whoever runs the application says where reading goes on. A poll is a call for hundreds of records, so
that this costs little; all else goes to the engine's own consumer as it is.

Where a batch is damaged, Java hands out what is before it, and then says where it is. Of a codec that it does not know
it says nothing, and what the same poll had read by then is lost: so the partitions are read once more, record by
record, from where the last poll ended. Of a batch that says that it is elsewhere, it says nothing either; ``jumps.py``.

A topic that was deleted and made anew is another one of the same name; Java reads on where the old one ended. Whoever
runs the application knows what the broker calls it, and has it read from its beginning.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from functools import partial
from typing import Any

import jpype

from modelserving import jvm
from modelserving.kafka.reading import Reread
from modelserving.kstreams.bridge.clients.jumps import LookInto, OffsetJumps
from modelserving.kstreams.bridge.clients.search import BatchSearch, is_stray, stuck_at
from modelserving.kstreams.bridge.clients.stamps import PartitionTimes
from modelserving.kstreams.bridge.proxies import Ended, implement, implement_with

PassOver = Callable[[str, int, int, str], int]
"""Told of a topic, a partition, the offset that cannot be read, and why; answers the offset to go on from."""

_SUPPLIER = "org.apache.kafka.streams.KafkaClientSupplier"
_DEFAULT = "org.apache.kafka.streams.processor.internals.DefaultKafkaClientSupplier"
_CONSUMER = "org.apache.kafka.clients.consumer."
_KAFKA = "org.apache.kafka.common."

Silence = tuple[str, int, range]
"""A topic, a partition, and offsets that nothing comes from."""
Identities = Callable[[], Mapping[str, str]]
"""What the broker calls each topic; the same object, as long as they are the same topics."""
_NOBODY_LOOKS: Mapping[str, str] = {}


def _all_is_well(_topic: str, _partition: int, offsets: range) -> Reread:
    """Nobody is there who could tell."""
    return Reread((), (), offsets.start)


def passing_over(
    pass_over: PassOver,
    silent: Callable[[], Iterable[Silence]] = tuple,
    look_into: LookInto = _all_is_well,
    identities: Identities = lambda: _NOBODY_LOOKS,
) -> Any:
    """What ``KafkaStreams`` takes for ``clients``: consumers of records and of global stores that do not stop.

    Args:
        pass_over: asked at each batch that cannot be read. What it raises ends the thread, as the batch would have.
        silent: where the broker gives nothing, although it has something: no poll tells that.
        look_into: asked where offsets jump. What it raises ends the thread, too.
        identities: tells that a topic is another one than before. It is read from its beginning then; what was read of
            it by that time, is read twice.
    """
    engine = jvm.java_class(_DEFAULT)()

    def patient(make: Callable[[Any], Any], config: Any) -> Any:
        grouped = config.get("group.id") is not None
        search = partial(BatchSearch, make, config)
        consumer = LenientConsumer(make(config), pass_over, search, silent, grouped, look_into, identities)
        return implement_with(consumer, _CONSUMER + "Consumer")

    return implement(
        _SUPPLIER,
        getAdmin=engine.getAdmin,
        getConsumer=lambda config: patient(engine.getConsumer, config),
        getRestoreConsumer=engine.getRestoreConsumer,
        getGlobalConsumer=lambda config: patient(engine.getGlobalConsumer, config),
        getProducer=engine.getProducer,
    )


class LenientConsumer:
    """A consumer as Java calls it.

    Args:
        java: the engine's own.
        pass_over: as for ``passing_over``.
        search: finds what a poll failed at.
        silent: as for ``passing_over``.
        grouped: whether it belongs to a group, which keeps where it goes on.
        look_into: as for ``passing_over``.
        identities: as for ``passing_over``.
    """

    def __init__(
        self,
        java: Any,
        pass_over: PassOver,
        search: Callable[[], BatchSearch],
        silent: Callable[[], Iterable[Silence]] = tuple,
        grouped: bool = True,
        look_into: LookInto = _all_is_well,
        identities: Identities = lambda: _NOBODY_LOOKS,
    ) -> None:
        self._java = java
        self._identities = identities
        self._topics = identities()
        self._silent = silent
        self._grouped = grouped
        self._jumps = OffsetJumps(look_into)
        self._times = PartitionTimes()
        self._pass_over = pass_over
        self._search = search
        self._next = jvm.java_class("java.util.HashMap")()
        self._known = self._next.keySet()

    def poll(self, timeout: Any) -> Any:
        """As the engine's; what cannot be read is passed over, and the next poll goes on behind it."""
        self._read_anew()
        try:
            found = self._java.poll(timeout)
        except jpype.JException as error:
            if (stuck := stuck_at(error)) is not None:
                self._skip(_topic_partition(*stuck), jvm.describe(error))
                return _records()
            if not is_stray(error):
                raise
            return self._in_time(self._look_for_it(error))
        self._known.retainAll(self._java.assignment())  # what went elsewhere comes back at another offset
        found = self._in_order(found)
        self._next.putAll(found.nextOffsets())
        for topic, partition, offsets in self._silent():
            self._leave_silence(_topic_partition(topic, partition), offsets)
        return self._in_time(found)

    def seek(self, tp: Any, to: Any) -> None:
        """As the engine's."""
        self._java.seek(tp, to)
        self._next.put(tp, _goes_on(to) if isinstance(to, int) else to)

    def close(self, *arguments: Any) -> None:
        """Close it, and let go of it: objects of Python and Java that hold each other are never freed."""
        java, self._java = self._java, Ended()
        java.close(*arguments)

    def metrics(self) -> Any:
        """As the engine's; it asks threads that have ended, too, and an error there would hide how the others are."""
        java = self._java  # another thread may end it between two looks
        return jvm.java_class("java.util.Map").of() if isinstance(java, Ended) else java.metrics()

    def unregisterMetricFromSubscription(self, metric: Any) -> None:
        """As the engine's; a global thread still gives back its metrics when its consumer is closed."""
        java = self._java
        if not isinstance(java, Ended):
            java.unregisterMetricFromSubscription(metric)

    def _read_anew(self) -> None:
        """Go to the beginning of topics that are others than those of the same name before."""
        found, before = self._identities(), self._topics
        if found is before:
            return
        self._topics = found
        anew = {topic for topic, identity in found.items() if before.get(topic, identity) != identity}
        for tp in self._java.assignment() if anew else ():
            if str(tp.topic()) in anew:
                self.seek(tp, jpype.JLong(0))

    def _in_order(self, found: Any) -> Any:
        """The same without what is not where it says; reading goes on behind that."""
        after = found.nextOffsets()
        wrong = {}
        for tp in after.keySet():
            right = self._jumps.check(tp, records := found.records(tp), self._begin(tp, records), _at(after.get(tp)))
            if right is not None:
                self._java.seek(tp, jpype.JLong(right[1]))
                wrong[tp] = right
        if not wrong:
            return found
        right_as_they_are = {tp: (found.records(tp), _at(after.get(tp))) for tp in after.keySet()}
        return _records(right_as_they_are | wrong)

    def _in_time(self, found: Any) -> Any:
        """The same, with times that the engine takes."""
        wrong = {tp: mended for tp in found.partitions() if (mended := self._times.mend(tp, found.records(tp)))}
        if not wrong:
            return found
        after = found.nextOffsets()
        return _records({tp: (wrong.get(tp, found.records(tp)), _at(after.get(tp))) for tp in after.keySet()})

    def _begin(self, tp: Any, records: Any) -> int:
        """Where the last poll ended; of a partition that begins, where the group goes on, or the first record is."""
        if (known := self._next.get(tp)) is not None:
            return _at(known)
        if (committed := self._committed(tp)) is not None:
            return committed
        return 0 if records.isEmpty() else _at(records.get(0))

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
        with closing(self._search()) as search:
            for tp in partitions:
                self._go_back(tp, search)
            for tp in partitions:
                start = int(self._java.position(tp))
                found, stopped = search.read_on(tp, start)
                records, end = jvm.java_class("java.util.ArrayList")(found), search.position(tp)
                right = self._jumps.check(tp, records, start, end)
                if right is not None or stopped:
                    records, end = right or (records, end)
                    self.seek(tp, jpype.JLong(end))
                    return _records({tp: (records, end if right else self._skip(tp, jvm.describe(error)))})
        raise error

    def _go_back(self, tp: Any, search: BatchSearch) -> None:
        """Read on where the last poll ended: what the failing one had read was handed to nobody."""
        known, position = self._next.get(tp), int(self._java.position(tp))
        start = self._start(tp, search) if known is None or known.offset() > position else _at(known)
        if start < position:
            self._java.seek(tp, jpype.JLong(start))

    def _start(self, tp: Any, search: BatchSearch) -> int:
        """Where a partition is read from of which nothing came since it was assigned."""
        return max(search.beginning(tp), self._committed(tp) or 0)  # what was committed may be deleted by now

    def _committed(self, tp: Any) -> int | None:
        """Where the group goes on; ``None`` where it has not said that."""
        one = jvm.java_class("java.util.Set").of(tp)
        committed = self._java.committed(one).get(tp) if self._grouped else None
        return None if committed is None else _at(committed)

    def __getattr__(self, name: str) -> Any:
        """A function of Python: a thread that waits in Java meanwhile can be seen, and the process's end awaits it."""
        method = getattr(self._java, name)

        def call(*arguments: Any) -> Any:
            return method(*arguments)

        return call


def _topic_partition(topic: str, partition: int) -> Any:
    return jvm.java_class(_KAFKA + "TopicPartition")(topic, partition)


def _records(parts: Mapping[Any, tuple[Any, int]] | None = None) -> Any:
    """What a poll returns: the records of each partition, and where it goes on."""
    kind, parts = jvm.java_class(_CONSUMER + "ConsumerRecords"), parts or {}
    records, after = jvm.java_class("java.util.HashMap")(), jvm.java_class("java.util.HashMap")()
    for tp, (found, end) in parts.items():
        after.put(tp, _goes_on(end))
        if found.size():
            records.put(tp, found)
    return kind(records, after)


def _goes_on(offset: int) -> Any:
    return jvm.java_class(_CONSUMER + "OffsetAndMetadata")(offset)


def _at(what: Any) -> int:
    """The offset of a record, or of where reading goes on."""
    return int(what.offset())
