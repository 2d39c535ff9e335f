"""Lesson 03: models first, but not for ever."""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_Rule = Callable[[int, int, int], Any]
_AT_MOST = 3


def check(_: LessonEnvironment, choose: _Rule) -> str:
    """Merge real streams by the rule: records alone, models alone, a flood of each."""
    for models, records in ((0, 4), (5, 0), (10, 10), (1, 50)):
        with ExitStack() as streams:
            waiting = {
                "model": _filled("model", models, streams),
                "record": _filled("record", records, streams),
            }
            _merge(choose, waiting)
    return "A model waits for one record at most, and a record for three models in a row."


def _merge(choose: _Rule, waiting: dict[str, MemoryObjectReceiveStream[str]]) -> None:
    """Take from two streams what the rule says, until nothing is waiting."""
    in_a_row = 0
    while (models := _count(waiting["model"])) + (records := _count(waiting["record"])):
        kind = choose(models, records, in_a_row)
        _judge(kind, models, records, in_a_row)
        waiting[kind].receive_nowait()
        in_a_row = in_a_row + 1 if kind == "model" else 0


def _judge(kind: Any, models: int, records: int, in_a_row: int) -> None:
    there = f"{models} models and {records} records are waiting, {in_a_row} models have just gone by in a row"
    require(
        kind in {"model", "record", None}, f"`choose` answered `{kind!r}`. It is to answer 'model', 'record' or None."
    )
    require(kind is not None, f"{there}: `choose` answered None, so the stage would do nothing.")
    require(records if kind == "record" else models, f"{there}: `choose` wants a {kind}, and none is there.")
    require(
        kind == "model" or not models or in_a_row,
        f"{there}: `choose` lets a record go by, which the old model has to answer. Models first.",
    )
    require(
        kind == "model" or not models or in_a_row >= _AT_MOST,
        f"{there}: `choose` gives a record its turn too early. It comes after {_AT_MOST} models in a row.",
    )
    require(
        kind == "record" or not records or in_a_row < _AT_MOST,
        f"{there}: `choose` wants one more, and the records starve. After {_AT_MOST}, a record has its turn.",
    )


def _filled(thing: str, count: int, streams: ExitStack) -> MemoryObjectReceiveStream[str]:
    send, receive = anyio.create_memory_object_stream[str](math.inf)
    streams.enter_context(send)
    streams.enter_context(receive)
    for _ in range(count):
        send.send_nowait(thing)
    return receive


def _count(stream: MemoryObjectReceiveStream[str]) -> int:
    return stream.statistics().current_buffer_used


EXERCISE = Exercise(
    id="streams-fair-merge",
    lesson="03",
    title="Models first, but not for ever",
    goal="""
`merge(models, records)` always prefers models. So whoever floods the server with models stops the scoring. Write a
fairer rule. `choose` is told how many models and how many records wait, and how many models came **in a row** just
before; it answers `"model"`, `"record"`, or `None` when nothing is waiting.

* **Models first**: a model does not wait while records go by.
* But after **three models in a row**, a record that is waiting has its turn.
* Never choose what is not there.

The check merges two real streams by your rule.
""",
    stub="""
def choose(models, records, in_a_row):
    return ...
""",
    answer="choose",
    hints=(
        "Ask first when a record may go: when one is waiting, and either no model is, or three have just gone by.",
        'Three answers, in this order: `"record"` if its turn has come, `"model"` if one is waiting, else `None`.',
        "A record's turn: `records and (not models or in_a_row >= 3)`.",
    ),
    reference="""
def choose(models, records, in_a_row):
    if records and (not models or in_a_row >= 3):
        return "record"
    return "model" if models else None
""",
    wrong=(
        WrongAnswer(
            """
def choose(models, records, in_a_row):
    if models:
        return "model"
    return "record" if records else None
""",
            "the records starve",
        ),
        WrongAnswer(
            """
def choose(models, records, in_a_row):
    if records:
        return "record"
    return "model" if models else None
""",
            "`choose` lets a record go by",
        ),
        WrongAnswer(
            """
def choose(models, records, in_a_row):
    return "record" if in_a_row >= 3 else "model"
""",
            "and none is there",
        ),
        WrongAnswer(
            """
def choose(models, records, in_a_row):
    if models:
        return "model" if in_a_row < 3 else "record" if records else None
    return "record" if records else None
""",
            "so the stage would do nothing",
        ),
        WrongAnswer(
            """
def choose(models, records, in_a_row):
    if records and in_a_row:
        return "record"
    return "model" if models else "record" if records else None
""",
            "gives a record its turn too early",
        ),
        WrongAnswer(
            """
def choose(models, records, in_a_row):
    return models > 0
""",
            "It is to answer",
        ),
    ),
    check=check,
)
