"""The DSL with functions of Python."""

from __future__ import annotations

from typing import Any

import pytest

from modelserving.kstreams import (
    Aggregator,
    ForeachAction,
    Initializer,
    KeyValueMapper,
    Predicate,
    Reducer,
    TopologyTestDriver,
    ValueJoiner,
    ValueJoinerWithKey,
    ValueMapper,
    ValueMapperWithKey,
    integer,
    java,
    pair,
    serde,
    text,
)

LISTS = serde(lambda numbers: ",".join(map(str, numbers)).encode(), lambda data: [*map(int, data.decode().split(","))])


def texts() -> Any:
    """How topics of text are read."""
    return java.Consumed.with_(text(), text())


def written(key: Any, value: Any) -> Any:
    """How they are written."""
    return java.Produced.with_(key, value)


def run(builder: Any, *pairs: tuple[str, str], value: Any = None, topic: str = "in") -> list[tuple[Any, Any]]:
    """What comes out of a topology."""
    with TopologyTestDriver(builder.build()) as driver:
        source = driver.createInputTopic(topic, text(), text())
        for key, given in pairs:
            source.pipeInput(key, given)
        found = driver.createOutputTopic("out", text(), value or text()).readRecordsToList()
    return [(record.key(), record.value()) for record in found]


def test_filter_and_map() -> None:
    """Keys and values arrive as Python's, and what is returned goes on."""
    seen: list[str] = []
    builder = java.StreamsBuilder()
    (
        builder.stream("in", texts())
        .filter(Predicate(lambda key, value: value != "skip"))
        .peek(ForeachAction(lambda key, value: seen.append(value)))
        .mapValues(ValueMapper(str.upper))
        .mapValues(ValueMapperWithKey(lambda key, value: f"{key}:{value}"))
        .map(KeyValueMapper(lambda key, value: pair(value[-1], value)))
        .to("out", written(text(), text()))
    )
    assert run(builder, ("a", "red"), ("b", "skip"), ("c", "white")) == [("D", "a:RED"), ("E", "c:WHITE")]
    assert seen == ["red", "white"]


def test_an_aggregation_may_hold_any_object() -> None:
    """A list of Python, kept in RocksDB by a serde of two functions."""
    builder = java.StreamsBuilder()
    (
        builder.stream("in", texts())
        .groupByKey()
        .aggregate(
            Initializer(list),
            Aggregator(lambda key, value, so_far: [*so_far, len(value)]),
            java.Materialized.with_(text(), LISTS),
        )
        .toStream()
        .to("out", written(text(), LISTS))
    )
    assert run(builder, ("a", "x"), ("b", "xx"), ("a", "xxx"), value=LISTS)[-1] == ("a", [1, 3])


def test_reduce_and_count() -> None:
    """Functions of two values; numbers come back as numbers."""
    builder = java.StreamsBuilder()
    groups = builder.stream("in", texts()).groupBy(
        KeyValueMapper(lambda key, value: value[0]), java.Grouped.with_(text(), text())
    )
    groups.reduce(Reducer(max)).toStream().to("out", written(text(), text()))
    assert run(builder, ("1", "ab"), ("2", "aa"), ("3", "ac"))[-1] == ("a", "ac")
    builder = java.StreamsBuilder()
    builder.stream("in", texts()).groupByKey().count().toStream().to("out", written(text(), integer()))
    assert run(builder, ("a", "x"), ("a", "y"), value=integer()) == [("a", 1), ("a", 2)]


def test_a_stream_is_joined_with_tables() -> None:
    """With a table of its own partition, and with a global one, by a function that finds the key."""
    builder = java.StreamsBuilder()
    names = builder.globalTable("names", texts())
    notes = builder.table("notes", texts())
    (
        builder.stream("in", texts())
        .leftJoin(notes, ValueJoiner(lambda value, note: f"{value}/{note}"))
        .join(
            names,
            KeyValueMapper(lambda key, value: value[0]),
            ValueJoinerWithKey(lambda key, value, name: f"{key}:{value}/{name}"),
        )
        .to("out", written(text(), text()))
    )
    with TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("names", text(), text()).pipeInput("5", "fair")
        driver.createInputTopic("notes", text(), text()).pipeInput("a", "cork")
        source = driver.createInputTopic("in", text(), text())
        for key in ("a", "b"):
            source.pipeInput(key, "5")
        values = driver.createOutputTopic("out", text(), text()).readValuesToList()
    assert values == ["a:5/cork/fair", "b:5/None/fair"]


def test_an_error_in_a_function_comes_out_as_itself() -> None:
    """Also from a lambda deep in the DSL."""
    builder = java.StreamsBuilder()
    builder.stream("in", texts()).mapValues(ValueMapper(int)).to("out", written(text(), integer()))
    with pytest.raises(ValueError, match="invalid literal for int"):
        run(builder, ("a", "five"))
