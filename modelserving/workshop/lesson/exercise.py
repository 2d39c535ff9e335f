"""An exercise: what is asked, what is given, and how an answer is judged.

One file in ``modelserving/workshop/exercises`` holds one exercise with everything that belongs to it, also the answers
that people get wrong. The stub in the notebook, the solution notebook and the tests all come from that file.
"""

from __future__ import annotations

import linecache
import traceback
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from enum import Enum
from types import CodeType, FunctionType
from typing import Any

from kafka.errors import KafkaError as KafkaClientError

from modelserving.errors import KafkaError, ServerError, WaitTimeout
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.limit import CodeLine, OutOfTime, limited

BLANK = "____"
"""What a stub shows where something is to be filled in; ``...`` as a value means the same."""

ANSWER_SECONDS = 15.0
"""What the code of an answer may take, all its calls together."""

_FILL_IN = (
    "There is a `...` or `____` left in the cell above. Put your code in place of each, run that cell, and check again."
)


class NotYet(Exception):
    """An answer is not right yet. The message says what was expected, what came, and where to look."""


class Outcome(Enum):
    """How an answer stands."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ATTEMPTED = "not attempted"
    CANNOT_CHECK = "cannot check"
    """The broker or a server failed, and not the answer."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.

    Args:
        exercise: id of the exercise.
        outcome: passed, failed, not attempted, or not to be judged now.
        message: one or two sentences: what was seen when it passed; what is missing when it did not.
    """

    exercise: str
    outcome: Outcome
    message: str

    @property
    def passed(self) -> bool:
        """Whether the answer is right."""
        return self.outcome is Outcome.PASSED


@dataclass(frozen=True, slots=True)
class WrongAnswer:
    """An answer that people give, and what they must be told.

    Args:
        code: the answer, in place of the stub.
        message: a part of the message that this mistake gets, and no other one.
    """

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise.

    Args:
        id: its name in notebooks and in the progress file; the file's name with ``-`` for ``_``.
        lesson: number of the lesson that it belongs to, two digits.
        title: a few words.
        goal: what to do, in Markdown.
        stub: the code that the attendee starts from.
        answer: the name, defined by the stub, that the check takes.
        hints: from the gentlest to the plainest.
        reference: a right answer, in place of the stub.
        wrong: answers that people give.
        check: takes the lesson and the answer, and returns what it saw; raises ``NotYet`` for a wrong answer.
        seconds: limit of the check as a whole, for one that starts servers; the answer's own code has less.
    """

    id: str
    lesson: str
    title: str
    goal: str
    stub: str
    answer: str
    hints: tuple[str, ...]
    reference: str
    wrong: tuple[WrongAnswer, ...]
    check: Callable[[LessonEnvironment, Any], str]
    seconds: float = 90.0


def require(condition: object, message: str) -> None:
    """Refuse an answer unless ``condition`` holds.

    Raises:
        NotYet: it does not.
    """
    if not condition:
        raise NotYet(message)


def what_came(value: object) -> str:
    """What came instead of what was asked for, with its type: for the sentence of a verdict."""
    return "`None`" if value is None else f"`{value!r:.60}`, of type `{type(value).__name__}`"


def judge(exercise: Exercise, lesson: LessonEnvironment, answer: Any, *, answer_s: float = ANSWER_SECONDS) -> Verdict:
    """Run the check of an exercise, for a limited time.

    An error in the attendee's code is a failed answer, with the error and its line; it never ends the notebook. An
    error of broker or server is not the answer's.

    Args:
        exercise: whose check.
        lesson: where it runs.
        answer: what the attendee's cell defines.
        answer_s: seconds that the code of the answer may take, all its calls together.
    """
    if _blanks(answer):
        return Verdict(exercise.id, Outcome.NOT_ATTEMPTED, _FILL_IN)
    files = {code.co_filename for code in _codes(answer)}
    try:
        with limited(files, answer_s, exercise.seconds):
            seen = exercise.check(lesson, answer)
    except NotYet as wrong:
        return Verdict(exercise.id, Outcome.FAILED, str(wrong))
    except OutOfTime as over:
        return Verdict(exercise.id, Outcome.FAILED, _too_long(over))
    except Exception as error:  # noqa: BLE001
        return _explain(exercise.id, error, files, lesson)
    return Verdict(exercise.id, Outcome.PASSED, seen)


def code_of(answer: Any) -> str:
    """The cell that a function or a class comes from; empty for a value, which no longer knows it."""
    files = dict.fromkeys(code.co_filename for code in _codes(answer))
    return "".join(line for file in list(files)[:1] for line in linecache.getlines(file))


def _blanks(answer: Any) -> bool:
    """Whether a value, or the code of a function or class, still holds a placeholder."""
    if answer is Ellipsis:
        return True
    if isinstance(answer, (tuple, list)):
        return any(_blanks(part) for part in answer)
    return any(Ellipsis in code.co_consts or BLANK in code.co_names for code in _codes(answer))


def _codes(answer: Any) -> Iterable[CodeType]:
    """Code of a function, of a class's methods, and of all that is defined inside."""
    if isinstance(answer, type):
        todo = [member.__code__ for member in vars(answer).values() if isinstance(member, FunctionType)]
    else:
        todo = [answer.__code__] if isinstance(answer, FunctionType) else []
    while todo:
        code = todo.pop()
        yield code
        todo += [const for const in code.co_consts if isinstance(const, CodeType)]


def _too_long(over: OutOfTime) -> str:
    if over.line is None:
        return (
            f"The check did not end within {over.seconds:g} s. Does your code wait for something that never comes? If "
            "you are sure of it, the machine may be busy: run the check again."
        )
    return (
        f"Your code did not end within {over.seconds:g} s; it was at {over.line}. Does it wait for a record that "
        "never comes, or does a loop have no end?"
    )


def _explain(exercise: str, error: Exception, files: Set[str], lesson: LessonEnvironment) -> Verdict:
    """Name the error, and the line of the attendee's code that it came from; or say that it is not the attendee's."""
    lines = [line for one in _chain(error) for line in _lines(one, files)]
    if isinstance(error, WaitTimeout) and not lines and lesson.broker_answers():
        message = f"What the check looks for did not come. {error} If you are sure of your code, run the check again."
        return Verdict(exercise, Outcome.FAILED, message)
    infrastructure = isinstance(error, (KafkaError, ServerError, KafkaClientError, OSError))
    if infrastructure and (not lines or not lesson.broker_answers()):
        message = f"The check itself could not do its work, which says nothing about your answer: {_said(error)}"
        return Verdict(exercise, Outcome.CANNOT_CHECK, message)
    if lines:
        return Verdict(exercise, Outcome.FAILED, f"Your code raised {_said(error)} It happened at {lines[-1]}.")
    message = (
        f"Your code ran, but the check cannot use what it gave: {_said(error)} Is it of the type that is asked for?"
    )
    return Verdict(exercise, Outcome.FAILED, message)


def _said(error: Exception) -> str:
    said = " ".join(str(error).split())
    told = f"`{type(error).__name__}: {said}`" if said else f"`{type(error).__name__}`"
    return f"{told}."


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and those that it came from."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _lines(error: BaseException, files: Set[str]) -> list[CodeLine]:
    """The lines of these files that an error went through, the one where it happened last."""
    frames = traceback.extract_tb(error.__traceback__)
    return [CodeLine.of(frame.filename, frame.lineno or 0) for frame in frames if frame.filename in files]
