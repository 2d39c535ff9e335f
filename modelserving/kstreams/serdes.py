"""Serializers and deserializers: the engine's own, and such as two Python functions make.

::

    incomes = serde(encode, decode)
    builder.stream("income-records", Consumed.with_(text(), incomes))

A record's value is then what ``decode`` returned, in every processor, store and lambda behind it.
"""

from __future__ import annotations

import reprlib
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, Generic, TypeVar

import jpype

from modelserving import jvm
from modelserving.kstreams.bridge.failures import guarded
from modelserving.kstreams.bridge.proxies import implement_with
from modelserving.kstreams.bridge.values import from_java, to_java

T = TypeVar("T")

_PACKAGE = "org.apache.kafka.common.serialization."


def serde(serialize: Callable[[T], bytes], deserialize: Callable[[bytes], T]) -> Any:
    """A ``Serde`` of two functions. Nothing (``None``) stays nothing: neither function is asked.

    Args:
        serialize: from an object to bytes.
        deserialize: from bytes to an object; what it raises is a record that cannot be read.
    """
    serdes = jvm.java_class(_PACKAGE + "Serdes")
    writer = implement_with(_Writer(serialize), _PACKAGE + "Serializer")
    reader = implement_with(_Reader(deserialize), _PACKAGE + "Deserializer")
    return serdes.serdeFrom(writer, reader)


def raw() -> Any:
    """The ``Serde`` that leaves bytes as they are."""
    return _own("ByteArray")


def text() -> Any:
    """The ``Serde`` of UTF-8 text."""
    return _own("String")


def integer() -> Any:
    """The ``Serde`` of whole numbers, eight bytes each."""
    return _own("Long")


def number() -> Any:
    """The ``Serde`` of floating-point numbers, eight bytes each; whole numbers are taken, too."""
    serdes = jvm.java_class(_PACKAGE + "Serdes")
    return serdes.serdeFrom(_serializer_of_numbers(), _own("Double").deserializer())


@cache
def _serializer_of_numbers() -> Any:
    """The engine's for ``Double``, behind what makes any ``Number`` one; all in Java, so it costs next to nothing."""
    handles = jvm.java_class("java.lang.invoke.MethodHandles")
    typed = jvm.java_class("java.lang.invoke.MethodType").methodType
    of = {name: jvm.java_class(f"java.lang.{name}").class_ for name in ("Object", "Number", "Double", "String")}
    lookup, data = handles.publicLookup(), jpype.JArray(jpype.JByte).class_
    engine = jvm.java_class(_PACKAGE + "DoubleSerializer")()
    write = lookup.findVirtual(engine.getClass(), "serialize", typed(data, [of["String"], of["Double"]])).bindTo(engine)
    number = lookup.findVirtual(of["Number"], "doubleValue", typed(jpype.JDouble.class_))
    written = handles.filterArguments(write, 1, number.asType(typed(of["Double"], [of["Object"]])))
    nothing = handles.dropArguments(handles.constant(data, None), 0, [of["String"], of["Object"]])
    is_null = typed(jpype.JBoolean.class_, [of["Object"]])
    test = lookup.findStatic(jvm.java_class("java.util.Objects").class_, "isNull", is_null)
    made = handles.guardWithTest(handles.dropArguments(test, 0, [of["String"]]), nothing, written)
    proxies = jvm.java_class("java.lang.invoke.MethodHandleProxies")
    return proxies.asInterfaceInstance(jvm.java_class(_PACKAGE + "Serializer").class_, made)


def _own(name: str) -> Any:
    return getattr(jvm.java_class(_PACKAGE + "Serdes"), name)()


class _Configurable:
    """What the engine does to a serde that it has made itself."""

    def configure(self, _settings: Any, _is_key: bool) -> None:
        """Nothing is to be set."""

    def close(self) -> None:
        """Nothing is to be closed."""


class _Writer(_Configurable, Generic[T]):
    """A ``Serializer``."""

    def __init__(self, serialize: Callable[[T], bytes]) -> None:
        self._serialize = guarded(_to_bytes(serialize))

    def serialize(self, _topic: Any, *rest: Any) -> Any:
        """``(topic, value)``, or ``(topic, headers, value)``."""
        value = from_java(rest[-1])
        return None if value is None else to_java(self._serialize(value))


def _to_bytes(serialize: Callable[[T], bytes]) -> Callable[[T], bytes]:
    """The same function; one that makes something else says so."""

    @wraps(serialize, assigned=("__name__",), updated=())
    def call(value: T) -> bytes:
        made = serialize(value)
        plain = isinstance(made, bytes | bytearray | memoryview | None)
        if not plain and not isinstance(made, jpype.JArray(jpype.JByte)):
            told = f"{reprlib.repr(made)}, of the type {type(made).__name__}"
            raise TypeError(f"a serde writes bytes, and this one made {told}.")
        return made

    return call


class _Reader(_Configurable, Generic[T]):
    """A ``Deserializer``."""

    def __init__(self, deserialize: Callable[[bytes], T]) -> None:
        self._deserialize = guarded(deserialize)

    def deserialize(self, _topic: Any, *rest: Any) -> Any:
        """``(topic, bytes)``, or ``(topic, headers, bytes)``; the bytes an array or a buffer."""
        data = rest[-1]
        if data is None:
            return None
        return to_java(self._deserialize(bytes(data if isinstance(data, jpype.JArray) else _content(data))))


def _content(buffer: Any) -> Any:
    array = jpype.JArray(jpype.JByte)(buffer.remaining())
    buffer.duplicate().get(array)
    return array
