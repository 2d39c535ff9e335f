"""Lesson 14: a receiver to which the same call may come twice."""

from __future__ import annotations

from typing import Any

from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require, what_came

_ONCE = [("wines/0/0", 6), ("wines/0/1", 6), ("wines/0/2", 1)]
_TWICE = [*_ONCE, ("wines/0/2", 1), ("wines/0/1", 6), ("wines/0/2", 1), ("wines/0/3", 2), ("wines/0/1", 6)]


def check(lesson: LessonEnvironment, cellar: Any) -> str:
    """Call it as the broker's world does: in order, then again from an earlier offset, and late once more."""
    del lesson
    plain = _filled(cellar, _ONCE)
    require(plain, "Three calls with 6, 6 and 1 bottles, and `self.bottles` is 0: nothing was counted in it.")
    require(
        plain == 13,
        f"Three calls with 6, 6 and 1 bottles, each for another wine, and there are {plain}; 13 were expected. Two "
        "wines may have equally many bottles: only the key says whether it is the same call.",
    )
    again = _filled(cellar, _TWICE)
    require(
        again < 29, f"{again} bottles: what came twice was counted twice. Ask first whether the key was there before."
    )
    require(
        again == 15,
        f"{again} bottles, 15 were expected. After a crash a whole batch comes again, so a key that comes back need "
        "not be the last one: remember all of them.",
    )
    return "15 bottles, though 8 calls named 29: each wine was counted once, in whatever order its calls came."


def _filled(cellar: Any, calls: list[tuple[str, int]]) -> Any:
    made = cellar()
    for key, bottles in calls:
        made.receive(key, bottles)
    found = getattr(made, "bottles", None)
    require(
        isinstance(found, int),
        f"After some calls `self.bottles` is {what_came(found)}. It is to be a number, how many bottles there are: "
        "0 in `__init__`, and more with each new call.",
    )
    return found


EXERCISE = Exercise(
    id="delivery-idempotent",
    lesson="14",
    title="A bottle is a bottle",
    goal="""
The worker gives each call a key, topic, partition and offset of the wine, so a call that comes twice can be known.
Write `receive`, which counts bottles in `self.bottles`, so that **a call that comes again changes nothing**: it is
*idempotent*.
""",
    stub="""
class Cellar:
    def __init__(self):
        self.bottles = 0
        self.seen = set()

    def receive(self, key, bottles):
        ____  # count them, unless this key was there before
""",
    answer="Cellar",
    hints=(
        "`self.seen` is a set: `key in self.seen` asks, `self.seen.add(key)` remembers.",
        "If the key is in the set, there is nothing to do.",
        "Else add the key to the set, and the bottles to the sum.",
    ),
    reference="""
class Cellar:
    def __init__(self):
        self.bottles = 0
        self.seen = set()

    def receive(self, key, bottles):
        if key not in self.seen:
            self.seen.add(key)
            self.bottles += bottles
""",
    wrong=(
        WrongAnswer(
            """
class Cellar:
    def __init__(self):
        self.bottles = []

    def receive(self, key, bottles):
        self.bottles.append((key, bottles))
""",
            "It is to be a number",
        ),
        WrongAnswer(
            """
class Cellar:
    def __init__(self):
        self.bottles = 0
        self.seen = set()

    def receive(self, key, bottles):
        if key not in self.seen:
            self.seen.add(key)
            return self.bottles + bottles
""",
            "nothing was counted in it",
        ),
        WrongAnswer(
            """
class Cellar:
    def __init__(self):
        self.bottles = 0

    def receive(self, key, bottles):
        self.bottles += bottles
""",
            "was counted twice",
        ),
        WrongAnswer(
            """
class Cellar:
    def __init__(self):
        self.bottles = 0
        self.last = ""

    def receive(self, key, bottles):
        if key != self.last:
            self.bottles += bottles
        self.last = key
""",
            "remember all of them",
        ),
        WrongAnswer(
            """
class Cellar:
    def __init__(self):
        self.bottles = 0
        self.seen = set()

    def receive(self, key, bottles):
        if bottles not in self.seen:
            self.seen.add(bottles)
            self.bottles += bottles
""",
            "only the key says whether it is the same call",
        ),
    ),
    check=check,
)
