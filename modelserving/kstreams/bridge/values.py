"""Values on both sides: Python's as the engine wants them, and the engine's as Python knows them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from functools import cache
from operator import index
from typing import Any

import _jpype
import jpype
import numpy as np

from modelserving import jvm


@cache
def _kinds() -> tuple[Any, Any, Any, dict[Any, Any]]:
    """``byte[]``, what a boxed Python object is, what a boxed list is, and what Java's own types become in Python."""
    jvm.start()
    array = jpype.JArray(jpype.JByte)
    box = jpype.JClass("java.io.Serializable")
    plain: dict[Any, Any] = {
        array: bytes,
        jpype.JClass("java.lang.String"): str,
        jpype.JClass("java.lang.Boolean"): bool,
        jpype.JClass("org.apache.kafka.streams.KeyValue"): lambda pair: (from_java(pair.key), from_java(pair.value)),
    }
    plain |= {jpype.JClass(f"java.lang.{name}"): int for name in ("Long", "Integer", "Short", "Byte")}
    plain |= {jpype.JClass(f"java.lang.{name}"): float for name in ("Double", "Float")}
    return array, (box,), (box, jpype.JClass("java.lang.Iterable")), plain


def to_java(value: object) -> Any:
    """A value as the engine takes it.

    Bytes become ``byte[]`` (left alone, JPype makes a string of them), text a string (of a single letter it would make
    a ``Character``), numbers of NumPy plain ones. Numbers, and what is Java's already, stay as they are. Any other
    object travels in a box that Java cannot open, and ``from_java`` takes it out; a list or a generator in one that
    Java can walk through, as ``flatMapValues`` does.
    """
    if isinstance(value, str):
        return jpype.JString(value)
    if isinstance(value, np.generic):
        value = value.item()
    if value is None or isinstance(value, int | float | _jpype._JObject | _jpype._JProxy):
        if type(value) is int and not _SMALLEST <= value <= _LARGEST:
            raise OverflowError(f"{value} does not fit into the 64 bits of a whole number of Java's: send it as text.")
        return value
    array, box, walkable, _ = _kinds()
    if isinstance(value, bytes | bytearray | memoryview):
        return array(value)
    if isinstance(value, WALKABLE):
        return _jpype._JProxy(value, _Walk(value, to_java), walkable, True)
    return _jpype._JProxy(value, value, box, True)


def pairs_to_java(value: object) -> Any:
    """The same for what ``map`` and ``flatMap`` take: a tuple of two is a key and a value, here and in a list."""
    if isinstance(value, tuple) and len(value) == 2:
        return jvm.java_class("org.apache.kafka.streams.KeyValue").pair(to_java(value[0]), to_java(value[1]))
    if isinstance(value, WALKABLE):
        return _jpype._JProxy(value, _Walk(value, pairs_to_java), _kinds()[2], True)
    return to_java(value)


class _Walk:
    """What Java sees of a list: an ``Iterable``."""

    def __init__(self, values: Iterable[object], convert: Callable[[object], Any]) -> None:
        self._values = values
        self._convert = convert

    def iterator(self, _values: object) -> Any:
        """All of it, in a list of Java's; JPype hands in the values themselves, too."""
        made = jvm.java_class("java.util.ArrayList")()
        for value in self._values:
            made.add(self._convert(value))
        return made.iterator()


_SMALLEST, _LARGEST = -(2**63), 2**63 - 1
WALKABLE = (list, tuple, set, frozenset, range, Iterator)
"""What Java can walk through, as ``flatMapValues`` does."""


def from_java(value: Any) -> Any:
    """A value as Python knows it: ``bytes``, ``str``, ``int``, ``float``, ``bool``, what was boxed, or Java's own.

    A ``KeyValue`` becomes a tuple.
    """
    convert = _kinds()[3].get(type(value))
    return value if convert is None else convert(value)


def milliseconds(when: int | datetime) -> int:
    """A time as the engine counts it, milliseconds since 1970.

    Raises:
        TypeError: it is no whole number, or a ``datetime`` that does not say of which zone it is.
    """
    if isinstance(when, datetime):
        if when.tzinfo is None:
            raise TypeError(f"{when!r} does not say of which time zone it is: datetime(..., tzinfo=UTC).")
        return round(when.timestamp() * 1000)
    try:
        return index(when)
    except TypeError:
        raise TypeError(
            f"a timestamp is a whole number of milliseconds since 1970, and this is {when!r}: "
            "int(1000 * time.time()) is now."
        ) from None


def duration(seconds: float | timedelta) -> Any:
    """A ``java.time.Duration``, to the millisecond; one of Java's stays as it is."""
    if isinstance(seconds, _jpype._JObject):
        return seconds
    length = seconds.total_seconds() if isinstance(seconds, timedelta) else seconds
    return jvm.java_class("java.time.Duration").ofMillis(round(length * 1000))
