"""A topology without a broker: records go in, results come out, and the clock is yours.

::

    with TopologyTestDriver(topology, application_id="test") as driver:
        wines = driver.createInputTopic("wine-records", raw(), raw())
        scored = driver.createOutputTopic("wine-scored", raw(), raw())
        wines.pipeInput(None, encode_wine(wine))
        print(scored.readValue())
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import TracebackType
from typing import Any, Self

import jpype

from modelserving import jvm
from modelserving.kstreams.bridge.failures import python_errors
from modelserving.kstreams.bridge.logging import forward_logs
from modelserving.kstreams.bridge.values import duration, from_java, to_java
from modelserving.kstreams.config import streams_config
from modelserving.kstreams.keyvalue import wrap
from modelserving.kstreams.record import Record

__all__ = ["TestInputTopic", "TestOutputTopic", "TopologyTestDriver"]


class TestInputTopic:
    """Where a test puts records."""

    __test__ = False

    def __init__(self, java: Any, driver: TopologyTestDriver) -> None:
        self.java = java
        self._driver = driver

    def pipeInput(self, key: object, value: object, timestamp: int | None = None) -> None:
        """Put one record on the topic; all that follows from it has happened when this returns.

        Args:
            key: of the record.
            value: of the record.
            timestamp: its time, milliseconds since 1970; ``None``: the driver's clock.
        """
        with self._driver.errors():
            if timestamp is None:
                self.java.pipeInput(_object(key), _object(value))
            else:
                self.java.pipeInput(_object(key), _object(value), jpype.JLong(timestamp))


class TestOutputTopic:
    """Where a test finds what came out."""

    __test__ = False

    def __init__(self, java: Any) -> None:
        self.java = java

    def isEmpty(self) -> bool:
        """Whether everything was read."""
        return bool(self.java.isEmpty())

    def readValue(self) -> Any:
        """The value of the next record."""
        return self.readRecord().value()

    def readRecord(self) -> Record:
        """The next record."""
        with python_errors():
            read = self.java.readRecord()
        headers = tuple((str(one.key()), bytes(one.value() or b"")) for one in read.headers())
        return Record(from_java(read.key()), from_java(read.value()), int(read.timestamp()), headers)

    def readRecordsToList(self) -> list[Record]:
        """All that was not read yet."""
        found = []
        while not self.isEmpty():
            found.append(self.readRecord())
        return found

    def readValuesToList(self) -> list[Any]:
        """The values of all that was not read yet."""
        return [record.value() for record in self.readRecordsToList()]


class TopologyTestDriver:
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

    def createInputTopic(self, name: str, key: Any, value: Any) -> TestInputTopic:
        """The way into a topic, with the serdes of its keys and values."""
        return TestInputTopic(self.java.createInputTopic(name, key.serializer(), value.serializer()), self)

    def createOutputTopic(self, name: str, key: Any, value: Any) -> TestOutputTopic:
        """The way out of a topic, with the serdes of its keys and values."""
        return TestOutputTopic(self.java.createOutputTopic(name, key.deserializer(), value.deserializer()))

    def advanceWallClockTime(self, seconds: float) -> None:
        """Let time pass: what is scheduled by the clock happens."""
        with self.errors():
            self.java.advanceWallClockTime(duration(seconds))

    def getStateStore(self, name: str) -> Any:
        """A store, to look into, or to fill."""
        with python_errors():
            return wrap(self.java.getAllStateStores().get(name))

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Around what makes the topology work."""
        try:
            with python_errors():
                yield
        except BaseException:
            self._failed = True
            raise

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

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _object(value: object) -> Any:
    """A value that Java takes for a key or a value, not for the other overloads of ``pipeInput``."""
    return jpype.JObject(to_java(value), jpype.JClass("java.lang.Object"))
