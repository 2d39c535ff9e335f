"""Processors in Python, run by the real engine, without a broker."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from modelserving.errors import ServerError
from modelserving.kstreams import (
    FixedKeyProcessor,
    Processor,
    ProcessorContext,
    ProcessorSupplier,
    Record,
    RecordMetadata,
    TopologyTestDriver,
    java,
    raw,
    text,
)

Draw = Callable[..., Any]


class Doubling(Processor):
    """Hands on each value twice."""

    def process(self, record: Record) -> None:
        self.context.forward(record)
        self.context.forward(record.withValue(record.value() * 2), "sink")


def test_a_processor_hands_records_on(one_node: Draw) -> None:
    """Key, time and headers stay; bytes arrive as bytes, to all nodes that come next or to one by name."""
    with TopologyTestDriver(one_node(ProcessorSupplier(Doubling))) as driver:
        driver.createInputTopic("in", raw(), raw()).pipeInput(b"key", b"ab", 7)
        found = driver.createOutputTopic("out", raw(), raw()).readRecordsToList()
    assert [(one.key(), one.value(), one.timestamp()) for one in found] == [(b"key", b"ab", 7), (b"key", b"abab", 7)]


def test_each_task_has_a_processor_of_its_own(one_node: Draw) -> None:
    """The supplier is asked once for each task; init comes before the first record, close at the end."""
    calls: list[str] = []

    class Noting(Processor):
        def init(self, context: ProcessorContext) -> None:
            super().init(context)
            calls.append(f"init {context.taskId()} {context.partition()} {context.applicationId()}")

        def process(self, record: Record) -> None:
            calls.append(f"process {record.value()!r}")

        def close(self) -> None:
            calls.append("close")

    with TopologyTestDriver(one_node(ProcessorSupplier(Noting)), application_id="noting") as driver:
        driver.createInputTopic("in", raw(), raw()).pipeInput(None, None)
    assert calls == ["init 0_0 0 noting", "process None", "close"]


def test_a_python_error_comes_out_as_itself(one_node: Draw) -> None:
    """Not as a Java exception, and with the traceback that leads to the line."""

    class Failing(Processor):
        def process(self, record: Record) -> None:
            raise LookupError(f"no wine called {record.value().decode()}")

    with TopologyTestDriver(one_node(ProcessorSupplier(Failing))) as driver:
        wines = driver.createInputTopic("in", raw(), text())
        with pytest.raises(LookupError, match="no wine called Merlot") as caught:
            wines.pipeInput(None, "Merlot")
    assert traceback.extract_tb(caught.value.__traceback__)[-1].name == "process"
    assert "java" not in str(caught.value).lower()


def test_what_is_no_record_is_not_handed_on(one_node: Draw) -> None:
    """Who forwards a value alone is told how to make a record of it."""

    class Bare(Processor):
        def process(self, record: Record) -> None:
            self.context.forward(record.value())

    with TopologyTestDriver(one_node(ProcessorSupplier(Bare))) as driver:
        wines = driver.createInputTopic("in", raw(), raw())
        with pytest.raises(TypeError, match=r"this is a bytes: record\.withValue"):
            wines.pipeInput(None, b"Merlot")


def test_a_processor_without_process_says_so(one_node: Draw) -> None:
    """Forgetting the only method that matters is told by name."""

    class Nothing(Processor):
        """Nothing."""

    with (
        TopologyTestDriver(one_node(ProcessorSupplier(Nothing))) as driver,
        pytest.raises(NotImplementedError, match="Nothing has no method process"),
    ):
        driver.createInputTopic("in", raw(), raw()).pipeInput(None, b"")


def test_the_context_says_where_a_record_was_read(one_node: Draw) -> None:
    """Topic, partition and offset; nothing while no record is in hand."""
    seen: list[RecordMetadata | None] = []

    class Placing(Processor):
        def init(self, context: ProcessorContext) -> None:
            super().init(context)
            context.schedule(1, lambda _: seen.append(context.recordMetadata()))

        def process(self, record: Record) -> None:
            seen.append(self.context.recordMetadata())

    with TopologyTestDriver(one_node(ProcessorSupplier(Placing))) as driver:
        topic = driver.createInputTopic("in", raw(), raw())
        topic.pipeInput(None, b"one")
        topic.pipeInput(None, b"two")
        driver.advanceWallClockTime(1)
    assert seen[:2] == [RecordMetadata("in", 0, 0), RecordMetadata("in", 0, 1)]
    assert seen[2] is None or seen[2].offset == -1


def test_something_can_be_scheduled_and_ended(one_node: Draw) -> None:
    """By the clock, between records; until it is cancelled."""
    ticks: list[int] = []

    class Ticking(Processor):
        def init(self, context: ProcessorContext) -> None:
            super().init(context)
            self.cancel = context.schedule(10, ticks.append)

        def process(self, record: Record) -> None:
            self.cancel()

    with TopologyTestDriver(one_node(ProcessorSupplier(Ticking))) as driver:
        driver.advanceWallClockTime(10)
        driver.advanceWallClockTime(10)
        driver.createInputTopic("in", raw(), raw()).pipeInput(None, b"stop")
        driver.advanceWallClockTime(10)
    assert len(ticks) == 2
    assert ticks[1] - ticks[0] == 10_000


def test_a_record_does_not_change() -> None:
    """What looks like a change gives another record; any value may be in it."""
    wine = Record("key", {"alcohol": 9.4}, 5, (("from", b"here"),))
    other = wine.withKey(b"other").withTimestamp(6).withHeaders(()).withValue(None)
    assert (wine.key(), wine.value(), wine.timestamp(), wine.headers()) == (
        "key",
        {"alcohol": 9.4},
        5,
        (("from", b"here"),),
    )
    assert (other.key(), other.value(), other.timestamp(), other.headers()) == (b"other", None, 6, ())
    assert repr(other) == "Record(key=b'other', value=None, timestamp=6)"
    found = wine.withHeaders((("from", b"a"), ("from", b"b"))).headers()
    assert (found.lastHeader("from"), found.headers("from"), found.lastHeader("to")) == (b"b", (b"a", b"b"), None)
    with pytest.raises(TypeError, match=r"record\.withHeaders"):
        found.add("to", b"c")


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: Record("k", "v", 1.5), r"whole number of milliseconds since 1970, and this is 1\.5"),  # type: ignore[arg-type]
        (lambda: Record("k", "v", 1, (("from", "here"),)), r"the header 'from' is a str, and has to be bytes"),  # type: ignore[arg-type]
        (lambda: Record("k", "v", 1, {"from": b"here"}), r"headers are pairs of a name and bytes"),  # type: ignore[arg-type]
    ],
)
def test_a_record_says_what_it_does_not_take(make: Callable[[], Record], told: str) -> None:
    """In Python's words, not with a list of Java's overloads."""
    with pytest.raises(TypeError, match=told):
        make()


def test_a_store_that_is_not_there_is_named(one_node: Draw) -> None:
    """By the driver, with those that are; by the context, with what connects one."""

    class Asking(Processor):
        def process(self, record: Record) -> None:
            self.context.getStateStore("conuts")

    with TopologyTestDriver(one_node(ProcessorSupplier(Asking))) as driver:
        with pytest.raises(ServerError, match="no store 'conuts'; it has: none"):
            driver.getStateStore("conuts")
        with pytest.raises(ServerError, match=r"no access to StateStore conuts.*addStateStore"):
            driver.createInputTopic("in", raw(), raw()).pipeInput(None, b"x")


def test_a_schedule_takes_the_engines_order_too(one_node: Draw) -> None:
    """An interval, a kind of clock, a function; ``cancel`` ends it before the tick of the record's own time."""
    ticks: list[int] = []

    class Ticking(Processor):
        def init(self, context: ProcessorContext) -> None:
            super().init(context)
            self.ticking = context.schedule(timedelta(seconds=1), java.PunctuationType.STREAM_TIME, ticks.append)

        def process(self, record: Record) -> None:
            if record.value() == b"stop":
                self.ticking.cancel()

    with TopologyTestDriver(one_node(ProcessorSupplier(Ticking))) as driver:
        source = driver.createInputTopic("in", raw(), raw())
        for second, value in enumerate((b"", b"", b"stop", b"")):
            source.pipeInput(None, value, second * 1000)
    assert ticks == [0, 1000]


def of_values(processor: Callable[[], Processor]) -> list[tuple[str, str]]:
    """What comes out of ``processValues`` for one record."""
    builder = java.StreamsBuilder()
    as_text = java.Consumed.with_(text(), text())
    builder.stream("in", as_text).processValues(processor).to("out", java.Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("in", text(), text()).pipeInput("k", "v")
        return driver.createOutputTopic("out", text(), text()).readKeyValuesToList()


def test_values_are_processed_under_their_key() -> None:
    """Header, time and value may change; nothing has to be repartitioned afterwards."""

    class Shouting(FixedKeyProcessor):
        def process(self, record: Record) -> None:
            self.context.forward(record.withValue(record.value().upper()).withTimestamp(7).withHeaders((("a", b"b"),)))

    assert of_values(Shouting) == [("k", "V")]


@pytest.mark.parametrize(
    ("made", "told"),
    [
        (lambda record: record.withKey("other"), "keeps its key 'k', and cannot get 'other': use process"),
        (lambda record: Record("other", "v", 0), "hands on the record that came"),
    ],
)
def test_a_key_cannot_be_changed_where_it_is_fixed(made: Callable[[Record], Record], told: str) -> None:
    """Neither on the record, nor by another record: it would lie in the wrong partition, without a word."""

    class Changing(FixedKeyProcessor):
        def process(self, record: Record) -> None:
            self.context.forward(made(record))

    with pytest.raises(TypeError, match=told):
        of_values(Changing)
