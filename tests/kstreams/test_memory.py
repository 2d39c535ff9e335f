"""What has run is freed: objects of Python and Java that held each other let go when a task ends."""

from __future__ import annotations

import gc
import secrets
import weakref
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from modelserving.errors import ServerError
from modelserving.jvm import java_class
from modelserving.kafka import Connection, make_producer
from modelserving.kstreams import (
    KafkaStreams,
    Processor,
    ProcessorContext,
    ProcessorSupplier,
    Record,
    State,
    StateStore,
    StoreBuilder,
    TopologyTestDriver,
    java,
    raw,
    streams_config,
    text,
)
from modelserving.kstreams.bridge.batches import BatchContext, BatchProcessor, BatchProcessorSupplier
from modelserving.kstreams.bridge.clients import passing_over
from modelserving.kstreams.bridge.collector import Columns
from modelserving.kstreams.bridge.proxies import Ended
from modelserving.kstreams.bridge.threads import _here
from modelserving.kstreams.context import Cancellable
from modelserving.records import Topics
from tests.waiting import wait_until

_known: list[weakref.ref[Any]] = []


class Remembering(StateStore):
    """Holds something."""

    def open(self) -> None:
        self.values = [0] * 10_000

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Nothing to take over."""


class Working(Processor):
    """Uses the store."""

    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self.store: Remembering = context.getStateStore("store")
        _known.extend((weakref.ref(self), weakref.ref(self.store)))

    def process(self, record: Record) -> None:
        self.store.values[0] += 1
        self.context.forward(record)


def topology(source: str, sink: str) -> Any:
    made = java.Topology()
    made.addSource("in", source)
    made.addProcessor("work", ProcessorSupplier(Working, StoreBuilder("store", Remembering, logging=False)), "in")
    made.addSink("out", sink, "work")
    return made


def noted(at_least: int) -> bool:
    """Whether so many were noted."""
    return len(_known) >= at_least


def all_gone() -> bool:
    """Whether all that was noted is freed; both sides are asked to look."""
    gc.collect()
    java_class("java.lang.System").gc()
    return not any(one() is not None for one in _known)


def test_what_a_driver_ran_is_freed() -> None:
    """Processors and stores of topologies that were tried, for example by a cell that is run again and again."""
    _known.clear()
    for _ in range(5):
        with TopologyTestDriver(topology("in", "out")) as driver:
            driver.createInputTopic("in", raw(), raw()).pipeInput(None, b"x")
    assert len(_known) == 10
    wait_until(all_gone, "all to be freed")


@pytest.mark.broker
def test_what_an_application_ran_is_freed(connection: Connection, topics: Topics, tmp_path: Path) -> None:
    """The application itself, too, with its listeners."""
    _known.clear()
    with make_producer(connection) as producer:
        producer.send(topics.records, value=b"x")
    for number in range(2):
        name = secrets.token_hex(4)
        config = streams_config(connection, application_id=name, state_dir=tmp_path / str(number))
        clients = passing_over(lambda *_: 0)
        with KafkaStreams(topology(topics.records, topics.scored), config, clients=clients) as streams:
            streams.wait_for(State.RUNNING)
            _known.append(weakref.ref(streams))
            wait_until(partial(noted, 3 * number + 3), "the task")
        del streams
    wait_until(all_gone, "all to be freed")


class Holding(Processor):
    """Keeps all that a context can give: a store of the engine, a walk through it, and what ends a schedule."""

    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self.store = context.getStateStore("counts")
        self.scheduled: Cancellable = context.schedule(10, lambda _: self.scheduled.cancel())
        _known.append(weakref.ref(self))

    def process(self, record: Record) -> None:
        self.last = record
        self.store.put(b"a", record.value())
        self.walk = self.store.all()
        next(self.walk)


class Batching(BatchProcessor):
    """Works on batches."""

    def init(self, context: BatchContext) -> None:
        super().init(context)
        _known.append(weakref.ref(self))

    def process_batch(self, batch: Columns) -> None:
        self.context.forward_values(range(len(batch.values)), [value or b"" for value in batch.values], "sink")


def holding() -> Any:
    builder = java.Stores.keyValueStoreBuilder(java.Stores.inMemoryKeyValueStore("counts"), raw(), raw())
    return ProcessorSupplier(Holding, builder)


@pytest.mark.parametrize("supplier", [holding, lambda: BatchProcessorSupplier("aside", Batching)])
def test_what_a_processor_keeps_of_the_engine_is_let_go_of(supplier: Any, one_node: Any) -> None:
    """Stores, iterators, schedules, records, batches: none of them keeps a processor alive whose task has ended."""
    _known.clear()
    for _ in range(5):
        with TopologyTestDriver(one_node(supplier())) as driver:
            driver.createInputTopic("in", raw(), raw()).pipeInput(b"k", b"v")
    assert len(_known) == 5
    wait_until(all_gone, "all to be freed")


def test_what_has_ended_says_so(one_node: Any) -> None:
    """Who keeps a store longer than its task is told, and does not read what may be anywhere by now."""
    kept: list[Any] = []

    class Keeping(Holding):
        def init(self, context: ProcessorContext) -> None:
            super().init(context)
            kept.append(self.store)

    builder = java.Stores.keyValueStoreBuilder(java.Stores.inMemoryKeyValueStore("counts"), raw(), raw())
    with TopologyTestDriver(one_node(ProcessorSupplier(Keeping, builder))):
        pass
    with pytest.raises(ServerError, match="the task that this belongs to has ended: get"):
        kept[0].get(b"a")


def test_what_is_asked_for_again_and_again_is_kept_once(one_node: Any) -> None:
    """A store that is asked for at each record, and schedules for one record each, do not pile up while a task runs."""
    seen: list[int] = []

    class Asking(Processor):
        def process(self, record: Record) -> None:
            store = self.context.getStateStore("counts")
            store.put(b"a", record.value())
            self.context.schedule(10, lambda _: None).cancel()
            seen.append(id(store))
            assert not self.context._scheduled

    builder = java.Stores.keyValueStoreBuilder(java.Stores.inMemoryKeyValueStore("counts"), raw(), raw())
    with TopologyTestDriver(one_node(ProcessorSupplier(Asking, builder))) as driver:
        driver.createInputTopic("in", raw(), raw()).pipeValueList([b"x"] * 3)
    assert seen == [seen[0]] * 3


_begun: list[tuple[Any, int]] = []


def fail(context: Any) -> None:
    """Note what was begun, and on which thread how often attached; and begin nothing."""
    _begun.append((context, _here.count))
    raise LookupError("no way to begin")


class NoProcessor(Processor):
    """Cannot begin."""

    def init(self, context: ProcessorContext) -> None:
        fail(context)


class NoBatches(BatchProcessor):
    """Cannot begin."""

    def init(self, context: BatchContext) -> None:
        fail(context)


class NoStore(StateStore):
    """Cannot begin."""

    def open(self) -> None:
        fail(self.context)


@pytest.mark.parametrize(
    ("supplier", "stores"),
    [
        (lambda: ProcessorSupplier(NoProcessor), ()),
        (lambda: BatchProcessorSupplier("aside", NoBatches), ()),
        (lambda: ProcessorSupplier(Working), (lambda: StoreBuilder("store", NoStore, logging=False),)),
    ],
)
def test_what_cannot_begin_is_let_go_of(supplier: Any, stores: tuple[Any, ...], one_node: Any) -> None:
    """The engine closes nothing whose beginning failed: a server that waits for its models tries for a long time."""
    _begun.clear()
    with pytest.raises(LookupError, match="no way to begin"):
        TopologyTestDriver(one_node(supplier(), *(make() for make in stores)))
    ((context, attached),) = _begun
    assert _here.count == attached - 1
    assert isinstance(context.java, Ended)


@pytest.mark.slow
def test_fifty_starts_and_closes_leave_memory_as_it_was() -> None:
    """Of Java's heap, and of the process: a cell that is run again and again costs nothing in the end."""

    def run() -> None:
        builder = java.StreamsBuilder()
        texts = java.Consumed.with_(text(), text())
        builder.stream("in", texts).mapValues(lambda value: value.upper()).groupByKey().count()
        options = {"processing_exception_handler": lambda *_: True}
        with TopologyTestDriver(builder.build(), **options) as driver:
            driver.createInputTopic("in", text(), text()).pipeInput("k", "v")
        with TopologyTestDriver(topology("in", "out")) as driver:
            driver.createInputTopic("in", raw(), raw()).pipeInput(None, b"x")

    for _ in range(10):
        run()
    grown: list[tuple[float, float]] = []
    while len(grown) < 4 and not any(heap < 2 and whole < 40 for heap, whole in grown):
        before = used()
        for _ in range(50):
            run()
        after = used()
        grown.append((after[0] - before[0], after[1] - before[1]))
    # what leaks grows each time; what other tests and Java itself do beside it does not
    assert any(heap < 2 and whole < 40 for heap, whole in grown), f"megabytes of heap and process per 50: {grown}"


def used() -> tuple[float, float]:
    """Megabytes of Java's heap that are in use, and of the process; after both sides have looked for what can go."""
    for _ in range(3):
        gc.collect()
        java_class("java.lang.System").gc()
    runtime = java_class("java.lang.Runtime").getRuntime()
    return (runtime.totalMemory() - runtime.freeMemory()) / 1e6, psutil.Process().memory_info().rss / 1e6
