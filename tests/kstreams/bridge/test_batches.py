"""Processors of batches: the same results as record by record, and nothing left aside at a commit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar
from unittest.mock import Mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelserving.kstreams import (
    Processor,
    ProcessorSupplier,
    Record,
    StateStore,
    StoreBuilder,
    TopologyTestDriver,
    java,
    raw,
)
from modelserving.kstreams.bridge import batches
from modelserving.kstreams.bridge.batches import BatchContext, BatchProcessor, BatchProcessorSupplier
from modelserving.kstreams.bridge.collector import Columns
from tests.kstreams.test_processor import Doubling

Draw = Callable[..., Any]


class Upper(BatchProcessor):
    """Hands on values in capitals, and leaves out such as are empty."""

    batches: ClassVar[list[Columns]] = []

    def process_batch(self, batch: Columns) -> None:
        self.batches.append(batch)
        rows = [row for row, value in enumerate(batch.values) if value]
        self.context.forward_values(rows, [(batch.values[row] or b"").upper() for row in rows], "sink")


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    """Each test begins anew."""
    Upper.batches = []


def test_a_batch_has_all_that_its_records_have(one_node: Draw) -> None:
    """Offsets, times, keys and values, also those that are not there; an answer keeps key, time and headers."""
    with TopologyTestDriver(one_node(BatchProcessorSupplier("aside", Upper))) as driver:
        topic = driver.createInputTopic("in", raw(), raw())
        for key, value, time in ((b"k", b"red", 5), (None, None, 6), (b"", b"", 7), (None, b"white", 8)):
            topic.pipeInput(key, value, time)
        found = driver.createOutputTopic("out", raw(), raw()).readRecordsToList()
    rows = [row for b in Upper.batches for row in zip(b.offsets, b.timestamps, b.keys, b.values, strict=True)]
    assert rows == [(0, 5, b"k", b"red"), (1, 6, None, None), (2, 7, b"", b""), (3, 8, None, b"white")]
    assert [(one.key(), one.value(), one.timestamp()) for one in found] == [(b"k", b"RED", 5), (None, b"WHITE", 8)]


def test_what_is_aside_is_worked_on_before_a_commit(one_node: Draw) -> None:
    """The driver commits after each record: so each has its answer, however long it could have waited."""
    topology = one_node(BatchProcessorSupplier("aside", lambda: Upper(max_records=1000, linger=3600)))
    with TopologyTestDriver(topology) as driver:
        topic = driver.createInputTopic("in", raw(), raw())
        answers = driver.createOutputTopic("out", raw(), raw())
        for value in (b"red", b"white"):
            topic.pipeInput(None, value)
            assert answers.readValuesToList() == [value.upper()]


def test_a_batch_is_as_large_as_it_may_be() -> None:
    """Two hundred records that one record leads to are worked on in batches of at most fifty."""

    class Many(Processor):
        def process(self, record: Record) -> None:
            for number in range(200):
                self.context.forward(record.withValue(b"%d" % number))

    topology = java.Topology()
    topology.addSource("source", "in")
    topology.addProcessor("many", ProcessorSupplier(Many), "source")
    topology.addProcessor("work", BatchProcessorSupplier("aside", lambda: Upper(max_records=50)), "many")
    topology.addSink("sink", "out", "work")
    with TopologyTestDriver(topology) as driver:
        driver.createInputTopic("in", raw(), raw()).pipeInput(None, b"go")
        found = driver.createOutputTopic("out", raw(), raw()).readValuesToList()
    assert found == [b"%d" % number for number in range(200)]
    assert [len(batch.values) for batch in Upper.batches] == [50, 50, 50, 50]


class Noting(BatchProcessor):
    """Notes what it is called for."""

    def __init__(self, calls: list[str], max_records: int = 1000) -> None:
        super().__init__(max_records)
        self._calls = calls

    def process_batch(self, batch: Columns) -> None:
        self._calls.append("work")

    def before_commit(self) -> None:
        self._calls.append("before commit")

    def after_commit(self) -> None:
        self._calls.append("after commit")

    def close(self) -> None:
        self._calls.append("close")


def test_the_hooks_come_in_their_order(one_node: Draw) -> None:
    """Work, then what belongs to the commit; that it has succeeded is told before anything else is worked on."""
    calls: list[str] = []

    class NotingAll(Noting):
        def init(self, context: BatchContext) -> None:
            super().init(context)
            calls.append("init")

        def process_batch(self, batch: Columns) -> None:
            calls.append(f"work {batch.offsets}")

    with TopologyTestDriver(one_node(BatchProcessorSupplier("aside", lambda: NotingAll(calls)))) as driver:
        topic = driver.createInputTopic("in", raw(), raw())
        topic.pipeInput(None, b"a")
        topic.pipeInput(None, b"b")
    assert calls[:6] == ["init", "work [0]", "before commit", "after commit", "work [1]", "before commit"]
    assert "close" in calls


def test_a_batch_that_fails_is_not_committed(one_node: Draw) -> None:
    """The Python error comes out, and what is aside stays aside: each further commit fails, too."""
    failures: list[list[int]] = []

    class Failing(BatchProcessor):
        def process_batch(self, batch: Columns) -> None:
            failures.append(batch.offsets)
            raise ValueError("not today")

    with (
        TopologyTestDriver(one_node(BatchProcessorSupplier("aside", Failing))) as driver,
        pytest.raises(ValueError, match="not today"),
    ):
        driver.createInputTopic("in", raw(), raw()).pipeInput(None, b"a")
    assert set(map(tuple, failures)) == {(0,)}


def test_an_error_before_there_is_anything_to_collect_with_is_itself(
    one_node: Draw, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What lets go of the engine then needs nothing that was not made."""
    monkeypatch.setattr(batches, "Collector", Mock(side_effect=LookupError("no room")))
    topology = one_node(BatchProcessorSupplier("aside", Upper))
    with pytest.raises(LookupError, match="no room"):
        TopologyTestDriver(topology)


def test_a_commit_that_fails_is_not_told_as_one_that_succeeded(one_node: Draw) -> None:
    """The task is closed then, and closed only: what it has worked on was not committed, and is worked on again."""
    calls: list[str] = []

    class Refusing(StateStore):
        def before_commit(self) -> None:
            if len(calls) > 3:
                raise OSError("no commit today")

    supplier = BatchProcessorSupplier("aside", lambda: Noting(calls, max_records=1), StoreBuilder("refusing", Refusing))
    topology = one_node(supplier)
    with TopologyTestDriver(topology) as driver:
        topic = driver.createInputTopic("in", raw(), raw())
        topic.pipeInput(None, b"a")
        with pytest.raises(OSError, match="no commit today"):
            topic.pipeInput(None, b"b")
    assert calls[:6] == ["work", "before commit", "after commit", "work", "before commit", "close"]
    assert calls.count("after commit") == 1


@settings(max_examples=15, deadline=None)
@given(st.lists(st.tuples(st.none() | st.binary(max_size=9), st.none() | st.binary(max_size=300)), max_size=30))
def test_any_bytes_come_through(messages: list[tuple[bytes | None, bytes | None]]) -> None:
    """Keys and values of any length, and such as are not there."""

    class Echo(BatchProcessor):
        def process_batch(self, batch: Columns) -> None:
            assert batch.keys == [key for key, _ in messages][slice(batch.offsets[0], batch.offsets[-1] + 1)]
            values = [b"-" if value is None else b"=" + value for value in batch.values]
            self.context.forward_values(range(len(values)), values, "sink")

    topology = java.Topology()
    topology.addSource("source", "in")
    topology.addProcessor("work", BatchProcessorSupplier("aside", Echo), "source")
    topology.addSink("sink", "out", "work")
    with TopologyTestDriver(topology) as driver:
        topic = driver.createInputTopic("in", raw(), raw())
        for key, value in messages:
            topic.pipeInput(key, value)
        found = driver.createOutputTopic("out", raw(), raw()).readRecordsToList()
    assert [(one.key(), one.value()) for one in found] == [
        (key, b"-" if value is None else b"=" + value) for key, value in messages
    ]


def test_a_topology_may_have_both_kinds(one_node: Draw) -> None:
    """The batch store is seen in the description, and the other kind has none."""
    assert "aside" in str(one_node(BatchProcessorSupplier("aside", Upper)).describe())
    assert "aside" not in str(one_node(ProcessorSupplier(Doubling)).describe())
