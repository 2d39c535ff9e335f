"""Lesson 15: a circuit breaker, by hand."""

from __future__ import annotations

from typing import Any

from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require, what_came


def check(lesson: LessonEnvironment, breaker: Any) -> str:
    """Fail, succeed and fail, and ask each time whether one may call."""
    del lesson
    one = breaker()
    require(_may_call(one), "Nothing has failed yet, and `may_call()` says no.")
    _note(one, "failed", 2)
    require(_may_call(one), "Two failures are not three: one may still call.")
    _note(one, "failed", 1)
    require(not _may_call(one), "Three failures in a row, and one may still call: the dead one is asked for ever.")
    two = breaker()
    _note(two, "failed", 2)
    _note(two, "worked", 1)
    _note(two, "failed", 2)
    require(
        _may_call(two),
        "Two failures, a success, two failures: that is not three in a row. After a success the count begins at 0.",
    )
    _note(two, "failed", 1)
    require(not _may_call(two), "After a success, three failures in a row must stop the calls again.")
    return "It counts failures in a row, and begins anew after a success."


def _may_call(breaker: Any) -> bool:
    found: bool = breaker.may_call()
    require(
        isinstance(found, bool),
        f"`may_call()` gave {what_came(found)}. It is to give `True` or `False`: is the count below 3?",
    )
    return found


def _note(breaker: Any, what: str, times: int) -> None:
    for _ in range(times):
        getattr(breaker, what)()


def _breaker(
    may_call: str, worked: str = "self.failures = 0", failed: str = "self.failures += 1", failures: str = "0"
) -> str:
    """An answer, right but for the lines that are given."""
    return f"""
class Breaker:
    def __init__(self):
        self.failures = {failures}

    def worked(self):
        {worked}

    def failed(self):
        {failed}

    def may_call(self):
        {may_call}
"""


EXERCISE = Exercise(
    id="pipelines-breaker",
    lesson="15",
    title="A breaker",
    goal="""
Write the heart of a circuit breaker. It is told of each call whether it `worked()` or `failed()`. **After three
failures in a row** `may_call()` says no. (When one tries again after that is left to the library.)
""",
    stub="""
class Breaker:
    def __init__(self):
        self.failures = 0

    def worked(self):
        ____

    def failed(self):
        ____

    def may_call(self):
        return ...
""",
    answer="Breaker",
    hints=(
        "`failed()` counts one more; `may_call()` compares the count with 3.",
        "In a row: what does a success do to the count?",
        "`worked()` sets `self.failures` to 0.",
    ),
    reference=_breaker("return self.failures < 3"),
    wrong=(
        WrongAnswer(
            _breaker("return self.failures", "self.failures.clear()", 'self.failures.append("failed")', "[]"),
            "`may_call()` gave `[]`, of type `list`",
        ),
        WrongAnswer(_breaker("print(self.failures < 3)"), "`may_call()` gave `None`"),
        WrongAnswer(_breaker("return self.failures < 3", worked="pass"), "that is not three in a row"),
        WrongAnswer(_breaker("return self.failures <= 3"), "the dead one is asked for ever"),
        WrongAnswer(_breaker("return self.failures < 2"), "Two failures are not three"),
    ),
    check=check,
)
