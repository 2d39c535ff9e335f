"""What is kept of what the heater's topics say."""

from __future__ import annotations

from modelserving.records import HeaterCommand, HeaterControl, SensorReading, TemperatureControl
from modelserving.widgets.heater.snapshot import WINDOW_S, Band, Reading
from modelserving.widgets.heater.tally import HeaterTally


def test_a_command_that_says_the_same_is_counted_as_said_again() -> None:
    """For each heater by itself: what another one was told does not matter."""
    tally = HeaterTally()
    on, off = HeaterCommand.ON, HeaterCommand.OFF
    for at, (sensor, command) in enumerate([(1, on), (2, on), (1, on), (1, off), (2, off)]):
        tally.take(HeaterControl(sensor, command), float(at))
    one, other = tally.snapshot(5.0).rooms
    assert (one.commands, one.repeated, one.heating) == (3, 1, False)
    assert [told.again for told in one.sent] == [False, True, False]
    assert (other.commands, other.repeated) == (2, 0)


def test_only_the_last_seconds_are_drawn_with_the_band_that_held_then() -> None:
    """Old readings go; a band and a command from before hold until the next one."""
    tally = HeaterTally()
    for at in (0.0, 50.0, 99.0):
        tally.take(SensorReading(1, at), at)
        tally.take(TemperatureControl(1, at, 1.0, 2.0), at)
    room = tally.snapshot(50.0 + WINDOW_S + 1).room(1)
    assert room.readings == (Reading(99.0, 99.0),)
    assert room.bands == (Band(50.0, 48.0, 50.0, 51.0), Band(99.0, 97.0, 99.0, 100.0))


def test_a_room_is_as_wanted_when_its_last_reading_is_in_the_band() -> None:
    """And not before anything is wanted."""
    tally = HeaterTally()
    tally.take(SensorReading(1, 20.0), 1.0)
    assert not tally.snapshot(1.0).room(1).as_wanted
    tally.take(TemperatureControl(1, 20.5, 0.5, 0.5), 2.0)
    assert tally.snapshot(2.0).room(1).as_wanted
    tally.take(SensorReading(1, 18.0), 3.0)
    assert not tally.snapshot(3.0).room(1).as_wanted


def test_a_room_that_was_in_its_band_once_has_reached_it() -> None:
    """It may be beside it now, since commands can come late; readings from before the wish do not count."""
    tally = HeaterTally()
    tally.take(SensorReading(1, 20.5), 1.0)
    tally.take(TemperatureControl(1, 20.5, 0.5, 0.5), 2.0)
    assert not tally.snapshot(2.0).room(1).reached
    tally.take(SensorReading(1, 20.0), 3.0)
    tally.take(SensorReading(1, 18.0), 4.0)
    assert tally.snapshot(4.0).room(1).reached
    tally.take(TemperatureControl(1, 25.0, 0.5, 0.5), 5.0)
    assert not tally.snapshot(5.0).room(1).reached
