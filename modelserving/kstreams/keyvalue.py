"""The engine's key/value stores, for Python. What goes wrong in one, as in a serde, is a Python error here too.

What the other kinds of store can do is in ``windows.py``.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import jpype

from modelserving.kstreams.bridge.failures import python_errors
from modelserving.kstreams.bridge.proxies import Ended
from modelserving.kstreams.bridge.values import from_java, milliseconds, to_java
from modelserving.system.closing import Closing

_TIMED = "org.apache.kafka.streams.state.ValueAndTimestamp"


class StoreEntry(NamedTuple):
    """A key and a value of a store: a pair, or by these names."""

    key: Any
    value: Any

    def __repr__(self) -> str:
        return repr(tuple(self))


class StoreIterator(Iterator[StoreEntry], Closing):
    """Keys and values of a store, one after the other: in a ``for`` loop, in a ``with`` block, or as in Java.

    It is closed at its end, when the ``with`` block ends, or when nobody has it any more: until then the engine keeps
    what it walks through.

    Args:
        ask: gets the engine's own iterator, when the first entry is wanted.
    """

    def __init__(self, ask: Callable[[], Any]) -> None:
        self._ask = ask
        self._java: Any = None
        self._closed = False

    def hasNext(self) -> bool:
        """Whether there is another entry."""
        if self._closed:
            return False
        with python_errors():
            if self._java is None:
                self._java = self._ask()
            if self._java.hasNext():
                return True
        self.close()
        return False

    def __next__(self) -> StoreEntry:
        if not self.hasNext():
            raise StopIteration
        with python_errors():
            pair = self._java.next()
            return StoreEntry(from_java(pair.key), _plain(pair.value))

    def next(self) -> StoreEntry:
        """The next entry; ``StopIteration`` where there is none."""
        return self.__next__()

    def peekNextKey(self) -> Any:
        """The key of the next entry, which stays the next; ``None`` where there is none."""
        if not self.hasNext():
            return None
        with python_errors():
            return from_java(self._java.peekNextKey())

    def close(self) -> None:
        """Let the engine go on without it. A second call does nothing."""
        self._closed = True
        java, self._java = self._java, None
        if java is not None:
            java.close()

    def __del__(self) -> None:
        self.close()


class EngineStore:
    """A store of the engine.

    Args:
        java: the engine's own object, for what is not here.
    """

    def __init__(self, java: Any) -> None:
        self.java = java
        self._walked: weakref.WeakSet[StoreIterator] = weakref.WeakSet()

    def release(self) -> None:
        """The task has ended: let go of the engine, and end what is still walked through."""
        self.java = Ended()
        for walked in tuple(self._walked):
            walked.close()

    def walk(self, ask: Callable[[Any], Any]) -> StoreIterator:
        """Keys and values of an iterator of the engine, which is asked for when the first one is."""
        walked = StoreIterator(lambda: ask(self.java))
        self._walked.add(walked)
        return walked


class ReadOnlyKeyValueStore(EngineStore):
    """What a query may do with a key/value store."""

    def get(self, key: object) -> Any:
        """The value of a key, or ``None``."""
        with python_errors():
            return _plain(self.java.get(to_java(key)))

    def all(self) -> StoreIterator:
        """All keys and values."""
        return self.walk(lambda java: java.all())

    def range(self, first: object, last: object) -> StoreIterator:
        """Keys from ``first`` to ``last``, both included, in the order of their bytes."""
        return self.walk(lambda java: java.range(to_java(first), to_java(last)))

    def reverseAll(self) -> StoreIterator:
        """All keys and values, the last key first."""
        return self.walk(lambda java: java.reverseAll())

    def reverseRange(self, first: object, last: object) -> StoreIterator:
        """Keys from ``last`` down to ``first``, both included."""
        return self.walk(lambda java: java.reverseRange(to_java(first), to_java(last)))

    def prefixScan(self, prefix: object, serializer: Any) -> StoreIterator:
        """All keys whose bytes begin with those of a prefix.

        Args:
            prefix: what they begin with.
            serializer: makes bytes of it, as ``text().serializer()`` does.
        """
        return self.walk(lambda java: java.prefixScan(to_java(prefix), serializer))

    def approximateNumEntries(self) -> int:
        """About how many keys there are."""
        with python_errors():
            return int(self.java.approximateNumEntries())


class KeyValueStore(ReadOnlyKeyValueStore):
    """What a processor may do with one."""

    def put(self, key: object, value: object) -> None:
        """Set the value of a key; ``None`` deletes it."""
        with python_errors():
            self.java.put(to_java(key), to_java(value))

    def putIfAbsent(self, key: object, value: object) -> Any:
        """Set the value of a key that has none; the value that it had, or ``None``."""
        with python_errors():
            return _plain(self.java.putIfAbsent(to_java(key), to_java(value)))

    def putAll(self, entries: Iterable[tuple[object, object]]) -> None:
        """Set the values of many keys."""
        for key, value in entries:
            self.put(key, value)

    def delete(self, key: object) -> Any:
        """Delete a key; its value, or ``None``."""
        with python_errors():
            return _plain(self.java.delete(to_java(key)))


class ValueAndTimestamp(NamedTuple):
    """A value, and when it was set.

    Args:
        value: the value.
        timestamp: milliseconds since 1970.
    """

    value: Any
    timestamp: int


class TimestampedKeyValueStore(KeyValueStore):
    """One that keeps the time beside each value. ``get`` gives the value alone, as everywhere.

    Args:
        java: the engine's own object.
        clock: the time of what is set without one, milliseconds since 1970.
    """

    def __init__(self, java: Any, clock: Callable[[], int]) -> None:
        super().__init__(java)
        self._clock = clock

    def getWithTimestamp(self, key: object) -> ValueAndTimestamp | None:
        """The value of a key, and when it was set; or ``None``."""
        with python_errors():
            found = self.java.get(to_java(key))
        return None if found is None else ValueAndTimestamp(from_java(found.value()), int(found.timestamp()))

    def put(self, key: object, value: object, timestamp: int | datetime | None = None) -> None:
        """Set the value of a key; ``None`` deletes it.

        Args:
            key: whose.
            value: a value, or a ``ValueAndTimestamp``.
            timestamp: of a plain value, milliseconds since 1970; ``None``: that of the record in hand.
        """
        with python_errors():
            self.java.put(to_java(key), timed(value, timestamp, self._clock))

    def putIfAbsent(self, key: object, value: object, timestamp: int | datetime | None = None) -> Any:
        """Set the value of a key that has none; the value that it had, or ``None``."""
        with python_errors():
            return _plain(self.java.putIfAbsent(to_java(key), timed(value, timestamp, self._clock)))


def timed(value: object, timestamp: int | datetime | None, clock: Callable[[], int]) -> Any:
    """A value with its time beside it, as the engine keeps it; nothing stays nothing.

    Args:
        value: a value, or a ``ValueAndTimestamp``.
        timestamp: of a plain value; ``None``: what the clock says.
        clock: the time, milliseconds since 1970.
    """
    if isinstance(value, ValueAndTimestamp):
        value, timestamp = value
    if value is None:
        return None
    when = milliseconds(clock() if timestamp is None else timestamp)
    return jpype.JClass(_TIMED).makeAllowNullable(to_java(value), jpype.JLong(when))


def _plain(value: Any) -> Any:
    """The value alone, where the store keeps the time beside it."""
    if value is not None and hasattr(value, "timestamp") and isinstance(value, jpype.JObject):
        return from_java(value.value())
    return from_java(value)
