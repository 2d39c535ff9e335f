"""Bare functions in the DSL: each becomes the interface that is meant."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import jpype
import numpy as np
import pytest

from modelserving import jvm
from modelserving.kstreams import (
    Processor,
    ProcessorContext,
    ProcessorSupplier,
    Record,
    StateStore,
    StoreBuilder,
    TopologyTestDriver,
    ValueTransformerWithKey,
    integer,
    java,
    number,
    serde,
    text,
)

LISTS = serde(lambda values: ",".join(values).encode(), lambda data: data.decode().split(","))


def drive(builder: Any, topics: dict[str, list[tuple[str, str]]], key: Any = None, value: Any = None) -> list[Any]:
    """What comes out, as pairs, when these go in, topic by topic."""
    with TopologyTestDriver(builder.build()) as driver:
        for topic, pairs in topics.items():
            source = driver.createInputTopic(topic, text(), text())
            for each in pairs:
                source.pipeInput(*each)
        found = driver.createOutputTopic("out", key or text(), value or text()).readRecordsToList()
    return [(record.key(), record.value()) for record in found]


def stream(builder: Any, topic: str = "in") -> Any:
    return builder.stream(topic, java.Consumed.with_(text(), text()))


def out(key: Any = None, value: Any = None) -> tuple[str, Any]:
    return "out", java.Produced.with_(key or text(), value or text())


def test_keys_and_values_arrive_as_pythons() -> None:
    """``upper`` is a method of Python's text, not of Java's."""
    builder = java.StreamsBuilder()
    stream(builder).filter(lambda key, value: value != "").mapValues(lambda value: value.upper()).to(*out())
    assert drive(builder, {"in": [("k", "a"), ("k", "")]}) == [("k", "A")]


@pytest.mark.parametrize("split", [str.split, lambda value: tuple(value.split()), lambda value: iter(value.split())])
def test_a_value_becomes_several(split: Any) -> None:
    """A list, a tuple, an iterator: the first example of all books, the count of words."""
    builder = java.StreamsBuilder()
    counts = (
        stream(builder).flatMapValues(split).groupBy(lambda key, word: word, java.Grouped.with_(text(), text())).count()
    )
    counts.toStream().to(*out(value=integer()))
    assert drive(builder, {"in": [("k", "to be or not to be")]}, value=integer())[-1] == ("be", 2)


def test_a_pair_is_a_tuple() -> None:
    """``map`` gives one, ``flatMap`` several."""
    builder = java.StreamsBuilder()
    mapped = stream(builder).map(lambda key, value: (value, key))
    mapped.flatMap(lambda key, value: [(key, value), (value, key)]).to(*out())
    assert drive(builder, {"in": [("k", "v")]}) == [("v", "k"), ("k", "v")]


def test_a_list_that_is_a_value_stays_a_list() -> None:
    """And a tuple that is a key a tuple: what crosses Java comes back as it was."""
    seen: list[object] = []
    builder = java.StreamsBuilder()
    keyed = stream(builder).mapValues(lambda value: [value, value]).selectKey(lambda key, value: (key, 1))
    keyed.foreach(lambda key, value: seen.extend((key, value)))
    drive(builder, {"in": [("k", "v")]})
    assert seen == [("k", 1), ["v", "v"]]


def test_what_numpy_answers_is_taken() -> None:
    """Models return just these: truth, whole numbers, and both kinds of floating-point numbers."""
    builder = java.StreamsBuilder()
    lengths = (
        stream(builder).filter(lambda key, value: np.float64(len(value)) > 0).mapValues(lambda v: np.int64(len(v)))
    )
    lengths.mapValues(lambda value: np.float32(value / 2)).to(*out(value=number()))
    assert drive(builder, {"in": [("k", "abc"), ("k", "")]}, value=number()) == [("k", 1.5)]


def test_a_whole_number_is_a_number() -> None:
    """``number()`` writes it as the floating-point number that it is; nothing stays nothing."""
    builder = java.StreamsBuilder()
    stream(builder).mapValues(lambda value: 3 if value else None).to(*out(value=number()))
    assert drive(builder, {"in": [("k", "x"), ("k", "")]}, value=number()) == [("k", 3.0), ("k", None)]


def test_aggregations_and_joins() -> None:
    """Initializer, aggregator and joiner by the number of their arguments; a foreign key by its index."""
    builder = java.StreamsBuilder()
    orders = builder.table("orders", java.Consumed.with_(text(), text()))
    people = builder.table("people", java.Consumed.with_(text(), text()))
    joined = orders.join(people, lambda order: order.split(":")[0], lambda order, person: f"{order} for {person}")
    gathered = joined.toStream().groupBy(lambda key, value: "all", java.Grouped.with_(text(), text()))
    kept = java.Materialized.with_(text(), LISTS)
    gathered.aggregate(list, lambda key, value, so_far: [*so_far, value], kept).toStream().to(*out(value=LISTS))
    found = drive(builder, {"people": [("ann", "Ann")], "orders": [("1", "ann:wine")]}, value=LISTS)
    assert found == [("all", ["ann:wine for Ann"])]


def test_a_function_of_the_wrong_kind_is_told() -> None:
    """With the method, and how many arguments there must be."""
    with pytest.raises(TypeError, match="filter takes a function of 2 arguments"):
        stream(java.StreamsBuilder()).filter(lambda value: True)


class Forwarding(Processor):
    """Hands on what comes."""

    def process(self, record: Record) -> None:
        self.context.forward(record)


def test_a_class_of_processors_is_taken_for_its_supplier() -> None:
    """In the DSL as in a topology that is drawn node by node."""
    builder = java.StreamsBuilder()
    stream(builder).process(Forwarding).to(*out())
    assert drive(builder, {"in": [("k", "v")]}) == [("k", "v")]


def test_one_object_for_all_tasks_is_refused() -> None:
    """Tasks would share its state, unlocked."""
    one = Forwarding()
    with pytest.raises(TypeError, match="has to make a new object each time, and this one gave the same Forwarding"):
        stream(java.StreamsBuilder()).process(lambda: one)


def test_functions_say_where_a_record_goes_and_under_which_key() -> None:
    """Topics by name, partitions by number, keys of a table's changes: with Python's values, and bare."""
    builder = java.StreamsBuilder()
    counts = stream(builder).groupByKey().count().toStream(lambda key, count: key.upper())
    counts.to(lambda key, count: f"o{key.lower()}t", java.Produced.with_(text(), integer()))
    assert drive(builder, {"in": [("u", "v")]}, value=integer()) == [("U", 1)]
    builder, asked = java.StreamsBuilder(), list[tuple[Any, ...]]()
    there = java.Produced.with_(text(), text()).withStreamPartitioner(lambda *said: asked.append(said))
    stream(builder).to(lambda key, value, context: "out", there)
    assert drive(builder, {"in": [("k", "v")]}) == [("k", "v")]
    assert asked == [("out", "k", "v", 1)]


@pytest.mark.parametrize("chosen", [1, -1, [0, 7]])
def test_a_partition_that_is_not_there_is_told(chosen: Any) -> None:
    """By number, with how many there are."""
    builder = java.StreamsBuilder()
    stream(builder).to("out", java.Produced.with_(text(), text()).withStreamPartitioner(lambda *_: chosen))
    with pytest.raises(ValueError, match=r"a StreamPartitioner chose partition -?\d, and the topic has 1"):
        drive(builder, {"in": [("k", "v")]})


def test_times_by_a_bare_function() -> None:
    """``withTimestampExtractor`` takes one, too."""
    builder = java.StreamsBuilder()
    dated = java.Consumed.with_(text(), text()).withTimestampExtractor(lambda key, value: int(value))
    builder.stream("in", dated).to(*out())
    with TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("in", text(), text()).pipeInput("k", "77")
        assert driver.createOutputTopic("out", text(), text()).readRecord().timestamp() == 77


@pytest.mark.parametrize("fails", [lambda s: s.to(lambda *_: 1 / 0), lambda s: s.toTable().toStream(lambda *_: 1 / 0)])
def test_what_they_raise_comes_out_as_itself(fails: Any) -> None:
    """With its traceback, down to the line of the user's code."""
    builder = java.StreamsBuilder()
    fails(stream(builder))
    with pytest.raises(ZeroDivisionError) as caught:
        drive(builder, {"in": [("k", "v")]})
    assert str(caught.traceback[-1].path).endswith("test_lambdas.py")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (5, "addProcessor takes a class of processors, or a function .* and got 5"),
        (Processor(), "hand over the class: Processor"),
        (lambda: 5, "made 5"),
        (lambda record: record, "a function without arguments .* it cannot be called without arguments"),
        (object, "has to make a Processor, and this one made <object"),
    ],
)
def test_what_makes_no_processor_is_told(wrong: Any, said: str) -> None:
    """In Python's words, not as overloads that do not match."""
    topology = java.Topology()
    topology.addSource("in", "in")
    with pytest.raises(TypeError, match=said):
        topology.addProcessor("node", wrong, "in")


def test_a_supplier_that_needs_arguments_is_told_by_its_own_name() -> None:
    """When it is made, and not when Java calls it."""
    with pytest.raises(TypeError, match=r"ProcessorSupplier takes a class of processors.* without arguments"):
        ProcessorSupplier(lambda record: record)  # type: ignore[arg-type, misc]


def test_what_is_printed_by_a_bare_function(capfd: pytest.CaptureFixture[str]) -> None:
    """It gets texts of Python's, like all others."""
    builder = java.StreamsBuilder()
    printed = java.Printed.toSysOut().withLabel("seen")
    stream(builder).print_(printed.withKeyValueMapper(lambda key, value: f"{key.upper()} {value.upper()}"))
    with TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("in", text(), text()).pipeInput("k", "v")
    assert "[seen]: K V" in capfd.readouterr().out


def test_the_answer_to_a_query_is_pythons() -> None:
    """A text that JSON takes, a number, and the object that was put in."""
    made = jvm.java_class("org.apache.kafka.streams.query.QueryResult").forResult
    assert json.dumps([made(jpype.JString("v")).getResult(), made(jpype.JLong(5)).getResult()]) == '["v", 5]'


def test_where_a_record_was_read_is_pythons() -> None:
    """For a function that chooses the topic by it."""
    seen: list[str] = []

    def chosen(_key: str, _value: str, context: Any) -> str:
        seen.append(json.dumps([context.topic(), context.partition(), context.offset(), context.timestamp()]))
        return "out"

    builder = java.StreamsBuilder()
    stream(builder).to(chosen, java.Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("in", text(), text()).pipeInput("k", "v", 7)
    assert seen == ['["in", 0, 0, 7]']


def test_a_partition_by_a_bare_function_wherever_one_is_wanted() -> None:
    """In a static method, too, and with values of Python's."""
    seen: list[Any] = []

    def chosen(topic: str, key: str, value: str, partitions: int) -> int:
        seen.append((topic, key, value, partitions, type(topic), type(key)))
        return 0

    builder = java.StreamsBuilder()
    stream(builder).to("out", java.Produced.with_(text(), text(), chosen))
    assert drive(builder, {"in": [("k", "v")]}) == [("k", "v")]
    assert set(seen) == {("out", "k", "v", 1, str, str)}


@pytest.mark.parametrize(
    ("found", "time"), [(datetime(1970, 1, 1, 0, 0, 9, tzinfo=UTC), 9000), (np.int64(5), 5), (7.9, 7)]
)
def test_a_time_that_a_function_finds(found: Any, time: int) -> None:
    """Python's own, NumPy's, or with a fraction that falls away."""
    builder = java.StreamsBuilder()
    builder.stream("in", java.Consumed.with_(text(), text()).withTimestampExtractor(lambda key, value: found)).to(
        *out()
    )
    with TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("in", text(), text()).pipeInput("k", "v")
        assert driver.createOutputTopic("out", text(), text()).readRecord().timestamp() == time


def test_no_time_is_told() -> None:
    """With what one is."""
    builder = java.StreamsBuilder()
    builder.stream("in", java.Consumed.with_(text(), text()).withTimestampExtractor(lambda key, value: None))
    with pytest.raises(TypeError, match=r"whole number of milliseconds .* this is None"):
        drive(builder, {"in": [("k", "v")]})


def test_a_number_that_java_cannot_hold_is_told() -> None:
    """Python's have no end."""
    builder = java.StreamsBuilder()
    stream(builder).mapValues(lambda value: 2**70).to(*out(value=integer()))
    with pytest.raises(OverflowError, match="1180591620717411303424 does not fit into the 64 bits"):
        drive(builder, {"in": [("k", "v")]})


def test_a_forgotten_super_is_told_or_does_no_harm(one_node: Any) -> None:
    """A store needs its name; a processor has its context all the same."""

    class Nameless(StateStore):
        def __init__(self, name: str) -> None:
            self.held = name

        def restore(self, key: bytes, value: bytes | None) -> None:
            """Nothing."""

    class Forgetful(Processor):
        def init(self, context: ProcessorContext) -> None:
            """Forgets."""

        def process(self, record: Record) -> None:
            self.context.forward(record)

    with TopologyTestDriver(one_node(ProcessorSupplier(Forgetful))) as driver:
        driver.createInputTopic("in", text(), text()).pipeInput("k", "v")
    with (
        pytest.raises(TypeError, match=r"Nameless.__init__ has to call super\(\).__init__\(name\)"),
        TopologyTestDriver(one_node(ProcessorSupplier(Forgetful, StoreBuilder("held", Nameless)))),
    ):
        pass


def test_a_time_by_a_bare_function_in_consumed_itself() -> None:
    """It gets key and value, as with ``withTimestampExtractor``, and not the engine's record and the time before."""
    builder = java.StreamsBuilder()
    dated = java.Consumed.with_(lambda key, value: int(value)).withKeySerde(text()).withValueSerde(text())
    builder.stream("in", dated).to(*out())
    with TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("in", text(), text()).pipeInput("k", "77")
        assert driver.createOutputTopic("out", text(), text()).readRecord().timestamp() == 77


def test_a_timedelta_is_a_duration_wherever_java_wants_one() -> None:
    """Windows, retention, grace: no import is needed for a length of time."""
    windows = java.SessionWindows.ofInactivityGapAndGrace(timedelta(minutes=2), timedelta(seconds=1.5))
    assert (windows.inactivityGap(), windows.gracePeriodMs()) == (120_000, 1500)
    assert java.Materialized.as_("s").withRetention(timedelta(hours=1)) is not None


def test_a_class_is_its_supplier_for_global_stores_too() -> None:
    """Wherever a supplier of processors is wanted, and not only in ``addProcessor``."""

    class Keep(Processor):
        def process(self, record: Record) -> None:
            self.context.getStateStore("kept").put(record.key(), record.value())

    kept = java.Stores.keyValueStoreBuilder(java.Stores.inMemoryKeyValueStore("kept"), text(), text())
    builder = java.StreamsBuilder()
    builder.addGlobalStore(kept.withLoggingDisabled(), "all", java.Consumed.with_(text(), text()), Keep)
    with TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("all", text(), text()).pipeInput("k", "v")
        assert driver.getStateStore("kept").get("k") == "v"


@pytest.mark.parametrize(
    ("use", "told"),
    [
        (lambda records: records.map(lambda key, value: None), "map returns a pair of key and value, and <lambda>"),
        (lambda records: records.flatMap(lambda key, value: None), "flatMap returns a list of pairs"),
        (lambda records: records.flatMapValues(lambda value: None), "flatMapValues returns a list of values"),
        (lambda records: records.map(lambda key, value: value), "and <lambda> returned 'v'"),
        (lambda records: records.map(lambda key, value: (1, 2, 3)), r"and <lambda> returned \(1, 2, 3\)"),
        (lambda records: records.flatMap(lambda key, value: 7), "and <lambda> returned 7"),
        (lambda records: records.flatMapValues(lambda value: value), "and <lambda> returned 'v'"),
        (lambda records: records.flatMapValues(lambda value: value * 999), r"and <lambda> returned '.{,40}'\.$"),
    ],
)
def test_a_function_that_forgets_to_return_is_told(use: Any, told: str) -> None:
    """Or returns something else, where the engine has a NullPointerException. For ``mapValues`` nothing is a value."""
    builder = java.StreamsBuilder()
    use(stream(builder))
    with pytest.raises(TypeError, match=told), TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("in", text(), text()).pipeInput("k", "v")
    builder = java.StreamsBuilder()
    stream(builder).mapValues(lambda value: None).to(*out())
    assert drive(builder, {"in": [("k", "v")]}) == [("k", None)]


def test_topics_by_pattern_and_time_by_an_object() -> None:
    """As in Java: ``Pattern.compile``, and a class with ``extract(record, partitionTime)``."""

    class Sent:
        def extract(self, record: Record, partition_time: int) -> int:
            return int(record.value()) + partition_time + 1  # the latest time so far is -1

    builder = java.StreamsBuilder()
    consumed = java.Consumed.with_(text(), text()).withTimestampExtractor(Sent())
    builder.stream(re.compile("SENSOR-.*", re.IGNORECASE), consumed).to(*out())
    with TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("sensor-1", text(), text()).pipeInput("k", "42")
        assert driver.createOutputTopic("out", text(), text()).readRecord().timestamp() == 42


def test_a_transformer_of_values_says_what_it_is_not() -> None:
    """It hands on what it returns, and nothing else; its error comes out as itself."""

    class Forwarding(ValueTransformerWithKey):
        def transform(self, key: Any, value: Any) -> object:
            metadata = self.context.recordMetadata()
            assert metadata is not None
            self.context.forward(Record(key, f"{value} at {metadata.offset}", 0))
            return value

    builder = java.StreamsBuilder()
    builder.table("in", java.Consumed.with_(text(), text())).transformValues(Forwarding)
    with pytest.raises(TypeError, match="return the value"), TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("in", text(), text()).pipeInput("k", "v")
    builder = java.StreamsBuilder()
    builder.table("in", java.Consumed.with_(text(), text())).transformValues(lambda: 42)
    with pytest.raises(TypeError, match="has to make an object"), TopologyTestDriver(builder.build()):
        pass


def yielding(*_: object) -> Iterator[int]:
    yield 1


async def awaiting(*_: object) -> int:
    return 1


class Yields(Processor):
    """It means to hand records on."""

    def process(self, record: Record) -> Iterator[None]:  # type: ignore[override]
        self.context.forward(record)
        yield


class Schedules(Processor):
    """What it schedules yields."""

    def init(self, context: ProcessorContext) -> None:
        context.schedule(1, yielding)


@pytest.mark.parametrize(
    ("use", "told"),
    [
        (lambda stream: stream.foreach(yielding), r"foreach or peek has `yield`"),
        (lambda stream: stream.peek(partial(yielding, 1)), r"foreach or peek has `yield`"),
        (lambda stream: stream.mapValues(awaiting), r"ValueMapper has `async def`"),
        (lambda stream: stream.filter(awaiting), r"Predicate has `async def`"),
        (lambda stream: stream.process(Yields), r"Yields\.process has `yield`"),
        (lambda stream: stream.process(Schedules), r"what is scheduled has `yield`"),
        (lambda stream: stream.flatMap(lambda key, value: [(key, value), value]), r"one of them was 'a'"),
        (lambda stream: stream.flatMap(lambda key, value: [(key, value, 1)]), r"one of them was \('k', 'a', 1\)"),
    ],
)
def test_a_function_that_would_do_nothing_is_told(use: Any, told: str) -> None:
    """One that yields or awaits does nothing when it is called: its records would vanish without a word."""

    def run() -> None:
        builder = java.StreamsBuilder()
        use(builder.stream("in", java.Consumed.with_(text(), text())))
        with TopologyTestDriver(builder.build()) as driver:
            driver.createInputTopic("in", text(), text()).pipeInput("k", "a")

    with pytest.raises(TypeError, match=told):
        run()
