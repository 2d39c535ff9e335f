"""Lesson 17: by how much a model is better, for certain."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Sequence
from typing import Any

from modelserving.monitoring.truth.quality import improvement
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_CLOSE = 1e-3


def check(lesson: LessonEnvironment, at_least: Callable[[Sequence[float], Sequence[float]], Any]) -> str:
    """Judge by errors that hang together, as errors on the same wines do."""
    del lesson
    old, new = _errors(100)
    found, right = at_least(list(old), list(new)), improvement(old, new)
    require(isinstance(found, int | float), f"`at_least` gave {found!r:.60}, and not a number.")
    mean = right.gain
    require(
        abs(found - mean) > _CLOSE,
        f"You say {found:.3f}, which is the mean gain itself. On other wines it would be another one: "
        "take the doubt off.",
    )
    require(
        abs(found + mean) > _CLOSE and abs(found + mean + right.doubt) > _CLOSE,
        f"You say {found:.3f}. The new model is better: gain is the old error minus the new one.",
    )
    apart = mean - 1.96 * math.sqrt((_variance(old) + _variance(new)) / len(old))
    require(
        abs(found - apart) > _CLOSE,
        f"You say {found:.3f}, since you took the doubt of each model by itself. Both are asked about the **same** "
        "wines, and what is hard for both makes no doubt: take the gains first, wine by wine, and then their spread.",
    )
    require(
        abs(found - (mean - 1.96 * math.sqrt(_variance([a - b for a, b in zip(old, new, strict=True)])))) > _CLOSE,
        f"You say {found:.3f}. That is how far a single wine may be off; the mean of {len(old)} is surer, by the "
        "root of their number.",
    )
    require(
        abs(found - right.at_least) < _CLOSE,
        f"You say {found:.4f}; {right.at_least:.4f} was expected: the mean of the gains, less 1.96 times their "
        "standard deviation, divided by the root of their number.",
    )
    return f"At least {found:.3f}, on {len(old)} wines; the mean gain is {mean:.3f}."


def _errors(count: int) -> tuple[list[float], list[float]]:
    """Errors of two models on the same wines: some wines are hard for both."""
    chance = random.Random(17)
    hard = [abs(chance.gauss(0, 0.6)) for _ in range(count)]
    return [one + 0.2 + chance.uniform(0, 0.1) for one in hard], [one + chance.uniform(0, 0.2) for one in hard]


def _variance(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / (len(values) - 1)


EXERCISE = Exercise(
    id="watch-better",
    lesson="17",
    title="Better by at least",
    goal="""
`old` and `new` are the errors of two models on the **same** wines, in the same order. Write `at_least(old, new)`: by
how much the new model's mean error is smaller, as far as 95 in 100 is sure. That is the mean of the gains (old error
minus new error, wine by wine), less 1.96 times their standard deviation divided by the root of their number.
""",
    stub="""
from math import sqrt
from statistics import mean, stdev

def at_least(old, new):
    gains = ...
    return mean(gains) - 1.96 * ____
""",
    answer="at_least",
    hints=(
        "`zip(old, new)` goes through both, wine by wine.",
        "`gains = [before - after for before, after in zip(old, new)]`",
        "The doubt is `1.96 * stdev(gains) / sqrt(len(gains))`.",
    ),
    reference="""
from math import sqrt
from statistics import mean, stdev

def at_least(old, new):
    gains = [before - after for before, after in zip(old, new)]
    return mean(gains) - 1.96 * stdev(gains) / sqrt(len(gains))
""",
    wrong=(
        WrongAnswer(
            "from statistics import mean\n\ndef at_least(old, new):\n    return mean(old) - mean(new)\n",
            "take the doubt off",
        ),
        WrongAnswer(
            "from math import sqrt\nfrom statistics import mean, stdev\n\ndef at_least(old, new):\n"
            "    gains = [after - before for before, after in zip(old, new)]\n"
            "    return mean(gains) - 1.96 * stdev(gains) / sqrt(len(gains))\n",
            "the old error minus the new one",
        ),
        WrongAnswer(
            "from math import sqrt\nfrom statistics import mean, variance\n\ndef at_least(old, new):\n"
            "    doubt = sqrt((variance(old) + variance(new)) / len(old))\n"
            "    return mean(old) - mean(new) - 1.96 * doubt\n",
            "the doubt of each model by itself",
        ),
        WrongAnswer(
            "from statistics import mean, stdev\n\ndef at_least(old, new):\n"
            "    gains = [before - after for before, after in zip(old, new)]\n"
            "    return mean(gains) - 1.96 * stdev(gains)\n",
            "how far a single wine may be off",
        ),
    ),
    check=check,
)
