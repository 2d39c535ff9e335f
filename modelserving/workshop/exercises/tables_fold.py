"""Lesson 13: from a stream to its table, by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from modelserving.kstreams import Consumed, Materialized, StreamsBuilder, TopologyTestDriver, text
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_Records = Sequence[tuple[str, str | None]]
_NEWS: _Records = (
    ("merlot", "5"),
    ("riesling", "7"),
    ("merlot", "6"),
    ("riesling", None),
    ("syrah", None),
    ("riesling", "8"),
    ("syrah", "4"),
    ("merlot", None),
)


def check(lesson: LessonEnvironment, table_of: Callable[[_Records], dict[str, str]]) -> str:  # noqa: ARG001 - needs no broker
    """Compare with the engine's own table after each of the records."""
    for count in range(len(_NEWS) + 1):
        news = _NEWS[:count]
        found, right = table_of(news), _engine(news)
        require(
            found == right,
            f"After {list(news)} your table says {found}; the engine's says {right}.{_why(found, right)}",
        )
    return f"After each of {len(_NEWS)} records your table says what the engine's says; in the end {_engine(_NEWS)}."


def _engine(news: _Records) -> dict[str, str]:
    builder = StreamsBuilder()
    builder.table("news", Consumed.with_(text(), text()), Materialized.as_("now"))
    with TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("news", text(), text()).pipeKeyValueList(news)
        return dict(driver.getStateStore("now").all())


def _why(found: object, right: dict[str, str]) -> str:
    if isinstance(found, dict) and None in found.values():
        return " A tombstone deletes its key."
    if isinstance(found, dict) and found.keys() == right.keys():
        return " The last record of a key counts."
    return ""


EXERCISE = Exercise(
    id="tables-fold",
    lesson="13",
    title="A table by hand",
    goal="""
Write `table_of(records)`: it takes pairs of key and value, in their order, and gives the table that they make, as a
`dict`. A value of `None` is a tombstone; some come for a key that is not there.

The check compares it with the engine's own table, after each record.
""",
    stub="""
def table_of(records):
    table = {}
    for key, value in records:
        if value is None:
            ____
        else:
            ____
    return table
""",
    answer="table_of",
    hints=(
        "`table[key] = value` replaces what was there.",
        "`table.pop(key, None)` deletes a key, and does nothing if it is not there; `del table[key]` would fail.",
    ),
    reference="""
def table_of(records):
    table = {}
    for key, value in records:
        if value is None:
            table.pop(key, None)
        else:
            table[key] = value
    return table
""",
    wrong=(
        WrongAnswer(
            "def table_of(records):\n    return dict(records)\n",
            "A tombstone deletes its key",
        ),
        WrongAnswer(
            """
def table_of(records):
    table = {}
    for key, value in records:
        if value is None:
            del table[key]
        else:
            table[key] = value
    return table
""",
            "KeyError",
        ),
        WrongAnswer(
            """
def table_of(records):
    table = {}
    for key, value in records:
        if value is None:
            table.pop(key, None)
        else:
            table.setdefault(key, value)
    return table
""",
            "The last record of a key counts",
        ),
    ),
    check=check,
)
