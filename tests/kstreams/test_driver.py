"""The driver of tests: what goes in, what comes out, what is in the stores."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from modelserving.errors import ServerError
from modelserving.kstreams import Record, TopologyTestDriver, java, text


@pytest.fixture
def driver() -> Iterator[TopologyTestDriver]:
    """A topic that is a table, and goes on to another one."""
    builder = java.StreamsBuilder()
    table = builder.table("in", java.Consumed.with_(text(), text()), java.Materialized.as_("kept"))
    table.toStream().to("out", java.Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build(), statestore_cache_max_bytes=0) as driver:
        yield driver


def test_a_record_goes_in_with_all_that_it_has(driver: TopologyTestDriver) -> None:
    """Alone, or several in a list; what was not read yet is counted."""
    source = driver.createInputTopic("in", text(), text())
    source.pipeInput(Record("k", "v", 5, (("h", b"x"),)))
    source.pipeRecordList([Record("k", "w", 6), Record("l", None, 7)])
    out = driver.createOutputTopic("out", text(), text())
    assert out.getQueueSize() == 3
    first, *others = out.readRecordsToList()
    assert (first.key(), first.value(), first.timestamp(), first.headers()) == ("k", "v", 5, (("h", b"x"),))
    assert [(one.value(), one.timestamp()) for one in others] == [("w", 6), (None, 7)]


def test_times_may_be_those_of_python(driver: TopologyTestDriver) -> None:
    """A ``datetime`` that says its zone, and a ``timedelta``; without a zone nobody knows when that is."""
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    source = driver.createInputTopic("in", text(), text(), begin, timedelta(minutes=1))
    source.pipeValueList([])
    source.pipeKeyValueList([("k", "a"), ("k", "b")])
    source.pipeInput("k", "c", begin)
    times = [one.timestamp() for one in driver.createOutputTopic("out", text(), text()).readRecordsToList()]
    assert [time - times[0] for time in times] == [0, 60_000, 0]
    assert times[0] == begin.timestamp() * 1000
    with pytest.raises(TypeError, match="does not say of which time zone"):
        source.pipeInput("k", "d", datetime(2026, 1, 1))


def test_stores_and_topics_are_there_by_name(driver: TopologyTestDriver) -> None:
    """By the engine's names of these methods, so that its examples can be copied."""
    driver.createInputTopic("in", text(), text()).pipeInput("k", "v")
    assert driver.getKeyValueStore("kept").get("k") == "v"
    assert {name: store.get("k") for name, store in driver.getAllStateStores().items()} == {"kept": "v"}
    assert driver.producedTopicNames() == ("out", "test-kept-changelog")


def test_an_empty_topic_is_named(driver: TopologyTestDriver) -> None:
    """Whether something was written to it before or not."""
    found = driver.createOutputTopic("out", text(), text())
    with pytest.raises(ServerError, match="nothing to read on the topic 'out'"):
        found.readValue()


def test_a_driver_that_is_closed_says_so(driver: TopologyTestDriver) -> None:
    """Whatever is asked of it, and of the ways into its topics."""
    source = driver.createInputTopic("in", text(), text())
    driver.close()
    for ask in (
        lambda: driver.createOutputTopic("out", text(), text()),
        lambda: driver.advanceWallClockTime(1),
        lambda: source.advanceTime(1),
        lambda: source.pipeInput("k", "v"),
    ):
        with pytest.raises(ServerError, match="this TopologyTestDriver is closed"):
            ask()
