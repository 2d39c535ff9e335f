"""The view of heaters on a real broker: what its sliders send, and what it sees."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from modelserving.kafka import Connection, make_producer, read_topic
from modelserving.records import SensorReading, TemperatureControl, decode_temperature_control, encode_reading
from modelserving.temperature import HEATING_TOPICS, HeatingTopics
from modelserving.temperature.topics import create_heating_topics
from modelserving.widgets.heater import HeaterView

pytestmark = pytest.mark.broker


@pytest.fixture
def own(connection: Connection) -> HeatingTopics:
    made = HEATING_TOPICS.prefixed(f"v{secrets.token_hex(4)}")
    create_heating_topics(connection, made)
    return made


@pytest.fixture
def view(connection: Connection, own: HeatingTopics) -> Iterator[HeaterView]:
    with HeaterView(connection, own, sensors=(1, 2)) as view:
        yield view


def controls(connection: Connection, own: HeatingTopics) -> list[TemperatureControl]:
    return [decode_temperature_control(record.value) for record in read_topic(connection, own.control)]


def test_readings_and_wishes_are_seen(connection: Connection, own: HeatingTopics, view: HeaterView) -> None:
    """What a sensor says, what `want` says, and what nobody can read."""
    reading = SensorReading(2, 19.5)
    with make_producer(connection, linger_ms=0) as producer:
        producer.send(own.sensor, key=reading.key, value=encode_reading(reading)).get(timeout=60)
        producer.send(own.sensor, value=b"\xff").get(timeout=60)
        producer.send(own.dead_letters, value=b"\xff").get(timeout=60)
    view.want(2, 19.0, up=1.0, down=0.25)
    seen = view.wait_for(lambda s: s.room(2).band is not None and s.readings == 1 and s.dead_letters == 1)
    assert seen.room(2).as_wanted
    assert "Sensor 2: 19.5 °C, wanted 18.75 to 20" in repr(view)


def test_a_slider_sends_what_it_says_for_the_sensor_that_is_chosen(
    connection: Connection, own: HeatingTopics, view: HeaterView
) -> None:
    """Choosing a sensor sends nothing, and sets the sliders to what is wanted there."""
    view.want(2, 25.0, up=1.0, down=1.0)
    view._sensor.value = 2
    assert [slider.value for slider in view._sliders.by_name.values()] == [25.0, 1.0, 1.0]
    view._sliders.by_name["desired"].value = 16.0
    assert controls(connection, own) == [TemperatureControl(2, 25.0, 1.0, 1.0), TemperatureControl(2, 16.0, 1.0, 1.0)]
    assert own.control in view._sliders.said.value
