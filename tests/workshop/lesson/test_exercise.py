"""How an answer is judged, whatever the exercise."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from modelserving.errors import KafkaError, ServerError, WaitTimeout
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, NotYet, Outcome, Verdict, code_of, judge, require, what_came

NO_ENVIRONMENT = cast("LessonEnvironment", None)
Code = dict[str, Any]


def make(check: Callable[[LessonEnvironment, Any], str]) -> Exercise:
    return Exercise("an-id", "90", "title", "goal", "stub", "answer", ("a", "b"), "reference", (), check)


def passes(_: LessonEnvironment, answer: Any) -> str:
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
    assert judge(make(passes), NO_ENVIRONMENT, namespace["answer"]).outcome is Outcome.NOT_ATTEMPTED


@pytest.mark.parametrize("answer", [3, None, "...", [1, 2], print, lambda x: x])
def test_anything_else_is_judged(answer: object) -> None:
    """Also an answer of an odd type goes to the check, which can say what is wrong with it."""
    assert judge(make(passes), NO_ENVIRONMENT, answer).passed


def test_a_pass_says_what_was_seen() -> None:
    """A right answer gets a sentence about what it did, and not just a tick."""
    assert judge(make(passes), NO_ENVIRONMENT, 3).message == "seen 3"


def test_a_wrong_answer_gets_the_checks_message() -> None:
    """What the check says is missing is what the attendee reads."""

    def check(_: LessonEnvironment, answer: Any) -> str:
        require(answer == 4, "Two more.")
        return "good"

    verdict = judge(make(check), NO_ENVIRONMENT, 2)
    assert (verdict.outcome, verdict.message) == (Outcome.FAILED, "Two more.")


def test_an_error_in_the_answer_names_its_line() -> None:
    """An attendee's error is a failed answer with the line to look at, and never ends the notebook."""

    def answer(x: int) -> float:
        return x / 0

    verdict = judge(make(lambda _, function: str(function(1))), NO_ENVIRONMENT, answer)
    assert verdict.outcome is Outcome.FAILED
    assert "ZeroDivisionError" in verdict.message
    assert "return x / 0" in verdict.message


def test_require_lets_good_answers_pass() -> None:
    """It raises for what is false, and for that alone."""
    require(True, "never")
    with pytest.raises(NotYet, match="now"):
        require([], "now")


def endless(x: int) -> int:
    while True:
        x += 0


def asleep(_: int) -> None:
    time.sleep(60)


def stubborn(_: int) -> None:
    while True:
        with suppress(Exception):
            time.sleep(60)


def in_a_thread(_: int) -> None:
    """A loop on another thread, which the check's own thread waits for."""

    def loop() -> None:
        with suppress(TimeoutError):
            endless(1)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    thread.join()


@pytest.mark.parametrize("answer", [endless, asleep, stubborn, in_a_thread])
def test_an_answer_without_an_end_is_stopped_at_its_line(answer: Callable[[int], Any]) -> None:
    """A loop, a wait and one that swallows errors end with a sentence, and interrupts are the notebook's again."""
    before = signal.getsignal(signal.SIGINT)
    verdict = judge(make(lambda _, function: str(function(1))), NO_ENVIRONMENT, answer, answer_s=0.3)
    assert verdict.outcome is Outcome.FAILED
    assert "did not end within 0.3 s; it was at line" in verdict.message
    assert signal.getsignal(signal.SIGINT) is before


def test_an_answer_is_stopped_in_another_thread_too() -> None:
    """A front end may run a check in a thread; there, no signal comes."""
    found: list[Verdict] = []
    exercise = make(lambda _, function: str(function(1)))
    worker = threading.Thread(
        target=lambda: found.append(judge(exercise, NO_ENVIRONMENT, endless, answer_s=0.3)), daemon=True
    )
    worker.start()
    worker.join(60)
    assert [verdict.outcome for verdict in found] == [Outcome.FAILED]
    assert "did not end within 0.3 s; it was at line" in found[0].message


def test_a_check_has_a_limit_as_a_whole() -> None:
    """Where none of the attendee's code runs at the moment, nobody is blamed for certain."""

    def check(_: LessonEnvironment, answer: Any) -> str:
        time.sleep(60)
        return "never"

    exercise = replace(make(check), seconds=0.3)
    assert "did not end within 0.3 s" in judge(exercise, NO_ENVIRONMENT, endless).message


def test_an_interrupt_of_a_check_is_an_interrupt() -> None:
    """The stop button works while a check runs."""

    def check(_: LessonEnvironment, answer: Any) -> str:
        signal.raise_signal(signal.SIGINT)
        return "never"

    with pytest.raises(KeyboardInterrupt):
        judge(make(check), NO_ENVIRONMENT, 3)


@pytest.mark.parametrize("error", [KafkaError("no broker"), ServerError("no server"), ConnectionRefusedError()])
def test_the_broker_is_never_the_attendees_fault(error: Exception) -> None:
    """What fails outside of the answer's own lines says nothing about the answer."""

    def check(_: LessonEnvironment, answer: Any) -> str:
        raise error

    verdict = judge(make(check), NO_ENVIRONMENT, 3)
    assert verdict.outcome is Outcome.CANNOT_CHECK
    assert type(error).__name__ in verdict.message


@pytest.mark.parametrize(("answers", "outcome"), [(True, Outcome.FAILED), (False, Outcome.CANNOT_CHECK)])
def test_what_never_comes_is_the_brokers_fault_only_if_it_does_not_answer(answers: bool, outcome: Outcome) -> None:
    """A check that waits in vain for what an answer should have sent does not say that it could not do its work."""
    ground = SimpleNamespace(broker_answers=lambda: answers)

    def check(_: LessonEnvironment, answer: Any) -> str:
        raise WaitTimeout("Waited 30 s for the answers, in vain.")

    verdict = judge(make(check), cast("LessonEnvironment", ground), 3)
    assert verdict.outcome is outcome
    assert "30 s for the answers" in verdict.message


def test_a_value_that_the_check_cannot_use_is_named_as_such() -> None:
    """The code ran; what it gave has another type than the check needs."""
    verdict = judge(make(lambda _, answer: str(answer() + 1)), NO_ENVIRONMENT, eval("lambda: '1'"))
    assert verdict.outcome is Outcome.FAILED
    assert verdict.message.startswith("Your code ran, but the check cannot use what it gave: `TypeError")


def test_what_came_is_said_with_its_type_and_not_at_length() -> None:
    """Who returned the wrong thing reads which thing, and of which type; nothing at all has no type to speak of."""
    assert what_came(None) == "`None`"
    assert what_came([6.0]) == "`[6.0]`, of type `list`"
    assert len(what_came(list(range(1000)))) < 100


def test_the_code_of_an_answer_is_the_cell_it_stands_in() -> None:
    """After a pass it stands beside the reference; a mere value does not know its cell."""
    assert "def endless(x: int) -> int:" in code_of(endless)
    assert code_of(3) == ""
