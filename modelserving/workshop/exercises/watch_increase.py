"""Lesson 17: what a counter has counted, although it begins again with each restart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_CASES = (
    ((100.0, 150.0, 150.0, 230.0), 130.0, "It only ever grew."),
    ((500.0, 600.0, 40.0), 140.0, "The server was started again between the last two: since then it has counted 40."),
    ((900.0, 30.0, 70.0, 5.0), 75.0, "It was started again twice: 30, then 40 more, then 5."),
    ((42.0,), 0.0, "One answer says nothing about what was counted before or after."),
)


def check(lesson: LessonEnvironment, increase: Callable[[Sequence[float]], Any]) -> str:
    """Ask for counters that grow, that begin again, and of one answer."""
    del lesson
    for values, right, why in _CASES:
        found = increase(list(values))
        require(
            found == right,
            f"The counter said {', '.join(f'{value:g}' for value in values)}. It has counted {right:g}, and `increase` "
            f"says {found}. {why}",
        )
    return f"{len(_CASES)} counters, two of them of servers that were started again in between."


EXERCISE = Exercise(
    id="watch-increase",
    lesson="17",
    title="A counter that begins again",
    goal="""
A counter lives in the memory of a server: whenever that is started again, it begins at 0. Prometheus sees only what it
was told at each question. Write `increase(values)`: how much was counted between the first and the last of these values
(oldest first). Where a value is **less** than the one before, the server was started again, and has counted that value
since.
""",
    stub="""
from itertools import pairwise

def increase(values):
    counted = 0
    for before, after in pairwise(values):
        counted += ...
    return counted
""",
    answer="increase",
    hints=(
        "Two cases: `after >= before`, and not.",
        "Where it went on, `after - before` was counted; where it began again, `after` was.",
    ),
    reference="""
from itertools import pairwise

def increase(values):
    counted = 0
    for before, after in pairwise(values):
        counted += after - before if after >= before else after
    return counted
""",
    wrong=(
        WrongAnswer("def increase(values):\n    return values[-1] - values[0]\n", "says -460.0. The server was"),
        WrongAnswer("def increase(values):\n    return max(values) - min(values)\n", "says 560.0. The server was"),
        WrongAnswer(
            "from itertools import pairwise\n\ndef increase(values):\n"
            "    return sum(max(0, after - before) for before, after in pairwise(values))\n",
            "says 100.0. The server was",
        ),
        WrongAnswer("def increase(values):\n    return values[-1]\n", "says 230.0. It only ever grew"),
    ),
    check=check,
)
