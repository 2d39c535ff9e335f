"""The picture of rooms and heaters."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from modelserving.records import HeaterCommand
from modelserving.widgets.heater import Band, HeaterSnapshot, Reading, RoomSeen, SentCommand
from modelserving.widgets.heater.chart import heater_frame, render_heaters

NOW = 1_000_000.0
ROOM = RoomSeen(
    3,
    (Reading(NOW - 2, 20.0), Reading(NOW - 1, 21.2)),
    (Band(NOW - 60, 20.5, 21.0, 21.5),),
    (SentCommand(NOW - 9, HeaterCommand.ON), SentCommand(NOW - 2, HeaterCommand.ON, again=True)),
    commands=4,
    repeated=1,
)
DEGREES = st.floats(-60, 60)


def shapes(svg: str, tag: str) -> list[ET.Element]:
    return [part for part in ET.fromstring(svg).iter() if part.tag.endswith(tag)]


def test_the_sentence_says_what_the_picture_shows() -> None:
    """Temperature, band, heater, commands; it is the picture's text for screen readers, too."""
    frame = heater_frame(HeaterSnapshot(NOW, (ROOM,), readings=2, dead_letters=1))
    expected = "Sensor 3: 21.2 °C, wanted 20.5 to 21.5, heater on, 4 commands, 1 of them said again. Dead letters: 1."
    assert frame.sentence == expected
    assert ET.fromstring(frame.svg).attrib["aria-label"] == expected
    assert frame.headline == "1 of 1 rooms are as warm as is wanted"


def test_a_command_that_was_said_again_has_a_ring() -> None:
    """One ring explains the picture, and each such command has one."""
    without = RoomSeen(3, ROOM.readings, ROOM.bands, ROOM.sent[:1])
    rings = [len(shapes(render_heaters(HeaterSnapshot(NOW, (room,))), "circle")) for room in (without, ROOM)]
    assert rings == [1, 2]


def test_before_anything_was_said_there_is_a_picture_too() -> None:
    """Before the first reading, without a wish, and when all sensors are silent, the headline says so."""
    assert heater_frame(HeaterSnapshot(NOW)).headline == "No sensor has said anything yet"
    unruled = RoomSeen(1, (Reading(NOW, 15.0),))
    assert heater_frame(HeaterSnapshot(NOW, (unruled,))).headline == "Nobody has said how warm it should be"
    assert heater_frame(HeaterSnapshot(NOW + 9, (ROOM,))).headline.startswith("No sensor says anything")


@given(st.lists(DEGREES, max_size=9), st.lists(st.tuples(DEGREES, st.floats(0, 9)), max_size=4), st.integers(0, 9))
def test_any_rooms_can_be_drawn(temperatures: list[float], bands: list[tuple[float, float]], number: int) -> None:
    """Whatever is read and wanted, the picture is well-formed, and no rectangle has a width below 0."""
    readings = tuple(Reading(NOW - 3 * n, each) for n, each in enumerate(temperatures))[::-1]
    wanted = tuple(Band(NOW - 20 * (4 - n), mid - by, mid, mid + by) for n, (mid, by) in enumerate(bands))
    rooms = tuple(RoomSeen(n, readings, wanted, ROOM.sent) for n in range(number))
    svg = render_heaters(HeaterSnapshot(NOW, rooms))
    assert all(float(box.attrib["width"]) >= 0 for box in shapes(svg, "rect"))
