"""Values on both sides: Python's as the engine wants them, and the engine's as Python knows them."""

from __future__ import annotations

from functools import cache
from typing import Any

import _jpype
import jpype

from modelserving import jvm

__all__ = ["duration", "from_java", "to_java"]


@cache
def _kinds() -> tuple[Any, Any, dict[Any, Any]]:
    """``byte[]``, what a boxed Python object is, and what each of Java's own types becomes in Python."""
    jvm.start()
    array = jpype.JArray(jpype.JByte)
    plain: dict[Any, Any] = {
        array: bytes,
        jpype.JClass("java.lang.String"): str,
        jpype.JClass("java.lang.Boolean"): bool,
    }
    plain |= {jpype.JClass(f"java.lang.{name}"): int for name in ("Long", "Integer", "Short", "Byte")}
    plain |= {jpype.JClass(f"java.lang.{name}"): float for name in ("Double", "Float")}
    return array, (jpype.JClass("java.io.Serializable"),), plain


def to_java(value: object) -> Any:
    """A value as the engine takes it.

    Bytes become ``byte[]`` (left alone, JPype makes a string of them), text a string (of a single letter it would make
    a ``Character``). Numbers, and what is Java's already, stay as they are. Any other object travels in a box that Java
    cannot open, and ``from_java`` takes it out.
    """
    if isinstance(value, str):
        return jpype.JString(value)
    if value is None or isinstance(value, int | float | _jpype._JObject | _jpype._JProxy):
        return value
    array, box, _ = _kinds()
    if isinstance(value, bytes | bytearray | memoryview):
        return array(value)
    return _jpype._JProxy(value, value, box, True)


def from_java(value: Any) -> Any:
    """A value as Python knows it: ``bytes``, ``str``, ``int``, ``float``, ``bool``, what was boxed, or Java's own."""
    convert = _kinds()[2].get(type(value))
    return value if convert is None else convert(value)


def duration(seconds: float) -> Any:
    """A ``java.time.Duration``, to the millisecond."""
    return jvm.java_class("java.time.Duration").ofMillis(round(seconds * 1000))
