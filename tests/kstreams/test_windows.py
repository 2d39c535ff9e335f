"""The engine's other stores from a processor in Python: windows, sessions, versions, and values with their time."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from modelserving.errors import ServerError
from modelserving.kstreams import (
    Processor,
    ProcessorContext,
    ProcessorSupplier,
    Record,
    StateStore,
    StoreBuilder,
    TopologyTestDriver,
    ValueAndTimestamp,
    java,
    raw,
    serde,
    text,
)

JSON = serde(lambda value: json.dumps(value).encode(), json.loads)
DAY_MS = 86_400_000


def seen_by(builder: Any, work: Callable[[Any, Record], object], *values: str) -> list[object]:
    """What a processor with a store makes of values, a second apart."""
    seen: list[object] = []

    class Working(Processor):
        def init(self, context: ProcessorContext) -> None:
            super().init(context)
            self.store = context.getStateStore("store")

        def process(self, record: Record) -> None:
            seen.append(work(self.store, record))

    topology = java.Topology()
    topology.addSource("in", text().deserializer(), text().deserializer(), "in")
    topology.addProcessor("work", ProcessorSupplier(Working, builder), "in")
    with TopologyTestDriver(topology) as driver:
        driver.createInputTopic("in", text(), text(), start=0, advance=1.0).pipeValueList(values)
    return seen


def test_a_window_store_takes_and_gives_pythons_values() -> None:
    """A dictionary goes in and comes out; the key is a text of Python's, and so JSON takes it."""
    kept = java.Stores.inMemoryWindowStore("store", java.Duration.ofDays(1), java.Duration.ofSeconds(10), False)
    builder = java.Stores.windowStoreBuilder(kept, text(), JSON)

    def work(store: Any, record: Record) -> object:
        store.put("k", {"value": record.value()}, record.timestamp())
        everything = [(key.key(), key.window().start(), value) for key, value in store.all()]
        return json.loads(json.dumps([store.fetch("k", 0), list(store.fetch("k", 0, DAY_MS)), everything]))

    first, second = seen_by(builder, work, "a", "b")
    one, other = {"value": "a"}, {"value": "b"}
    assert first == [one, [[0, one]], [["k", 0, one]]]
    assert second == [one, [[0, one], [1000, other]], [["k", 0, one], ["k", 1000, other]]]


def test_a_session_store_is_found_by_time() -> None:
    """Put under its window, found by its key."""
    builder = java.Stores.sessionStoreBuilder(
        java.Stores.inMemorySessionStore("store", java.Duration.ofDays(1)), text(), JSON
    )

    def work(store: Any, record: Record) -> object:
        session = java.Windowed("k", java.SessionWindow(record.timestamp(), record.timestamp() + 500))
        store.put(session, [record.value()])
        found = [(key.window().start(), key.window().end(), value) for key, value in store.findSessions("k", 0, DAY_MS)]
        assert store.fetchSession("k", record.timestamp(), record.timestamp() + 500) == [record.value()]
        assert store.fetchSession("k", 1, 2) is None
        store.remove(session)
        return found, list(store.fetch("k"))

    assert seen_by(builder, work, "a", "b") == [([(0, 500, ["a"])], []), ([(1000, 1500, ["b"])], [])]


@pytest.mark.parametrize("key", ["k", b"\xfe"], ids=["text", "bytes"])
def test_the_key_of_a_session_is_of_any_type(key: str | bytes) -> None:
    """Bytes stay bytes, and do not become a text on the way."""
    keys = text() if isinstance(key, str) else raw()
    builder = java.Stores.sessionStoreBuilder(
        java.Stores.inMemorySessionStore("store", java.Duration.ofDays(1)), keys, raw()
    )

    def work(store: Any, _record: Record) -> object:
        store.put(java.Windowed(key, java.SessionWindow(0, 5)), b"\xff")
        return [(found.key(), value) for found, value in store.fetch(key)]

    assert seen_by(builder, work, "a") == [[(key, b"\xff")]]


def test_a_versioned_store_knows_what_held_when() -> None:
    """The value that holds now, and the one that held then."""
    kept = java.Stores.persistentVersionedKeyValueStore("store", java.Duration.ofDays(1))
    builder = java.Stores.versionedKeyValueStoreBuilder(kept, text(), JSON)

    def work(store: Any, record: Record) -> object:
        store.put("k", record.value(), record.timestamp())
        return store.get("k"), store.get("k", 0)

    first, second = ValueAndTimestamp("a", 0), ValueAndTimestamp("b", 1000)
    assert seen_by(builder, work, "a", "b") == [(first, first), (second, first)]


def test_a_timestamped_store_keeps_the_time_beside_the_value() -> None:
    """``get`` gives what ``put`` was given; the time can be set, and read."""
    kept = java.Stores.inMemoryKeyValueStore("store")
    builder = java.Stores.timestampedKeyValueStoreBuilder(kept, text(), JSON)

    def work(store: Any, record: Record) -> object:
        store.put("now", record.value())
        store.put("then", record.value(), 7)
        store.put("again", store.getWithTimestamp("then"))
        return store.get("now"), store.getWithTimestamp("now"), store.getWithTimestamp("again")

    assert seen_by(builder, work, "a", "b") == [
        ("a", ValueAndTimestamp("a", 0), ValueAndTimestamp("a", 7)),
        ("b", ValueAndTimestamp("b", 1000), ValueAndTimestamp("b", 7)),
    ]


def test_windows_with_times_take_plain_values_too() -> None:
    """``fetch`` gives what ``put`` was given; the time beside it is that of the record, or the one that is said."""
    kept = java.Stores.inMemoryWindowStore("store", java.Duration.ofDays(1), java.Duration.ofSeconds(10), False)
    builder = java.Stores.timestampedWindowStoreBuilder(kept, text(), JSON)

    def work(store: Any, record: Record) -> object:
        store.put("k", {"value": record.value()}, record.timestamp())
        store.put("said", ValueAndTimestamp(1, 7), 0)
        store.put("gone", None, 0)
        times = [int(store.java.fetch(key, 0).timestamp()) for key in ("k", "said")]
        return store.fetch("k", record.timestamp()), times, store.fetch("gone", 0)

    one, other = {"value": "a"}, {"value": "b"}
    assert seen_by(builder, work, "a", "b") == [(one, [0, 7], None), (other, [0, 7], None)]


def test_windows_are_read_backwards_too() -> None:
    """The last one first: of a key, of a time, and all."""
    kept = java.Stores.inMemoryWindowStore("store", java.Duration.ofDays(1), java.Duration.ofSeconds(10), False)
    builder = java.Stores.windowStoreBuilder(kept, text(), JSON)

    def work(store: Any, _record: Record) -> object:
        for start in (0, 1000, 2000):
            store.put("k", start, start)
        everywhere = store.backwardAll(), store.backwardFetchAll(0, 1000)
        return list(store.backwardFetch("k", 1000, DAY_MS)), *([value for _, value in found] for found in everywhere)

    assert seen_by(builder, work, "a") == [([(2000, 2000), (1000, 1000)], [2000, 1000, 0], [1000, 0])]


def test_the_times_of_values_may_be_pythons() -> None:
    """A ``datetime`` that says its zone; a number with a fraction is no time."""
    nine = datetime(1970, 1, 1, 0, 0, 9, tzinfo=UTC)
    kept = java.Stores.inMemoryKeyValueStore("store")
    builder = java.Stores.timestampedKeyValueStoreBuilder(kept, text(), JSON)

    def work(store: Any, _record: Record) -> object:
        store.put("k", 1, nine)
        with pytest.raises(TypeError, match="a timestamp is a whole number of milliseconds"):
            store.put("k", 2, 1.5)
        return store.getWithTimestamp("k")

    assert seen_by(builder, work, "a") == [ValueAndTimestamp(1, 9000)]


def test_a_store_in_python_is_told_what_is_no_time() -> None:
    """In Python's words, not with a list of Java's overloads; its context takes a ``datetime``, too."""
    builder = StoreBuilder("store", StateStore)

    def work(store: StateStore, _record: Record) -> object:
        assert store.context is not None
        store.context.logChange("store", b"k", b"v", datetime(1970, 1, 1, 0, 0, 9, tzinfo=UTC))
        with pytest.raises(TypeError, match="a timestamp is a whole number of milliseconds"):
            store.log(b"k", b"v", 1.5)  # type: ignore[arg-type]
        return True

    assert seen_by(builder, work, "a") == [True]


def test_what_else_a_key_value_store_can_do() -> None:
    """Prefixes, backwards, many at once, and only where nothing was."""
    builder = java.Stores.keyValueStoreBuilder(java.Stores.inMemoryKeyValueStore("store"), text(), JSON)

    def work(store: Any, record: Record) -> object:
        store.putAll([("a1", 1), ("a2", 2), ("b1", 3)])
        return (
            store.putIfAbsent("a1", 9),
            store.putIfAbsent("c", record.value()),
            list(store.prefixScan("a", text().serializer())),
            [key for key, _ in store.reverseAll()],
            list(store.reverseRange("a2", "b1")),
        )

    (found,) = seen_by(builder, work, "x")
    assert found == (1, None, [("a1", 1), ("a2", 2)], ["c", "b1", "a2", "a1"], [("b1", 3), ("a2", 2)])


def test_a_store_is_walked_through_as_in_java() -> None:
    """``hasNext``, ``next`` and ``peekNextKey``, or a ``with`` block; what is closed has nothing more."""
    builder = java.Stores.keyValueStoreBuilder(java.Stores.inMemoryKeyValueStore("store"), text(), JSON)

    def work(store: Any, _record: Record) -> object:
        store.putAll([("a", 1), ("b", 2)])
        found = []
        walked = store.all()
        while walked.hasNext():
            found.append((walked.peekNextKey(), walked.next().value))
        with store.all() as entries:
            first = next(entries)
        return found, (first.key, first.value), entries.hasNext(), walked.peekNextKey(), list(entries)

    (found,) = seen_by(builder, work, "x")
    assert found == ([("a", 1), ("b", 2)], ("a", 1), False, None, [])


def test_a_store_of_a_wrong_name_is_told() -> None:
    """With what to do: it has to be connected with the processor."""
    builder = java.Stores.keyValueStoreBuilder(java.Stores.inMemoryKeyValueStore("other"), text(), JSON)
    with pytest.raises(Exception, match="store"):
        seen_by(builder, lambda store, record: None, "x")


def test_the_driver_takes_headers_lists_and_times() -> None:
    """A record with a header that has no value; pairs; and each a second later than the one before."""
    topology = java.Topology()
    topology.addSource("in", "in")
    topology.addSink("out", "out", "in")
    with TopologyTestDriver(topology) as driver:
        source = driver.createInputTopic("in", raw(), raw(), start=1_000, advance=1.0)
        source.pipeInput(b"alone")
        source.pipeInput(b"k", b"v", headers=(("empty", None), ("full", b"x")))
        source.pipeKeyValueList([(b"a", b"1"), (b"b", b"2")])
        out = driver.createOutputTopic("out", raw(), raw())
        first, second = out.readRecord(), out.readRecord()
        assert (first.key(), first.value(), first.timestamp()) == (None, b"alone", 1_000)
        assert (second.headers(), second.timestamp()) == ((("empty", None), ("full", b"x")), 2_000)
        assert out.readKeyValue() == (b"a", b"1")
        assert out.readKeyValuesToMap() == {b"b": b"2"}
    with pytest.raises(ServerError, match="is closed"):
        source.pipeInput(b"lost")
