"""Python functions for the DSL: ``stream.filter(Predicate(lambda key, value: value.alcohol > 12))``.

Each name is that of the engine's interface. Keys and values arrive as in Python, and what is returned goes back as it
should; an error in a function is a Python error with its traceback.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelserving import jvm
from modelserving.kstreams.bridge.failures import guarded
from modelserving.kstreams.bridge.proxies import implement
from modelserving.kstreams.bridge.values import from_java, to_java

__all__ = [
    "Aggregator",
    "ForeachAction",
    "Initializer",
    "KeyValueMapper",
    "Merger",
    "Predicate",
    "Reducer",
    "ValueJoiner",
    "ValueJoinerWithKey",
    "ValueMapper",
    "ValueMapperWithKey",
    "pair",
]

_KSTREAM = "org.apache.kafka.streams.kstream."


def pair(key: object, value: object) -> Any:
    """A ``KeyValue``, as the function of ``KStream.map`` returns it."""
    return jvm.java_class("org.apache.kafka.streams.KeyValue").pair(to_java(key), to_java(value))


def Predicate(function: Callable[[Any, Any], bool]) -> Any:
    """``(key, value)`` to whether."""
    return _java("Predicate", "test", function)


def ValueMapper(function: Callable[[Any], object]) -> Any:
    """``(value)`` to another value."""
    return _java("ValueMapper", "apply", function)


def ValueMapperWithKey(function: Callable[[Any, Any], object]) -> Any:
    """``(key, value)`` to another value."""
    return _java("ValueMapperWithKey", "apply", function)


def KeyValueMapper(function: Callable[[Any, Any], object]) -> Any:
    """``(key, value)`` to a key, or for ``map`` to a ``pair``."""
    return _java("KeyValueMapper", "apply", function)


def ForeachAction(function: Callable[[Any, Any], object]) -> Any:
    """``(key, value)``, for what it does."""
    return _java("ForeachAction", "apply", function)


def Initializer(function: Callable[[], object]) -> Any:
    """What an aggregation begins with."""
    return _java("Initializer", "apply", function)


def Aggregator(function: Callable[[Any, Any, Any], object]) -> Any:
    """``(key, value, so far)`` to the next."""
    return _java("Aggregator", "apply", function)


def Reducer(function: Callable[[Any, Any], object]) -> Any:
    """``(so far, value)`` to the next."""
    return _java("Reducer", "apply", function)


def Merger(function: Callable[[Any, Any, Any], object]) -> Any:
    """``(key, one, other)`` to both together, for sessions that meet."""
    return _java("Merger", "apply", function)


def ValueJoiner(function: Callable[[Any, Any], object]) -> Any:
    """``(left, right)`` to the value of a join."""
    return _java("ValueJoiner", "apply", function)


def ValueJoinerWithKey(function: Callable[[Any, Any, Any], object]) -> Any:
    """``(key, left, right)`` to the value of a join."""
    return _java("ValueJoinerWithKey", "apply", function)


def _java(interface: str, method: str, function: Callable[..., object]) -> Any:
    """An object of the interface whose only method calls the function."""

    def call(*args: Any) -> Any:
        return to_java(function(*map(from_java, args)))

    return implement(_KSTREAM + interface, **{method: guarded(call)})
