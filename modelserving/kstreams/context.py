"""What the engine tells a processor and a store, and what they can ask of it."""

from __future__ import annotations

import weakref
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import jpype

from modelserving import jvm
from modelserving.errors import ServerError
from modelserving.kstreams.bridge.failures import guarded, python_errors
from modelserving.kstreams.bridge.proxies import Ended, implement
from modelserving.kstreams.bridge.values import duration, milliseconds, to_java
from modelserving.kstreams.functions import check_plain
from modelserving.kstreams.keyvalue import EngineStore
from modelserving.kstreams.record import FixedKeyRecord, Record, RecordMetadata, record_class
from modelserving.kstreams.windows import wrap

_PROCESSOR = "org.apache.kafka.streams.processor."


class Cancellable:
    """Something that was scheduled. To call it ends it, as ``cancel`` does.

    Args:
        java: the engine's own object.
    """

    def __init__(self, java: Any) -> None:
        self._java = java

    def cancel(self) -> None:
        """End it. A second call does nothing."""
        java, self._java = self._java, None
        if java is not None:
            java.cancel()

    def release(self) -> None:
        """The task has ended: let go of the engine."""
        self._java = None

    def __call__(self) -> None:
        """End it."""
        self.cancel()


class StateStoreContext:
    """The engine, as a store sees it.

    Args:
        java: the engine's own object, for what is not here.
    """

    def __init__(self, java: Any) -> None:
        self.java = java

    def release(self) -> None:
        """The task has ended: let go of the engine, which holds all that has ever been connected with this."""
        self.java = Ended()

    def applicationId(self) -> str:
        """The application, which is also the consumer group."""
        return str(self.java.applicationId())

    def taskId(self) -> str:
        """The task: ``0_3`` is partition 3 of sub-topology 0."""
        return str(self.java.taskId())

    def partition(self) -> int:
        """The partition that the task is for."""
        return int(self.java.taskId().partition())

    def stateDir(self) -> Path:
        """A folder of this task alone."""
        return Path(str(self.java.stateDir()))

    def recordMetadata(self) -> RecordMetadata | None:
        """Where the record in hand was read; ``None`` when there is none, as in what is scheduled."""
        found = self.java.recordMetadata()
        if not found.isPresent():
            return None
        metadata = found.get()
        return RecordMetadata(str(metadata.topic()), int(metadata.partition()), int(metadata.offset()))

    def logChange(self, store: str, key: bytes, value: bytes | None, timestamp: int | datetime = 0) -> None:
        """Write a change to the changelog of a store of one's own. What was written is committed with the task.

        Args:
            store: its name.
            key: what has changed.
            value: how it is now; ``None``: it is gone.
            timestamp: of the entry, milliseconds since 1970, or a ``datetime`` with its zone.

        Raises:
            TypeError: one of them is something else.
        """
        for what, given in (("key", key), ("value", b"" if value is None else value)):
            if not isinstance(given, bytes | bytearray | memoryview):
                raise TypeError(f"the changelog of {store!r} takes bytes, and this {what} is a {type(given).__name__}.")
        self.java.logChange(
            store,
            jvm.java_class("org.apache.kafka.common.utils.Bytes").wrap(to_java(key)),
            to_java(value),
            milliseconds(timestamp),
            jvm.java_class("org.apache.kafka.common.header.internals.RecordHeaders")(),
            jvm.java_class("org.apache.kafka.streams.query.Position").emptyPosition(),
        )


class ProcessorContext(StateStoreContext):
    """The engine, as a processor sees it."""

    def __init__(self, java: Any) -> None:
        super().__init__(java)
        self._stores: dict[str, EngineStore] = {}
        self._scheduled: weakref.WeakSet[Cancellable] = weakref.WeakSet()

    def release(self) -> None:
        """The task has ended: let go of the engine, in all that was got by this context, too."""
        super().release()
        for store in self._stores.values():
            store.release()
        for scheduled in tuple(self._scheduled):
            scheduled.release()
        self._stores.clear()

    def forward(self, record: Record, child: str | None = None) -> None:
        """Hand a record on.

        Args:
            record: what.
            child: to which node; ``None``: to all that come next.

        Raises:
            TypeError: it is something else, as the value of a record.
        """
        java = _java_of(record)
        if child is None:
            self.java.forward(java)
        else:
            self.java.forward(java, child)

    def getStateStore(self, name: str) -> Any:
        """A store that is connected with this processor, or a global one.

        Returns:
            A store in Python as itself; one of the engine as ``KeyValueStore``, ``TimestampedKeyValueStore``,
            ``WindowStore``, ``TimestampedWindowStore``, ``SessionStore`` or ``VersionedKeyValueStore``.

        Raises:
            ServerError: there is none of that name.
        """
        if name in self._stores:  # some ask at each record
            return self._stores[name]
        with python_errors():
            found = self.java.getStateStore(name)
        if found is None:
            raise ServerError(
                f"no store {name!r} is connected with this processor: give its builder to the ProcessorSupplier, or "
                "name the processor in addStateStore."
            )
        made = wrap(found, self._record_time)
        if isinstance(made, EngineStore):
            self._stores[name] = made
        return made

    def _record_time(self) -> int:
        """The time of the record in hand, or of what is scheduled."""
        context = self.java.recordContext()
        return self.currentSystemTimeMs() if context is None else int(context.timestamp())

    def schedule(self, seconds: float | timedelta, *call: Any, stream_time: bool = False) -> Cancellable:
        """Call a function regularly, between two records.

        Args:
            seconds: how often.
            call: takes the time, milliseconds since 1970. As in Java, a ``PunctuationType`` may stand before it.
            stream_time: by the time in the records, not the clock's; where there is no ``PunctuationType``.
        """
        *said, function = call
        check_plain("what is scheduled", function)

        @guarded
        def punctuate(time: Any) -> None:
            function(int(time))

        kind = jvm.java_class(_PROCESSOR + "PunctuationType")
        (clock,) = said or (kind.STREAM_TIME if stream_time else kind.WALL_CLOCK_TIME,)
        call_back = implement(_PROCESSOR + "Punctuator", punctuate=punctuate)
        scheduled = Cancellable(self.java.schedule(duration(seconds), clock, call_back))
        self._scheduled.add(scheduled)
        return scheduled

    def commit(self) -> None:
        """Ask for a commit soon."""
        self.java.commit()

    def currentSystemTimeMs(self) -> int:
        """The clock, as the engine sees it, milliseconds since 1970."""
        return int(self.java.currentSystemTimeMs())

    def currentStreamTimeMs(self) -> int:
        """The latest time of any record so far, milliseconds since 1970."""
        return int(self.java.currentStreamTimeMs())


class FixedKeyProcessorContext(ProcessorContext):
    """The same for ``processValues``: what is handed on has the key of what came."""

    def forward(self, record: Record, child: str | None = None) -> None:
        """Hand a record on that came, with another value, time or headers; errors as for ``ProcessorContext``."""
        if not isinstance(record, FixedKeyRecord):
            raise TypeError(
                f"processValues hands on the record that came, as record.withValue(...), and this is a "
                f"{type(record).__name__}: use process to hand on others."
            )
        arguments = (record.java,) if child is None else (record.java, child)
        self.java.forward(*arguments)


class ValueTransformerContext(ProcessorContext):
    """The same for ``KTable.transformValues``: nothing is handed on but what ``transform`` returns."""

    def forward(self, record: Record, child: str | None = None) -> None:
        """It is the value that ``transform`` returns which goes on; this raises ``TypeError``."""
        del record, child
        raise TypeError("transformValues hands on what transform returns, and nothing else: return the value.")

    def recordMetadata(self) -> RecordMetadata | None:
        """Where the record in hand was read; ``None`` when there is none."""
        topic = self.java.topic()
        if topic is None:
            return None
        return RecordMetadata(str(topic), int(self.java.partition()), int(self.java.offset()))

    def _record_time(self) -> int:
        return int(self.java.timestamp())


def _java_of(record: Record) -> Any:
    """A record as the engine takes it."""
    try:
        return jpype.JObject(record.java, record_class())
    except AttributeError:
        raise TypeError(
            f"forward takes a Record, and this is a {type(record).__name__}: record.withValue(...) makes a Record of it"
        ) from None
