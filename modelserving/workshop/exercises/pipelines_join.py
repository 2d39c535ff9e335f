"""Lesson 15: join a stream with a table."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require, what_came

_MESSAGES = [
    ("limit", "wine", 7.0),
    ("score", "wine", 6.0),
    ("limit", "wine", 5.0),
    ("score", "wine", 6.0),
    ("score", "white", 1.0),
    ("score", "wine", 4.0),
    ("limit", "wine", None),
    ("score", "wine", 4.0),
]
_EXPECTED = [6.0, 4.0]


def check(lesson: LessonEnvironment, join: Callable[[list[tuple[str, str, float | None]]], Any]) -> str:
    """Hand it limits and scores in one order, with a limit that changes, one that goes, and a kind without any."""
    del lesson
    found = _alarms(join(_MESSAGES[:2]))
    require(found == [6.0], f"The limit is 7, the score 6: one alarm was expected, and it gave {found}.")
    found = _alarms(join(_MESSAGES[:4]))
    require(
        found == [6.0],
        f"After the limit went from 7 down to 5, a score of 6 is no alarm any more; it gave {found}. The newest "
        "limit of a key takes the place of the one before.",
    )
    try:
        found = _alarms(join(_MESSAGES[:6]))
    except KeyError as error:
        require(condition=False, message=f"There is no limit for {error}. A score that meets no row is no alarm.")
    require(
        found == _EXPECTED,
        f"A white wine has no limit of its own, so it is no alarm; it gave {found}, {_EXPECTED} was expected.",
    )
    found = _alarms(join(_MESSAGES))
    require(
        found == _EXPECTED,
        f"A limit of None is a tombstone: the row is gone, and a score after it meets nothing; it gave {found}.",
    )
    return f"Alarms: {_EXPECTED}. A limit changed, one went, one was never there, and each score met the right one."


def _alarms(found: Any) -> list[Any]:
    require(
        isinstance(found, Iterable) and not isinstance(found, (str, dict)),
        f"`join` returned {what_came(found)}. It is to return a list of the scores that are below their limit.",
    )
    alarms = list(found)
    strange = next((one for one in alarms if not isinstance(one, float)), 0.0)
    require(isinstance(strange, float), f"In the list is {what_came(strange)}. An alarm is the score alone, a number.")
    return alarms


EXERCISE = Exercise(
    id="pipelines-join",
    lesson="15",
    title="The join",
    goal="""
`join` gets messages in the order in which they came, each `(topic, key, value)`. A `limit` is a row of the table: the
newest of its key counts, and **`None` takes the row away**. A `score` meets the row of its key as it is at that moment.
Return the scores that are **below** their limit. A score that meets no row is no alarm.
""",
    stub="""
def join(messages):
    limits, alarms = {}, []
    for topic, key, value in messages:
        if topic == "limit":
            ____  # keep it; or take the row away
        else:
            ____  # an alarm?
    return alarms
""",
    answer="join",
    hints=(
        "A table is a dictionary: `limits[key] = value`.",
        "`limits.pop(key, None)` takes a row away, if there is one.",
        "`if key in limits and value < limits[key]: alarms.append(value)`",
    ),
    reference="""
def join(messages):
    limits, alarms = {}, []
    for topic, key, value in messages:
        if topic == "limit":
            limits[key] = value
            if value is None:
                del limits[key]
        elif key in limits and value < limits[key]:
            alarms.append(value)
    return alarms
""",
    wrong=(
        WrongAnswer(
            """
def join(messages):
    limits = {}
    for topic, key, value in messages:
        if topic == "limit":
            limits[key] = value
        elif key in limits and value < limits[key]:
            print(value)
""",
            "`join` returned `None`",
        ),
        WrongAnswer(
            """
def join(messages):
    limits = {}
    for topic, key, value in messages:
        if topic == "limit":
            limits[key] = value
        elif key in limits and value < limits[key]:
            return value
""",
            "`join` returned `6.0`, of type `float`",
        ),
        WrongAnswer(
            """
def join(messages):
    limits, alarms = {}, []
    for topic, key, value in messages:
        if topic == "limit":
            limits[key] = value
        elif key in limits and value < limits[key]:
            alarms.append((key, value))
    return alarms
""",
            "An alarm is the score alone",
        ),
        WrongAnswer(
            """
def join(messages):
    limits, alarms = {}, []
    for topic, key, value in messages:
        if topic == "limit":
            limits.setdefault(key, value)
        elif key in limits and value < limits[key]:
            alarms.append(value)
    return alarms
""",
            "takes the place of the one before",
        ),
        WrongAnswer(
            """
def join(messages):
    limits, alarms = {}, []
    for topic, key, value in messages:
        if topic == "limit":
            limits[key] = value
        elif value < limits[key]:
            alarms.append(value)
    return alarms
""",
            "A score that meets no row is no alarm",
        ),
        WrongAnswer(
            """
def join(messages):
    limit, alarms = None, []
    for topic, key, value in messages:
        if topic == "limit":
            limit = value
        elif limit is not None and value < limit:
            alarms.append(value)
    return alarms
""",
            "has no limit of its own",
        ),
        WrongAnswer(
            """
def join(messages):
    limits, alarms = {}, []
    for topic, key, value in messages:
        if topic == "limit" and value is not None:
            limits[key] = value
        elif topic == "score" and key in limits and value < limits[key]:
            alarms.append(value)
    return alarms
""",
            "is a tombstone",
        ),
    ),
    check=check,
)
