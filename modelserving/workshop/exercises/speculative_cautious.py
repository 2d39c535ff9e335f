"""Lesson 16: a decider that promises no more than it must."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from modelserving.models.info import ModelInfo
from modelserving.records import ModelType
from modelserving.speculative.answers import Answer, Case, Participant, Responder
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_PEOPLE = tuple(Participant(name, rank) for rank, name in enumerate(("smart", "fast", "third")))


def check(lesson: LessonEnvironment, cautious: Callable[[Case], Any]) -> str:
    """Show it some wines, of which some are still waited for."""
    del lesson
    require(
        _said(cautious, [], ()) is None,
        "Nobody has answered, nobody is waited for, and your decider says something. Without an answer it can only "
        "return `None`: then there is the fallback.",
    )
    early = _said(cautious, [6.0, 5.0], _PEOPLE[2:])
    require(
        early is None,
        f"Two have answered, the third one is still waited for, and your decider says {early} already. The third one "
        "may say less: return `None` while `case.waiting` has somebody.",
    )
    some = [[7.0, 5.0, 6.0], [5.0, 7.0], [6.0, 6.0, 4.0], [3.0]]
    for values in some:
        found = _said(cautious, values, ())
        require(
            found == min(values),
            f"The answers are {values}, nobody is waited for, and your decider says {found}. The lowest is "
            f"{min(values)}.",
        )
    return f"{len(some)} wines, each with the lowest of its answers, and none too early."


def _said(cautious: Callable[[Case], Any], values: Sequence[float], waiting: tuple[Participant, ...]) -> float | None:
    answers = tuple(_answer(who.name, value) for who, value in zip(_PEOPLE, values, strict=False))
    choice = cautious(Case(answers, waiting, _PEOPLE))
    if choice is None:
        return None
    value = getattr(choice, "value", None)
    require(
        isinstance(value, int | float) and hasattr(choice, "reason"),
        f"Your decider returned {choice!r:.60}. It returns a `Choice`, with a value and a reason, or `None`.",
    )
    return value


def _answer(name: str, value: float) -> Answer:
    return Answer(value, None, 1.0, Responder(name, ModelInfo(name, "", name, ModelType.PMML, "1", "")))


EXERCISE = Exercise(
    id="speculative-cautious",
    lesson="16",
    title="A decider that promises little",
    goal="""
A wine merchant wants to promise no more than is safe. Write a decider that

* gives the **lowest** number of all answers,
* but only when **nobody is waited for** any more, since a lower one may still come;
* and says `None` where there is no answer at all.

A decider takes a `case` with `case.answers` (each has a `.value`) and `case.waiting`, and returns a
`Choice(value, label, reason)`; the label is `None` here.
""",
    stub="""
from modelserving.speculative.answers import Choice

def cautious(case):
    return ...
""",
    answer="cautious",
    hints=(
        "`case.waiting` is a tuple: an empty one is false.",
        "`min(answer.value for answer in case.answers)` is the lowest, if there is one.",
        'Two reasons to return `None`; else `Choice(lowest, None, "the lowest")`.',
    ),
    reference="""
from modelserving.speculative.answers import Choice

def cautious(case):
    if case.waiting or not case.answers:
        return None
    return Choice(min(answer.value for answer in case.answers), None, "the lowest")
""",
    wrong=(
        WrongAnswer(
            "from modelserving.speculative.answers import Choice\n\n"
            "def cautious(case):\n    lowest = min((one.value for one in case.answers), default=None)\n"
            '    return None if lowest is None else Choice(lowest, None, "")\n',
            "is still waited for",
        ),
        WrongAnswer(
            "from modelserving.speculative.answers import Choice\n\n"
            "def cautious(case):\n    if case.waiting or not case.answers:\n        return None\n"
            '    return Choice(case.answers[-1].value, None, "")\n',
            "The lowest is",
        ),
        WrongAnswer(
            "def cautious(case):\n    if case.waiting or not case.answers:\n        return None\n"
            "    return min(answer.value for answer in case.answers)\n",
            "It returns a `Choice`",
        ),
        WrongAnswer(
            "from modelserving.speculative.answers import Choice\n\n"
            "def cautious(case):\n    if case.waiting:\n        return None\n"
            '    return Choice(min((one.value for one in case.answers), default=0), None, "")\n',
            "Without an answer it can only",
        ),
    ),
    check=check,
)
