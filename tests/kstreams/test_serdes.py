"""Serdes of Python functions, and the engine's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jpype
import pytest

from modelserving.errors import DecodeError, ServerError
from modelserving.kstreams import (
    Processor,
    ProcessorSupplier,
    Record,
    TopologyTestDriver,
    integer,
    java,
    number,
    raw,
    serde,
    text,
)
from modelserving.records import WineRecord, decode_wine, encode_wine
from tests.fakes import wine


class Watering(Processor):
    """Takes a little alcohol away."""

    def process(self, record: Record) -> None:
        value: WineRecord = record.value()
        self.context.forward(record.withValue(None if value is None else wine(alcohol=value.alcohol - 1)))


def watering() -> Any:
    """A topology in which values are wine records."""
    wines = serde(encode_wine, decode_wine)
    topology = java.Topology()
    topology.addSource("source", text().deserializer(), wines.deserializer(), "in")
    topology.addProcessor("water", ProcessorSupplier(Watering), "source")
    topology.addSink("sink", "out", text().serializer(), wines.serializer(), "water")
    return topology


def test_values_are_what_the_functions_make_of_them() -> None:
    """A processor gets a dataclass, and gives one; bytes are on the topics only. Nothing stays nothing."""
    with TopologyTestDriver(watering()) as driver:
        topic = driver.createInputTopic("in", text(), raw())
        topic.pipeInput("key", encode_wine(wine(alcohol=12.5)))
        topic.pipeInput("key", None)
        answers = driver.createOutputTopic("out", text(), raw()).readValuesToList()
    assert [answer and decode_wine(answer) for answer in answers] == [wine(alcohol=11.5), None]


def test_bytes_that_cannot_be_read_are_a_python_error() -> None:
    """What the function raises comes out as itself."""
    with TopologyTestDriver(watering()) as driver, pytest.raises(DecodeError, match="no wine record"):
        driver.createInputTopic("in", text(), raw()).pipeInput("key", b"\xff\xff")


@pytest.mark.parametrize(
    ("make", "value"),
    [(raw, b"\x00\xff"), (text, "Grüner Veltliner"), (integer, -(2**40)), (number, 3.25), (raw, None), (text, None)],
)
def test_the_engines_own_serdes_bring_values_back(make: Callable[[], Any], value: object) -> None:
    """What goes in comes out, as the same type of Python."""
    topology = java.Topology()
    topology.addSource("source", make().deserializer(), make().deserializer(), "in")
    topology.addSink("sink", "out", make().serializer(), make().serializer(), "source")
    with TopologyTestDriver(topology) as driver:
        driver.createInputTopic("in", make(), make()).pipeInput(value, value)
        found = driver.createOutputTopic("out", make(), make()).readRecord()
    assert (found.key(), found.value(), type(found.value())) == (value, value, type(value))


def test_a_serde_that_makes_no_bytes_is_told() -> None:
    """With what it made: JPype alone says that a value is not compatible."""
    builder = java.StreamsBuilder()
    upper: Any = str.upper
    texts = serde(upper, bytes.decode)
    builder.stream("in", java.Consumed.with_(text(), text())).to("out", java.Produced.with_(text(), texts))
    with TopologyTestDriver(builder.build()) as driver:
        topic = driver.createInputTopic("in", text(), text())
        with pytest.raises(TypeError, match="a serde writes bytes, and this one made 'V', of the type str"):
            topic.pipeInput("k", "v")


def test_a_serde_may_give_javas_own_bytes() -> None:
    """What another library of Java's has written need not come to Python and go back."""
    javas = serde(lambda value: jpype.JArray(jpype.JByte)(value.encode()), bytes.decode)
    builder = java.StreamsBuilder()
    builder.stream("in", java.Consumed.with_(text(), text())).to("out", java.Produced.with_(text(), javas))
    with TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("in", text(), text()).pipeInput("k", "v")
        assert driver.createOutputTopic("out", text(), raw()).readValue() == b"v"


def test_what_a_test_puts_on_a_topic_of_another_type_is_told() -> None:
    """By the names of Python, and without Java's modules."""
    topology = java.Topology()
    topology.addSource("source", "in")
    with TopologyTestDriver(topology) as driver, pytest.raises(ServerError, match=r"str cannot be cast to bytes\.$"):
        driver.createInputTopic("in", raw(), raw()).pipeInput(None, "v")


@pytest.mark.parametrize(
    ("value", "told"), [({"a": 1}, "an object of Python, which needs serde"), ("x", "type: str"), (1, "type: int")]
)
def test_a_value_that_a_serde_does_not_take_is_told_by_its_python_name(value: object, told: str) -> None:
    """Not by the name of a proxy, nor by that of a class that the attendee has never used; with the engine's advice."""
    builder = java.StreamsBuilder()
    made = builder.stream("in", java.Consumed.with_(text(), text())).mapValues(lambda _: value)
    made.to("out", java.Produced.with_(text(), raw()))
    with TopologyTestDriver(builder.build()) as driver:
        topic = driver.createInputTopic("in", text(), text())
        with pytest.raises(
            ServerError, match=rf"actual value type: {told.removeprefix('type: ')}.*Produced<K, V>"
        ) as caught:
            topic.pipeInput("k", "v")
    assert "$Proxy" not in str(caught.value)
