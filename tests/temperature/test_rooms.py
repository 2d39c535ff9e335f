"""The physics of a room."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.records import HeaterCommand
from modelserving.temperature import Room

HOUR = 3600.0


def test_alone_it_cools_towards_outside() -> None:
    """With a time constant of 1,500 kJ/K over 50 W/K, 30,000 s, a third of the difference is left after as long."""
    room = Room(1, temperature=20.0, outside=0.0).after(30_000)
    assert room.temperature == pytest.approx(20.0 / 2.718281828, rel=1e-6)


def test_heated_it_nears_what_the_heater_can_do() -> None:
    """1,500 W against 50 W/K: 30 K above outside, and no more."""
    room = Room(1, temperature=5.0, outside=-10.0, heating=True)
    assert room.after(1000 * HOUR).temperature == pytest.approx(20.0)


@given(st.floats(0, 10_000), st.floats(0, 10_000), st.booleans())
def test_a_long_step_is_many_short_ones(one: float, other: float, heating: bool) -> None:
    """The solution is exact: how often the simulator looks changes nothing."""
    room = Room(1, heating=heating)
    assert room.after(one).after(other).temperature == pytest.approx(room.after(one + other).temperature, abs=1e-9)


def test_a_heater_obeys() -> None:
    """On and off; said twice is said once."""
    room = Room(1).obey(HeaterCommand.ON)
    assert (room.heating, room.obey(HeaterCommand.ON), room.obey(HeaterCommand.OFF).heating) == (True, room, False)
