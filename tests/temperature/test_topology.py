"""The heater's topology, without a broker."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from modelserving.kafka.clients import MAX_MESSAGE_BYTES, REQUEST_BYTES
from modelserving.kstreams import TopologyTestDriver, raw
from modelserving.records import (
    HeaterCommand,
    HeaterControl,
    SensorReading,
    TemperatureControl,
    decode_heater,
    encode_reading,
    encode_temperature_control,
)
from modelserving.temperature import HEATING_TOPICS, make_heating_topology
from modelserving.temperature.topology import CONTROLS


class Driven:
    """The topology, and its topics."""

    def __init__(self, driver: TopologyTestDriver) -> None:
        self.driver = driver
        self.control = driver.createInputTopic(HEATING_TOPICS.control, raw(), raw())
        self.sensor = driver.createInputTopic(HEATING_TOPICS.sensor, raw(), raw())
        self.heater = driver.createOutputTopic(HEATING_TOPICS.heater, raw(), raw())
        self.dead = driver.createOutputTopic(HEATING_TOPICS.dead_letters, raw(), raw())

    def want(self, sensor: int, desired: float) -> None:
        control = TemperatureControl(sensor, desired, 0.5, 0.5)
        self.control.pipeInput(control.key, encode_temperature_control(control))

    def read(self, sensor: int, *temperatures: float) -> None:
        for temperature in temperatures:
            reading = SensorReading(sensor, temperature)
            self.sensor.pipeInput(reading.key, encode_reading(reading))

    def told(self) -> list[HeaterControl]:
        return [decode_heater(record.value()) for record in self.heater.readRecordsToList()]


@pytest.fixture
def driven() -> Iterator[Driven]:
    with TopologyTestDriver(make_heating_topology(HEATING_TOPICS)) as driver:
        yield Driven(driver)


def test_a_heater_is_told_when_it_changes(driven: Driven) -> None:
    """Readings alone do nothing; with a control the first one outside of the band does, and then the next change."""
    driven.read(1, 15.0)
    driven.want(1, 21.0)
    driven.read(1, 15.0, 18.0, 21.2, 21.8, 22.0, 20.0)
    on, off = HeaterControl(1, HeaterCommand.ON), HeaterControl(1, HeaterCommand.OFF)
    assert driven.told() == [on, off, on]


def test_a_new_control_takes_effect_at_the_next_reading(driven: Driven) -> None:
    """That is what makes the stream dynamically controlled."""
    driven.want(1, 21.0)
    driven.read(1, 19.0)
    driven.want(1, 16.0)
    driven.read(1, 19.0)
    assert [said.command for said in driven.told()] == [HeaterCommand.ON, HeaterCommand.OFF]


def test_sensors_do_not_know_of_each_other(driven: Driven) -> None:
    """Each has a control and a memory of its own."""
    driven.want(1, 21.0)
    driven.read(2, 3.0)
    driven.want(2, 10.0)
    driven.read(2, 30.0)
    driven.read(1, 30.0)
    assert driven.told() == [HeaterControl(2, HeaterCommand.OFF), HeaterControl(1, HeaterCommand.OFF)]


def test_what_is_wanted_is_in_the_store(driven: Driven) -> None:
    """The last control of each sensor, to be asked."""
    driven.want(7, 21.0)
    driven.want(7, 22.0)
    assert driven.driver.getStateStore(CONTROLS).get("7") == TemperatureControl(7, 22.0, 0.5, 0.5)


@pytest.mark.parametrize("value", [b"\xff\xff", None, encode_reading(SensorReading(1, float("nan")))])
def test_what_cannot_be_read_is_a_dead_letter_as_it_came(driven: Driven, value: bytes | None) -> None:
    """Bytes and key as they came, the reason and the place in the headers; the next reading is looked at."""
    driven.want(1, 21.0)
    driven.sensor.pipeInput(b"\xfe", value)
    driven.control.pipeInput(b"1", value)
    driven.read(1, 3.0)
    first, _ = driven.dead.readRecordsToList()
    said = dict(first.headers())
    assert (first.key(), first.value(), said["x-original-topic"]) == (b"\xfe", value, b"sensor")
    assert said["x-error-reason"]
    assert [one.command for one in driven.told()] == [HeaterCommand.ON]


def test_a_dead_letter_keeps_what_fits_and_its_topic_is_counted() -> None:
    """One that is too large for the topic would end the engine, again and again."""
    refused: list[str] = []
    with TopologyTestDriver(make_heating_topology(HEATING_TOPICS, refused.append)) as driver:
        driven = Driven(driver)
        driven.sensor.pipeInput(b"k" * MAX_MESSAGE_BYTES, b"\xff" * (MAX_MESSAGE_BYTES + 1))
        letter = driven.dead.readRecord()
    assert len(letter.value()) + len(letter.key()) < REQUEST_BYTES
    assert refused == [HEATING_TOPICS.sensor]


SOME_BYTES = st.one_of(
    st.none(),
    st.binary(max_size=60),
    st.builds(lambda *made: encode_reading(SensorReading(*made)), st.integers(0, 3), st.floats()),
    st.builds(
        lambda *made: encode_temperature_control(TemperatureControl(*made)), st.integers(0, 3), *[st.floats()] * 3
    ),
)


@settings(
    max_examples=30, deadline=None, database=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(st.lists(st.tuples(st.booleans(), st.one_of(st.none(), st.binary(max_size=9)), SOME_BYTES), max_size=9))
def test_no_message_stops_it(driven: Driven, messages: list[tuple[bool, bytes | None, bytes | None]]) -> None:
    """Of any bytes on either topic, with any key: the control and the readings behind them are obeyed."""
    for on_sensor, key, value in messages:
        (driven.sensor if on_sensor else driven.control).pipeInput(key, value)
    driven.want(1, 21.0)
    driven.read(1, 3.0, 99.0)
    assert [said.command for said in driven.told() if said.sensor == 1][-1] is HeaterCommand.OFF
