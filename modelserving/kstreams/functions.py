"""Python functions for the DSL: ``stream.filter(Predicate(lambda key, value: value.alcohol > 12))``.

Each name is that of the engine's interface. Keys and values arrive as in Python, and what is returned goes back as it
should; an error in a function is a Python error with its traceback.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import jpype
import numpy as np

from modelserving import jvm
from modelserving.kstreams.bridge.failures import guarded
from modelserving.kstreams.bridge.proxies import implement
from modelserving.kstreams.bridge.threads import keep_attached
from modelserving.kstreams.bridge.values import from_java, pairs_to_java, to_java

__all__ = [
    "Aggregator",
    "ForeachAction",
    "ForeignKeyExtractor",
    "Initializer",
    "KeyValueMapper",
    "Merger",
    "Predicate",
    "Reducer",
    "TimestampExtractor",
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
    return _java("Predicate", "test", function, _to_bool)


def ValueMapper(function: Callable[[Any], object]) -> Any:
    """``(value)`` to another value; for ``flatMapValues`` to a list of them, or a generator."""
    return _java("ValueMapper", "apply", function)


def ValueMapperWithKey(function: Callable[[Any, Any], object]) -> Any:
    """``(key, value)`` to another value."""
    return _java("ValueMapperWithKey", "apply", function)


def KeyValueMapper(function: Callable[[Any, Any], object]) -> Any:
    """``(key, value)`` to a key; for ``map`` to a ``pair`` or a tuple of two, for ``flatMap`` to a list of those."""
    return _java("KeyValueMapper", "apply", function, pairs_to_java)


def ForeachAction(function: Callable[[Any, Any], object]) -> Any:
    """``(key, value)``, for what it does."""
    return _java("ForeachAction", "apply", function, lambda _: None)


def ForeignKeyExtractor(function: Callable[..., object]) -> Any:
    """``(value)``, or ``(key, value)``, to the key of the other table, for a join by foreign key."""
    return _java_util(function)


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


def TimestampExtractor(function: Callable[[Any, Any], int]) -> Any:
    """``(key, value)`` to the record's own time, milliseconds since 1970: for ``Consumed.withTimestampExtractor``."""

    @guarded
    def extract(record: Any, _partition_time: int) -> Any:
        keep_attached()
        return jpype.JLong(int(function(from_java(record.key()), from_java(record.value()))))

    return implement("org.apache.kafka.streams.processor.TimestampExtractor", extract=extract)


def _java_util(function: Callable[..., object]) -> Any:
    """A ``java.util.function.Function`` or ``BiFunction``, by how many arguments the function takes."""
    try:
        inspect.signature(function).bind(None)
    except TypeError:
        return _implement("java.util.function.BiFunction", "apply", function, to_java)
    except ValueError:  # a function in C that does not say
        pass
    return _implement("java.util.function.Function", "apply", function, to_java)


def _java(interface: str, method: str, function: Callable[..., object], convert: Callable[[Any], Any] = to_java) -> Any:
    """An object of the interface whose only method calls the function."""
    return _implement(_KSTREAM + interface, method, function, convert)


def _implement(interface: str, method: str, function: Callable[..., object], convert: Callable[[Any], Any]) -> Any:
    @guarded
    def call(*args: Any) -> Any:
        keep_attached()
        return convert(function(*map(from_java, args)))

    return implement(interface, **{method: call})


def _to_bool(value: object) -> bool:
    """Whether; numpy's truth is as good as Python's, anything else is a mistake."""
    if isinstance(value, bool | np.bool_):
        return bool(value)
    raise TypeError(f"a Predicate returns True or False; this one returned {value!r}, a {type(value).__name__}.")
