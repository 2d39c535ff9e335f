"""State stores: the engine's, and such as are written in Python."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import jpype
import pytest

from modelserving.kstreams import (
    KeyValueStore,
    Processor,
    ProcessorContext,
    ProcessorSupplier,
    Record,
    StateStore,
    StoreBuilder,
    TopologyTestDriver,
    integer,
    java,
    raw,
    serde,
    stores_of,
    text,
)
from modelserving.kstreams.bridge.failures import python_errors
from modelserving.kstreams.bridge.proxies import implement_with
from modelserving.kstreams.bridge.values import from_java
from modelserving.kstreams.store import _OpenStore

Draw = Callable[..., Any]

_PROVIDER = "org.apache.kafka.streams.state.internals.StateStoreProvider"


class Counts(StateStore):
    """How often each value came."""

    def open(self) -> None:
        self.counts: dict[bytes, int] = {}

    def restore(self, key: bytes, value: bytes | None) -> None:
        self.counts[key] = int(value or 0)

    def count(self, key: bytes) -> None:
        self.counts[key] = self.counts.get(key, 0) + 1
        self.log(key, str(self.counts[key]).encode())

    def view(self) -> dict[bytes, int]:
        return dict(self.counts)


class Counting(Processor):
    """Counts values in the store ``counts``."""

    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self.store: Counts = context.getStateStore("counts")

    def process(self, record: Record) -> None:
        self.store.count(record.value())


def test_a_store_in_python_comes_to_its_processor_as_itself(one_node: Draw) -> None:
    """The engine holds it, and hands it out as the Python object that it is."""
    topology = one_node(ProcessorSupplier(Counting), StoreBuilder("counts", Counts))
    with TopologyTestDriver(topology) as driver:
        topic = driver.createInputTopic("in", raw(), raw())
        for value in (b"red", b"white", b"red"):
            topic.pipeInput(None, value)
        store = driver.getStateStore("counts")
        assert isinstance(store, Counts)
        assert store.counts == {b"red": 2, b"white": 1}


def test_its_changes_go_to_its_changelog(one_node: Draw) -> None:
    """Each entry that it logs is a record of the changelog topic; without logging there is none."""
    for logging, expected in ((True, [b"1", b"2"]), (False, [])):
        topology = one_node(ProcessorSupplier(Counting), StoreBuilder("counts", Counts, logging=logging))
        with TopologyTestDriver(topology, application_id="app") as driver:
            topic = driver.createInputTopic("in", raw(), raw())
            topic.pipeInput(None, b"red")
            topic.pipeInput(None, b"red")
            log = driver.createOutputTopic("app-counts-changelog", raw(), raw())
            assert log.readValuesToList() == expected


def test_before_each_commit_it_is_asked_for_what_belongs_to_it(one_node: Draw) -> None:
    """A store that holds something back logs it then; afterwards it hears that the commit has happened."""
    calls: list[str] = []

    class Late(Counts):
        def before_commit(self) -> None:
            calls.append(f"before {sum(self.counts.values())}")

        def close(self) -> None:
            calls.append("close")

    with TopologyTestDriver(one_node(ProcessorSupplier(Counting), StoreBuilder("counts", Late))) as driver:
        driver.createInputTopic("in", raw(), raw()).pipeInput(None, b"red")
        assert calls == ["before 1"]
    assert calls[-1] == "close"


def ask(driver: TopologyTestDriver, kind: type[StateStore]) -> Any:
    """What a query gets of the only store there is, as the engine makes it."""
    found = java.ArrayList(driver.java.getAllStateStores().values())
    holder = SimpleNamespace(stores=lambda *_: found)
    provider = implement_with(holder, _PROVIDER, comes_back=True)
    with python_errors():
        kind_of_store = jpype.JObject(stores_of(kind), "org.apache.kafka.streams.state.QueryableStoreType")
        return from_java(kind_of_store.create(provider, "counts"))


def test_a_query_gets_a_view_and_cannot_change_the_store(one_node: Draw) -> None:
    """What the store shows, one for each task; whatever is done with it, the store goes on with what it has counted."""
    topology = one_node(ProcessorSupplier(Counting), StoreBuilder("counts", Counts))
    with TopologyTestDriver(topology) as driver:
        topic = driver.createInputTopic("in", raw(), raw())
        topic.pipeInput(None, b"red")
        (view,) = ask(driver, Counts)
        assert view == {b"red": 1}
        assert not isinstance(view, StateStore)
        view[b"red"] = 100
        topic.pipeInput(None, b"red")
        assert ask(driver, Counts) == [{b"red": 2}]


def test_a_store_that_shows_nothing_says_so(one_node: Draw) -> None:
    """A query never gets the store itself; the error says which class needs what."""

    class Hidden(Counts):
        view = StateStore.view  # type: ignore[assignment]

    with (
        TopologyTestDriver(one_node(ProcessorSupplier(Counting), StoreBuilder("counts", Hidden))) as driver,
        pytest.raises(NotImplementedError, match=r"Hidden has no method view\(self\).*'counts'"),
    ):
        ask(driver, Hidden)


def test_the_supplier_can_bring_the_stores_of_its_processor(one_node: Draw) -> None:
    """They are added to the topology and connected with it."""
    with TopologyTestDriver(one_node(ProcessorSupplier(Counting, StoreBuilder("counts", Counts)))) as driver:
        driver.createInputTopic("in", raw(), raw()).pipeInput(None, b"red")
        assert driver.getStateStore("counts").counts == {b"red": 1}


class Summing(Processor):
    """Adds up lengths by key, which the default serde gives as bytes, in the engine's store ``sums``."""

    def init(self, context: ProcessorContext) -> None:
        super().init(context)
        self.store: KeyValueStore = context.getStateStore("sums")

    def process(self, record: Record) -> None:
        key = record.key().decode()
        if record.value() is None:
            self.store.delete(key)
        else:
            self.store.put(key, (self.store.get(key) or 0) + len(record.value()))


def test_the_engines_stores_take_and_give_values_of_python(one_node: Draw) -> None:
    """Put, get, delete, all and range; an entry that is not there is ``None``."""
    builder = java.Stores.keyValueStoreBuilder(java.Stores.persistentKeyValueStore("sums"), text(), integer())
    with TopologyTestDriver(one_node(ProcessorSupplier(Summing), builder)) as driver:
        topic = driver.createInputTopic("in", text(), raw())
        for key, value in (("a", b"12"), ("b", b"1"), ("a", b"345"), ("c", b"7"), ("c", None)):
            topic.pipeInput(key, value)
        store = driver.getStateStore("sums")
        assert isinstance(store, KeyValueStore)
        assert (store.get("a"), store.get("c")) == (5, None)
        assert list(store.all()) == [("a", 5), ("b", 1)]
        assert list(store.range("b", "z")) == [("b", 1)]
        assert store.approximateNumEntries() >= 2


def test_an_error_of_a_stores_serde_is_that_error(one_node: Draw) -> None:
    """It goes from Python through the store, the processor and the engine, and comes out as what it was."""

    def refuse(length: int) -> bytes:
        raise OverflowError(f"{length} is too long")

    lengths = serde(refuse, int)
    builder = java.Stores.keyValueStoreBuilder(java.Stores.persistentKeyValueStore("sums"), text(), lengths)
    with TopologyTestDriver(one_node(ProcessorSupplier(Summing), builder)) as driver:
        topic = driver.createInputTopic("in", text(), raw())
        with pytest.raises(OverflowError, match="4 is too long"):
            topic.pipeInput("a", b"1234")


def test_a_global_store_is_there_for_every_processor() -> None:
    """What is on its topic can be looked up, without being connected."""

    class Naming(Processor):
        def process(self, record: Record) -> None:
            self.context.forward(record.withValue(self.context.getStateStore("names").get(record.value())))

    class Keeping(Processor):
        def process(self, record: Record) -> None:
            self.context.getStateStore("names").put(record.key(), record.value())

    topology = java.Topology()
    names = java.Stores.keyValueStoreBuilder(
        java.Stores.inMemoryKeyValueStore("names"), text(), text()
    ).withLoggingDisabled()
    reader = text().deserializer()
    topology.addGlobalStore(
        names.withLoggingDisabled(), "names-source", reader, reader, "names-topic", "keep", ProcessorSupplier(Keeping)
    )
    topology.addSource("source", reader, reader, "in")
    topology.addProcessor("name", ProcessorSupplier(Naming), "source")
    topology.addSink("sink", "out", text().serializer(), text().serializer(), "name")
    with TopologyTestDriver(topology) as driver:
        driver.createInputTopic("names-topic", text(), text()).pipeInput("5", "fair")
        driver.createInputTopic("in", text(), text()).pipeInput(None, "5")
        assert driver.createOutputTopic("out", text(), text()).readValue() == "fair"


def test_what_was_opened_and_not_registered_is_closed() -> None:
    """No ``close`` of the engine comes then."""
    calls: list[str] = []

    class Opened(Counts):
        def close(self) -> None:
            calls.append("close")

    store = _OpenStore(Opened("counts"))
    context = Mock()
    context.register.side_effect = LookupError("it is there already")
    with pytest.raises(LookupError, match="it is there already"):
        store.init(context, None)
    store.close()
    assert (calls, store.isOpen()) == (["close"], False)


class Late(Counts):
    """It opens when somebody awaits that, and nobody does."""

    async def open(self) -> None:  # type: ignore[override]
        self.counts = {}


class Texts(Counts):
    """It means to log texts."""

    def count(self, key: bytes) -> None:
        self.log(key.decode(), None)  # type: ignore[arg-type]


class Nameless(Counts):
    """It logs a change of nothing."""

    def count(self, key: bytes) -> None:
        self.log(None, key)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "told"),
    [
        (Late, r"Late\.open has `async def`"),
        (Texts, "'counts' takes bytes, and this key is a str"),
        (Nameless, "this key is a NoneType"),
    ],
)
def test_a_store_that_would_keep_nothing_says_so(one_node: Draw, kind: type[Counts], told: str) -> None:
    """A changelog without a key is refused by the broker, a minute later."""

    def run() -> None:
        with TopologyTestDriver(one_node(ProcessorSupplier(Counting, StoreBuilder("counts", kind)))) as driver:
            driver.createInputTopic("in", raw(), raw()).pipeInput(None, b"a")

    with pytest.raises(TypeError, match=told):
        run()
