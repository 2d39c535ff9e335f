"""The engine's key/value stores, for Python. What goes wrong in one, as in a serde, is a Python error here too."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jpype

from modelserving.kstreams.bridge.failures import python_errors
from modelserving.kstreams.bridge.values import from_java, to_java

__all__ = ["KeyValueStore", "ReadOnlyKeyValueStore", "wrap"]

_READ_ONLY = "org.apache.kafka.streams.state.ReadOnlyKeyValueStore"


class ReadOnlyKeyValueStore:
    """What a query may do with a key/value store.

    Args:
        java: the engine's own object, for what is not here.
    """

    def __init__(self, java: Any) -> None:
        self.java = java

    def get(self, key: object) -> Any:
        """The value of a key, or ``None``."""
        with python_errors():
            return _plain(self.java.get(to_java(key)))

    def all(self) -> Iterator[tuple[Any, Any]]:
        """All keys and values."""
        with python_errors():
            yield from _pairs(self.java.all())

    def range(self, first: object, last: object) -> Iterator[tuple[Any, Any]]:
        """Keys from ``first`` to ``last``, both included, in the order of their bytes."""
        with python_errors():
            yield from _pairs(self.java.range(to_java(first), to_java(last)))

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

    def delete(self, key: object) -> Any:
        """Delete a key; its value, or ``None``."""
        with python_errors():
            return _plain(self.java.delete(to_java(key)))


def wrap(store: Any) -> Any:
    """A store of the engine as Python uses it; one that is in Python, or of another kind, as it is."""
    if not isinstance(store, jpype.JObject):
        return getattr(store, "python", store)
    if not isinstance(store, jpype.JClass(_READ_ONLY)):
        return store
    return KeyValueStore(store) if hasattr(store, "put") else ReadOnlyKeyValueStore(store)


def _pairs(found: Any) -> Iterator[tuple[Any, Any]]:
    """The entries of an iterator of the engine, which is closed at the end, however that comes."""
    try:
        while found.hasNext():
            pair = found.next()
            yield from_java(pair.key), _plain(pair.value)
    finally:
        found.close()


def _plain(value: Any) -> Any:
    """The value alone, where the store keeps the time beside it."""
    if value is not None and hasattr(value, "timestamp") and isinstance(value, jpype.JObject):
        return from_java(value.value())
    return from_java(value)
