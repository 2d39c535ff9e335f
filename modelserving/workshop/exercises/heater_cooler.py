"""Lesson 11: the same idea, the other way round."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from modelserving.records import HeaterCommand, TemperatureControl
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require, what_came

_Cool = Callable[[float, TemperatureControl | None, HeaterCommand | None], HeaterCommand | None]

_CELLAR = TemperatureControl(1, desired=12.0, up=1.0, down=2.0)
_DAY = (11.0, 12.5, 13.0, 13.1, 14.0, 12.0, 10.0, 9.9, 9.5, 12.0, 13.4)
_RIGHT = ((13.1, HeaterCommand.ON), (9.9, HeaterCommand.OFF), (13.4, HeaterCommand.ON))


def check(lesson: LessonEnvironment, cool: _Cool) -> str:  # noqa: ARG001 - a pure function, which needs no broker
    """Give it a day in a cellar, and one where nobody has said what is wanted."""
    said = _command(cool(30.0, None, None))
    require(said is None, f"Nobody has said how cold it should be, and it answers {_name(said)}. Then it says nothing.")
    told: list[tuple[float, HeaterCommand]] = []
    for temperature in _DAY:
        command = _command(cool(temperature, _CELLAR, told[-1][1] if told else None))
        if command is not None:
            told.append((temperature, command))
    twice = [after for before, after in pairwise(told) if before[1] is after[1]]
    require(not twice, f"Said once more: {_all(twice)}. What was said last is `previous`.")
    require(
        told == list(_RIGHT),
        f"A cellar at 12 °C, 1 K above or 2 K below is still well. It was told {_all(told)}; {_all(_RIGHT)} was right.",
    )
    return f"{len(_DAY)} readings, {len(told)} commands: {_all(told)}."


def _command(said: Any) -> HeaterCommand | None:
    require(
        said is None or isinstance(said, HeaterCommand),
        f"`cool` returned {what_came(said)}. It is to return a command, `HeaterCommand.ON` for example, or `None`.",
    )
    command: HeaterCommand | None = said
    return command


def _name(command: HeaterCommand | None) -> str:
    return "nothing" if command is None else command.name


def _all(told: Sequence[tuple[float, HeaterCommand]]) -> str:
    return ", ".join(f"{_name(command)} at {temperature:g}" for temperature, command in told) or "nothing"


_HEAD = """
from modelserving.records import HeaterCommand

def cool(temperature, control, previous):
    if control is None:
        return None
"""

EXERCISE = Exercise(
    id="heater-cooler",
    lesson="11",
    title="A cooler for the wine",
    goal="""
In the cellar stands no heater but a cooler. Write `cool`, which takes what `decide` takes and decides for it: **on**
when it is warmer than the band, **off** when it is colder, nothing inside the band (its edges belong to it), and
nothing that was said already.
""",
    stub=_HEAD
    + """
    if temperature > ...:
        wanted = HeaterCommand.ON
    elif temperature < ...:
        wanted = HeaterCommand.OFF
    else:
        return None
    return ...
""",
    answer="cool",
    hints=(
        "The band goes from `control.desired - control.down` to `control.desired + control.up`.",
        "`previous` is what was said last. If that is what is wanted, return `None`.",
    ),
    reference=_HEAD
    + """
    if temperature > control.desired + control.up:
        wanted = HeaterCommand.ON
    elif temperature < control.desired - control.down:
        wanted = HeaterCommand.OFF
    else:
        return None
    return None if wanted == previous else wanted
""",
    wrong=(
        WrongAnswer(
            _HEAD + "    return temperature > control.desired + control.up\n",
            "It is to return a command",
        ),
        WrongAnswer(
            _HEAD
            + """
    if temperature > control.desired + control.up:
        return HeaterCommand.ON
    if temperature < control.desired - control.down:
        return HeaterCommand.OFF
    return None
""",
            "What was said last is `previous`",
        ),
        WrongAnswer(
            _HEAD
            + """
    wanted = HeaterCommand.ON if temperature > control.desired else HeaterCommand.OFF
    return None if wanted == previous else wanted
""",
            "It was told OFF at 11",
        ),
        WrongAnswer(
            _HEAD
            + """
    if temperature > control.desired + control.up:
        wanted = HeaterCommand.OFF
    elif temperature < control.desired - control.down:
        wanted = HeaterCommand.ON
    else:
        return None
    return None if wanted == previous else wanted
""",
            "It was told OFF at 13.1",
        ),
        WrongAnswer(
            """
from modelserving.records import HeaterCommand

def cool(temperature, control, previous):
    if control is None or temperature > control.desired + control.up:
        return HeaterCommand.ON
    return None
""",
            "Then it says nothing",
        ),
    ),
    check=check,
)
