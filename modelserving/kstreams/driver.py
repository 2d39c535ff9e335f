"""A topology without a broker: records go in, results come out, and the clock is yours.

::

    with TopologyTestDriver(topology, application_id="test") as driver:
        incomes = driver.createInputTopic("income-records", raw(), raw())
        scored = driver.createOutputTopic("income-scored", raw(), raw())
        incomes.pipeInput(None, value)
        print(scored.readValue())
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import jpype

from modelserving import jvm
from modelserving.errors import ServerError
from modelserving.kafka import Headers
from modelserving.kstreams.bridge.failures import python_errors
from modelserving.kstreams.bridge.logging import forward_logs
from modelserving.kstreams.bridge.values import duration, from_java, milliseconds, to_java
from modelserving.kstreams.config import streams_config
from modelserving.kstreams.record import Record, read_headers
from modelserving.kstreams.windows import wrap
from modelserving.system.closing import Closing

_NOTHING = object()


class TestInputTopic:
    """Where a test puts records."""

    __test__ = False

    def __init__(self, java: Any, driver: TopologyTestDriver) -> None:
        self.java = java
        self._driver = driver

    def pipeInput(
        self,
        key: object,
        value: object = _NOTHING,
        timestamp: int | datetime | None = None,
        headers: Headers = (),
    ) -> None:
        """Put one record on the topic; all that follows from it has happened when this returns.

        Args:
            key: of the record; with nothing else, it is the value, and there is no key. A ``Record`` is all of it.
            value: of the record.
            timestamp: its time, milliseconds since 1970, or a ``datetime`` with its zone; ``None``: that of the topic
                (``advanceTime``).
            headers: names and bytes.

        Raises:
            ServerError: the driver is closed.
        """
        self._driver.check_open()
        if isinstance(key, Record):
            self.pipeInput(key.key(), key.value(), key.timestamp(), key.headers())
            return
        if value is _NOTHING:
            key, value = None, key
        with self._driver.errors():
            at = () if timestamp is None else (jpype.JLong(milliseconds(timestamp)),)
            if headers:
                made = jvm.java_class("org.apache.kafka.streams.test.TestRecord")
                carried = Record(None, None, 0, headers).java.headers()
                self.java.pipeInput(made(_object(key), _object(value), carried, *at))
            else:
                self.java.pipeInput(_object(key), _object(value), *at)

    def pipeValueList(self, values: Iterable[object]) -> None:
        """Put values on the topic, without keys."""
        for value in values:
            self.pipeInput(value)

    def pipeKeyValueList(self, pairs: Iterable[tuple[object, object]]) -> None:
        """Put keys and values on the topic."""
        for key, value in pairs:
            self.pipeInput(key, value)

    def pipeRecordList(self, records: Iterable[Record]) -> None:
        """Put records on the topic, with their times and headers."""
        for record in records:
            self.pipeInput(record)

    def advanceTime(self, seconds: float | timedelta) -> None:
        """Let the time of the records that come without one go on."""
        self._driver.check_open()
        with self._driver.errors():
            self.java.advanceTime(duration(seconds))


class TestOutputTopic:
    """Where a test finds what came out."""

    __test__ = False

    def __init__(self, java: Any, name: str = "") -> None:
        self.java = java
        self._name = name

    def isEmpty(self) -> bool:
        """Whether everything was read."""
        return bool(self.java.isEmpty())

    def getQueueSize(self) -> int:
        """How many records were not read yet."""
        return int(self.java.getQueueSize())

    def readValue(self) -> Any:
        """The value of the next record."""
        return self.readRecord().value()

    def readKeyValue(self) -> tuple[Any, Any]:
        """Key and value of the next record."""
        record = self.readRecord()
        return record.key(), record.value()

    def readKeyValuesToList(self) -> list[tuple[Any, Any]]:
        """Keys and values of all that was not read yet."""
        return [(record.key(), record.value()) for record in self.readRecordsToList()]

    def readKeyValuesToMap(self) -> dict[Any, Any]:
        """The last value of each key, of all that was not read yet."""
        return dict(self.readKeyValuesToList())

    def readRecord(self) -> Record:
        """The next record.

        Raises:
            ServerError: all was read, or nothing was written.
        """
        if self.isEmpty():
            raise ServerError(f"there is nothing to read on the topic {self._name!r}, or nothing more.")
        with python_errors():
            read = self.java.readRecord()
        return Record(
            from_java(read.key()), from_java(read.value()), int(read.timestamp()), read_headers(read.headers())
        )

    def readRecordsToList(self) -> list[Record]:
        """All that was not read yet."""
        found = []
        while not self.isEmpty():
            found.append(self.readRecord())
        return found

    def readValuesToList(self) -> list[Any]:
        """The values of all that was not read yet."""
        return [record.value() for record in self.readRecordsToList()]


class TopologyTestDriver(Closing):
    """Runs a topology in this thread, with no broker.

    Args:
        topology: what to run.
        options: settings, as for ``streams_config``; the folder of the state is a temporary one.
    """

    __test__ = False

    def __init__(self, topology: Any, **options: object) -> None:
        forward_logs()
        self._folder = tempfile.mkdtemp(prefix="topology-")
        config = streams_config(**{"application_id": "test", "state_dir": self._folder, **options})
        self.java: Any = None
        self._failed = False
        try:
            with python_errors():
                self.java = jvm.java_class("org.apache.kafka.streams.TopologyTestDriver")(topology, config)
        finally:
            if self.java is None:
                shutil.rmtree(self._folder, ignore_errors=True)

    def createInputTopic(
        self, name: str, key: Any, value: Any, start: int | datetime | None = None, advance: float | timedelta = 0.0
    ) -> TestInputTopic:
        """The way into a topic.

        Args:
            name: of the topic.
            key: the serde of its keys.
            value: the serde of its values.
            start: the time of its first record, milliseconds since 1970; ``None``: the driver's clock at this moment.
            advance: seconds by which each further record is later.
        """
        self.check_open()
        writers = key.serializer(), value.serializer()
        if start is None and not advance:
            return TestInputTopic(self.java.createInputTopic(name, *writers), self)
        instant = jvm.java_class("java.time.Instant")
        begin = instant.now() if start is None else instant.ofEpochMilli(jpype.JLong(milliseconds(start)))
        return TestInputTopic(self.java.createInputTopic(name, *writers, begin, duration(advance)), self)

    def check_open(self) -> None:
        """Refuse what comes after ``close``.

        Raises:
            ServerError: the driver is closed.
        """
        if self.java is None:
            raise ServerError("this TopologyTestDriver is closed: its topics, its stores and its clock are gone.")

    def createOutputTopic(self, name: str, key: Any, value: Any) -> TestOutputTopic:
        """The way out of a topic, with the serdes of its keys and values."""
        self.check_open()
        return TestOutputTopic(self.java.createOutputTopic(name, key.deserializer(), value.deserializer()), name)

    def advanceWallClockTime(self, seconds: float | timedelta) -> None:
        """Let time pass: what is scheduled by the clock happens."""
        self.check_open()
        with self.errors():
            self.java.advanceWallClockTime(duration(seconds))

    def getStateStore(self, name: str) -> Any:
        """A store, to look into, or to fill."""
        self.check_open()
        with python_errors():
            stores = self.java.getAllStateStores()
            if not stores.containsKey(name):
                known = ", ".join(sorted(map(str, stores.keySet()))) or "none"
                raise ServerError(f"this topology has no store {name!r}; it has: {known}.")
            return wrap(stores.get(name))

    getKeyValueStore = getTimestampedKeyValueStore = getVersionedKeyValueStore = getStateStore
    getWindowStore = getTimestampedWindowStore = getSessionStore = getStateStore

    def getAllStateStores(self) -> dict[str, Any]:
        """All stores by name."""
        self.check_open()
        return {str(name): self.getStateStore(str(name)) for name in self.java.getAllStateStores().keySet()}

    def producedTopicNames(self) -> tuple[str, ...]:
        """The topics that something was written to, those of the engine too."""
        self.check_open()
        return tuple(sorted(map(str, self.java.producedTopicNames())))

    def errors(self) -> python_errors:
        """Around what makes the topology work."""
        return _Noting(self)

    def note_failure(self) -> None:
        """Know that the topology has failed: at the end, it fails again."""
        self._failed = True

    def close(self) -> None:
        """Close the topology and delete its state. A second call does nothing."""
        if self.java is None:
            return
        java, self.java = self.java, None
        try:
            # A processor that has failed fails again when the engine wants to commit; that error is known.
            with suppress(Exception) if self._failed else python_errors():
                java.close()
        finally:
            shutil.rmtree(self._folder, ignore_errors=True)


class _Noting(python_errors):
    """Errors as Python knows them; the driver learns that there was one.

    Args:
        driver: that works.
    """

    def __init__(self, driver: TopologyTestDriver) -> None:
        super().__init__()
        self._driver = driver

    def __exit__(self, kind: object, thrown: BaseException | None, traceback: object) -> None:
        """Raise what it was."""
        if thrown is not None:
            self._driver.note_failure()
        super().__exit__(kind, thrown, traceback)


def _object(value: object) -> Any:
    """A value that Java takes for a key or a value, not for the other overloads of ``pipeInput``."""
    return jpype.JObject(to_java(value), jpype.JClass("java.lang.Object"))
