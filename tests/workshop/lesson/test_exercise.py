"""How an answer is judged, whatever the exercise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import pytest

from modelserving.workshop import Lesson
from modelserving.workshop.lesson.exercise import Exercise, NotYet, Outcome, judge, require

NO_LESSON = cast("Lesson", None)
Code = dict[str, Any]


def make(check: Callable[[Lesson, Any], str]) -> Exercise:
    return Exercise("an-id", "90", "title", "goal", "stub", "answer", ("a", "b"), "reference", (), check)


def passes(_: Lesson, answer: Any) -> str:
    return f"seen {answer}"


@pytest.mark.parametrize(
    "stub",
    [
        "answer = ...",
        "answer = [1, ...]",
        "def answer(x):\n    return ...",
        "def answer(x):\n    y = ...\n    return y + x",
        "def answer(x):\n    ____",
        "def answer(x):\n    return [____ for _ in x]",
        "async def answer(x):\n    return await ____",
        "class answer:\n    def method(self):\n        return ...",
    ],
)
def test_a_placeholder_anywhere_means_not_attempted(stub: str) -> None:
    """A half-filled stub is not run, so that nobody sees an error about an ellipsis."""
    namespace: Code = {}
    exec(stub, namespace)
    assert judge(make(passes), NO_LESSON, namespace["answer"]).outcome is Outcome.NOT_ATTEMPTED


@pytest.mark.parametrize("answer", [3, None, "...", [1, 2], print, lambda x: x])
def test_anything_else_is_judged(answer: object) -> None:
    """Also an answer of an odd type goes to the check, which can say what is wrong with it."""
    assert judge(make(passes), NO_LESSON, answer).passed


def test_a_pass_says_what_was_seen() -> None:
    """A right answer gets a sentence about what it did, and not just a tick."""
    assert judge(make(passes), NO_LESSON, 3).message == "seen 3"


def test_a_wrong_answer_gets_the_checks_message() -> None:
    """What the check says is missing is what the attendee reads."""

    def check(_: Lesson, answer: Any) -> str:
        require(answer == 4, "Two more.")
        return "good"

    verdict = judge(make(check), NO_LESSON, 2)
    assert (verdict.outcome, verdict.message) == (Outcome.FAILED, "Two more.")


def test_an_error_in_the_answer_names_its_line() -> None:
    """An attendee's error is a failed answer with the line to look at, and never ends the notebook."""

    def answer(x: int) -> float:
        return x / 0

    verdict = judge(make(lambda _, function: str(function(1))), NO_LESSON, answer)
    assert verdict.outcome is Outcome.FAILED
    assert "ZeroDivisionError" in verdict.message
    assert "return x / 0" in verdict.message


def test_require_lets_good_answers_pass() -> None:
    """It raises for what is false, and for that alone."""
    require(True, "never")
    with pytest.raises(NotYet, match="now"):
        require([], "now")
