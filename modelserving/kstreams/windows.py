"""The engine's stores of windows, sessions and versions, for Python; and which wrapper a store gets."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import jpype

from modelserving.kstreams.bridge.failures import python_errors
from modelserving.kstreams.bridge.values import from_java, milliseconds, to_java
from modelserving.kstreams.keyvalue import (
    EngineStore,
    KeyValueStore,
    ReadOnlyKeyValueStore,
    StoreIterator,
    TimestampedKeyValueStore,
    ValueAndTimestamp,
    timed,
)

_STATE = "org.apache.kafka.streams.state."


class WindowStore(EngineStore):
    """Values by key and by the beginning of a window; what is read only has the same methods, but ``put``."""

    def put(self, key: object, value: object, windowStartTimestamp: int | datetime) -> None:  # noqa: N803 - the engine's name
        """Set the value of a key in the window that begins then; ``None`` deletes it."""
        with python_errors():
            self.java.put(to_java(key), to_java(value), _at(windowStartTimestamp))

    def fetch(self, key: object, timeFrom: int | datetime, timeTo: int | datetime | None = None) -> Any:  # noqa: N803 - the engine's names
        """The value of the window that begins at ``timeFrom``; or the windows that begin between two times.

        Args:
            key: whose.
            timeFrom: milliseconds since 1970.
            timeTo: included; with it, an iterator of the beginnings of windows and their values.
        """
        if timeTo is not None:
            return self.walk(lambda java: java.fetch(to_java(key), _at(timeFrom), _at(timeTo)))
        with python_errors():
            return _untimed(self.java.fetch(to_java(key), _at(timeFrom)))

    def backwardFetch(self, key: object, timeFrom: int | datetime, timeTo: int | datetime) -> StoreIterator:  # noqa: N803 - the engine's names
        """The windows of a key that begin between two times, the last one first."""
        return self.walk(lambda java: java.backwardFetch(to_java(key), _at(timeFrom), _at(timeTo)))

    def all(self) -> StoreIterator:
        """All windows: each with its ``Windowed`` key."""
        return self.walk(lambda java: java.all())

    def fetchAll(self, timeFrom: int | datetime, timeTo: int | datetime) -> StoreIterator:  # noqa: N803 - the engine's names
        """All windows that begin between two times, both included, milliseconds since 1970."""
        return self.walk(lambda java: java.fetchAll(_at(timeFrom), _at(timeTo)))

    def backwardAll(self) -> StoreIterator:
        """All windows, the last one first."""
        return self.walk(lambda java: java.backwardAll())

    def backwardFetchAll(self, timeFrom: int | datetime, timeTo: int | datetime) -> StoreIterator:  # noqa: N803 - the engine's names
        """All windows that begin between two times, the last one first."""
        return self.walk(lambda java: java.backwardFetchAll(_at(timeFrom), _at(timeTo)))


class TimestampedWindowStore(WindowStore):
    """One that keeps the time beside each value. ``fetch`` gives the value alone, as everywhere.

    Args:
        java: the engine's own object.
        clock: the time of what is set, milliseconds since 1970.
    """

    def __init__(self, java: Any, clock: Callable[[], int]) -> None:
        super().__init__(java)
        self._clock = clock

    def put(self, key: object, value: object, windowStartTimestamp: int | datetime) -> None:  # noqa: N803 - the engine's name
        """Set the value of a key in the window that begins then; ``None`` deletes it.

        Args:
            key: whose.
            value: a value, at the time of the record in hand, or a ``ValueAndTimestamp``.
            windowStartTimestamp: milliseconds since 1970.
        """
        with python_errors():
            self.java.put(to_java(key), timed(value, None, self._clock), _at(windowStartTimestamp))


class SessionStore(EngineStore):
    """Aggregates of sessions, by ``Windowed`` keys."""

    def put(self, session: Any, aggregate: object) -> None:
        """Set the aggregate of a session; ``None`` deletes it."""
        with python_errors():
            self.java.put(session, to_java(aggregate))

    def remove(self, session: Any) -> None:
        """Delete a session."""
        with python_errors():
            self.java.remove(session)

    def fetch(self, key: object) -> StoreIterator:
        """All sessions of a key."""
        return self.walk(lambda java: java.fetch(to_java(key)))

    def fetchSession(self, key: object, start: int | datetime, end: int | datetime) -> Any:
        """The aggregate of the session of a key that begins and ends then, or ``None``."""
        with python_errors():
            return from_java(self.java.fetchSession(to_java(key), _at(start), _at(end)))

    def findSessions(self, key: object, earliest: int | datetime, latest: int | datetime) -> StoreIterator:
        """The sessions of a key that end at ``earliest`` or later, and begin at ``latest`` or sooner."""
        return self.walk(lambda java: java.findSessions(to_java(key), _at(earliest), _at(latest)))


class VersionedKeyValueStore(EngineStore):
    """Values by key, each with the time from which it holds."""

    def put(self, key: object, value: object, timestamp: int | datetime) -> int:
        """Let a value hold from then on; until when, in milliseconds since 1970, or -1: for ever so far."""
        with python_errors():
            return int(self.java.put(to_java(key), to_java(value), _at(timestamp)))

    def get(self, key: object, asOfTimestamp: int | datetime | None = None) -> ValueAndTimestamp | None:  # noqa: N803
        """The value that holds now, or held at that time; with the time from which it holds."""
        with python_errors():
            at = () if asOfTimestamp is None else (_at(asOfTimestamp),)
            found = self.java.get(to_java(key), *at)
        return None if found is None else ValueAndTimestamp(from_java(found.value()), int(found.timestamp()))

    def delete(self, key: object, timestamp: int | datetime) -> ValueAndTimestamp | None:
        """Let no value hold from then on; the one that held."""
        with python_errors():
            found = self.java.delete(to_java(key), _at(timestamp))
        return None if found is None else ValueAndTimestamp(from_java(found.value()), int(found.timestamp()))


def wrap(store: Any, clock: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> Any:
    """A store of the engine as Python uses it; one that is in Python as it is.

    Args:
        store: of the engine.
        clock: the time of what is set without one, milliseconds since 1970.
    """
    if not isinstance(store, jpype.JObject):
        return getattr(store, "python", store)
    for interface, timestamped in _TIMESTAMPED.items():
        if _is(store, interface):
            return timestamped(store, clock)
    for interface, kind in _KINDS.items():
        if _is(store, interface):
            return kind(store)
    return store


_TIMESTAMPED: dict[str, Callable[[Any, Callable[[], int]], Any]] = {
    "TimestampedKeyValueStore": TimestampedKeyValueStore,
    "TimestampedWindowStore": TimestampedWindowStore,
}
_KINDS: dict[str, Callable[[Any], Any]] = {
    "KeyValueStore": KeyValueStore,
    "ReadOnlyKeyValueStore": ReadOnlyKeyValueStore,
    "ReadOnlyWindowStore": WindowStore,
    "ReadOnlySessionStore": SessionStore,
    "VersionedKeyValueStore": VersionedKeyValueStore,
}


def _at(when: int | datetime) -> Any:
    return jpype.JLong(milliseconds(when))


def _is(store: Any, interface: str) -> bool:
    return isinstance(store, jpype.JClass(_STATE + interface))


def _untimed(found: Any) -> Any:
    """The value alone, where the store keeps the time beside it."""
    if found is not None and isinstance(found, jpype.JClass(_STATE + "ValueAndTimestamp")):
        return from_java(found.value())
    return from_java(found)
