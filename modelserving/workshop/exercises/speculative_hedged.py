"""Lesson 16: a second request when the first one has not come back for a while."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import numpy as np

from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_CASES = (
    ((4.0, 9.0, 10.0), (4.0, 1)),
    ((200.0, 5.0, 10.0), (15.0, 2)),
    ((12.0, 50.0, 10.0), (12.0, 2)),
    ((10.0, 5.0, 10.0), (10.0, 1)),
)
_REQUESTS = 5_000


def check(lesson: LessonEnvironment, hedged: Callable[[float, float, float], Any]) -> str:
    """Ask about single requests first, then about five thousand, of which one in twenty is very slow."""
    del lesson
    for asked, wanted in _CASES:
        found = hedged(*asked)
        require(
            isinstance(found, (tuple, list)) and len(found) == 2,
            f"`hedged{asked}` gave {found!r:.60}. It gives two things: how long it took, and how many were sent.",
        )
        took, sent = found
        require(
            took == wanted[0], f"`hedged{asked}` took {took} by your answer; {wanted[0]} was expected. {_why(asked)}"
        )
        require(
            sent == wanted[1], f"`hedged{asked}` sent {sent} by your answer; {wanted[1]} was expected. {_why(asked)}"
        )
    chance = random.Random(16)
    draws = [_draw(chance) for _ in range(2 * _REQUESTS)]
    pairs = list(zip(draws[::2], draws[1::2], strict=True))
    plain = np.percentile([first for first, _ in pairs], 99)
    found = [hedged(first, second, 10.0) for first, second in pairs]
    tail = np.percentile([took for took, _ in found], 99)
    more = sum(sent for _, sent in found) / _REQUESTS - 1
    return (
        f"Of {_REQUESTS:,} requests, 99 in 100 took at most {plain:.0f} ms alone, and {tail:.0f} ms when hedged after "
        f"10, for {more:.0%} more requests."
    )


def _draw(chance: random.Random) -> float:
    """A latency, milliseconds: mostly a few, one in twenty times a hundred and more."""
    return chance.uniform(100, 300) if chance.random() < 0.05 else chance.uniform(2, 8)


def _why(asked: tuple[float, float, float]) -> str:
    first, second, after = asked
    if first <= after:
        return f"The first one comes after {first:g}, so no second one is sent."
    return f"A second one is sent after {after:g}, and comes at {after + second:g}; the first one comes at {first:g}."


EXERCISE = Exercise(
    id="speculative-hedged",
    lesson="16",
    title="A hedged request",
    goal="""
A copy of the model is mostly quick, and now and then very slow. So ask one copy; if it has **not answered after**
`after` ms, ask another one, too, and take whichever comes first.

Write `hedged(first, second, after)`: the first copy would take `first` ms, the second one `second` ms from when it is
asked. Return how long the answer took, and how many requests were sent.
""",
    stub="""
def hedged(first, second, after):
    return ...
""",
    answer="hedged",
    hints=(
        "If the first one comes in time, there is no second request.",
        "The second one is sent at `after`, so it comes at `after + second`.",
        "Whichever comes first: `min(...)`.",
    ),
    reference="""
def hedged(first, second, after):
    if first <= after:
        return first, 1
    return min(first, after + second), 2
""",
    wrong=(
        WrongAnswer(
            "def hedged(first, second, after):\n    return min(first, after + second)\n", "It gives two things"
        ),
        WrongAnswer(
            "def hedged(first, second, after):\n    return min(first, after + second), 2\n", "no second one is sent"
        ),
        WrongAnswer(
            "def hedged(first, second, after):\n    if first <= after:\n        return first, 1\n"
            "    return min(first, second), 2\n",
            "took 5.0 by your answer",
        ),
        WrongAnswer(
            "def hedged(first, second, after):\n    if first <= after:\n        return first, 1\n"
            "    return after + second, 2\n",
            "took 60.0 by your answer",
        ),
    ),
    check=check,
)
