"""A record inside a topology."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, NoReturn, Self

from modelserving import jvm
from modelserving.kafka import Headers
from modelserving.kstreams.bridge.values import from_java, milliseconds, to_java


class HeadersRead(tuple[tuple[str, bytes | None], ...]):
    """The headers of a record, as ``Headers`` are; they do not change."""

    __slots__ = ()

    def lastHeader(self, name: str) -> bytes | None:
        """The value of the last header of that name; ``None`` where there is none."""
        return next((value for known, value in reversed(self) if known == name), None)

    def headers(self, name: str) -> tuple[bytes | None, ...]:
        """The values of all headers of that name."""
        return tuple(value for known, value in self if known == name)

    def add(self, name: str, value: bytes) -> NoReturn:
        """Not in Python.

        Raises:
            TypeError: always; the message says what to use instead.
        """
        raise TypeError(
            "a record and its headers do not change: hand on "
            f"record.withHeaders((*record.headers(), ({name!r}, {value!r})))."
        )


@dataclass(frozen=True, slots=True)
class RecordMetadata:
    """Where the record that is being processed was read.

    Args:
        topic: the topic,
        partition: the partition of it,
        offset: and its number there.
    """

    topic: str
    partition: int
    offset: int


class Record:
    """A key, a value, a time and headers. It does not change: ``with...`` gives another one.

    Args:
        key: of any type that the next serde, or the next processor, takes.
        value: likewise.
        timestamp: milliseconds since 1970, or a ``datetime`` with its zone.
        headers: names and bytes.
    """

    __slots__ = ("java",)

    def __init__(self, key: object, value: object, timestamp: int | datetime, headers: Headers = ()) -> None:
        self.java: Any = record_class()(to_java(key), to_java(value), milliseconds(timestamp), java_headers(headers))

    @classmethod
    def of(cls, java: Any) -> Self:
        """The engine's record, as one of Python."""
        made = cls.__new__(cls)
        made.java = java
        return made

    def key(self) -> Any:
        """Its key."""
        return from_java(self.java.key())

    def value(self) -> Any:
        """Its value."""
        return from_java(self.java.value())

    def timestamp(self) -> int:
        """Its time, milliseconds since 1970."""
        return int(self.java.timestamp())

    def headers(self) -> HeadersRead:
        """Its headers, in their order."""
        return read_headers(self.java.headers())

    def withKey(self, key: object) -> Self:
        """The same record with another key."""
        return self.of(self.java.withKey(to_java(key)))

    def withValue(self, value: object) -> Self:
        """The same record with another value."""
        return self.of(self.java.withValue(to_java(value)))

    def withTimestamp(self, timestamp: int | datetime) -> Self:
        """The same record at another time."""
        return self.of(self.java.withTimestamp(milliseconds(timestamp)))

    def withHeaders(self, headers: Headers) -> Self:
        """The same record with other headers."""
        return self.of(self.java.withHeaders(java_headers(headers)))

    def __repr__(self) -> str:
        return f"Record(key={self.key()!r}, value={self.value()!r}, timestamp={self.timestamp()})"


class FixedKeyRecord(Record):
    """A record of ``processValues``: its key stays, so its partition is still the right one."""

    __slots__ = ()

    def withKey(self, key: object) -> Self:
        """Not of this record.

        Raises:
            TypeError: always; the message says what to use instead.
        """
        raise TypeError(
            f"a record of processValues keeps its key {self.key()!r}, and cannot get {key!r}: use process, which may "
            "change it; what is counted or joined afterwards is then repartitioned."
        )


@cache
def record_class() -> Any:
    """The engine's own."""
    return jvm.java_class("org.apache.kafka.streams.processor.api.Record")


def read_headers(headers: Any) -> HeadersRead:
    """The engine's headers, as Python knows them."""
    return HeadersRead((str(one.key()), None if one.value() is None else bytes(one.value())) for one in headers)


def java_headers(headers: Headers) -> Any:
    """Headers, as the engine takes them."""
    made = jvm.java_class("org.apache.kafka.common.header.internals.RecordHeaders")()
    given: object = headers
    if isinstance(given, dict):
        raise TypeError("headers are pairs of a name and bytes, since a name may come twice: tuple(headers.items()).")
    for name, value in headers:
        if not isinstance(value, bytes | bytearray | memoryview | None):
            raise TypeError(f"the header {name!r} is a {type(value).__name__}, and has to be bytes: text.encode().")
        made.add(name, to_java(value))
    return made
