"""When a heater is told something, and what."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.records import HeaterCommand, TemperatureControl
from modelserving.temperature import decide

ON, OFF = HeaterCommand.ON, HeaterCommand.OFF
BAND = TemperatureControl(1, 21.0, 0.5, 1.0)


@pytest.mark.parametrize(
    ("temperature", "previous", "told"),
    [
        (21.6, None, OFF),
        (21.6, ON, OFF),
        (21.6, OFF, None),
        (19.9, None, ON),
        (19.9, OFF, ON),
        (19.9, ON, None),
        (21.5, ON, None),
        (20.0, OFF, None),
        (20.7, None, None),
    ],
)
def test_it_is_told_when_it_leaves_the_band_and_only_once(
    temperature: float, previous: HeaterCommand | None, told: HeaterCommand | None
) -> None:
    """Above: off; below: on; on the edge and inside nothing; and nothing that it was told before."""
    assert decide(temperature, BAND, previous) is told


def test_without_a_control_nothing_is_controlled() -> None:
    """A sensor that nobody has spoken of is left alone."""
    assert decide(-40.0, None, None) is None


@given(st.lists(st.floats(-50, 80), max_size=60))
def test_two_commands_in_a_row_are_never_the_same(temperatures: list[float]) -> None:
    """Whatever the readings, what is told alternates."""
    told: list[HeaterCommand] = []
    for temperature in temperatures:
        command = decide(temperature, BAND, told[-1] if told else None)
        if command is not None:
            told.append(command)
    assert all(one != other for one, other in pairwise(told))
