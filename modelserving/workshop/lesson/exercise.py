"""An exercise: what is asked, what is given, and how an answer is judged.

One file in ``modelserving/workshop/exercises`` holds one exercise with everything that belongs to it, also the answers
that people get wrong. The stub in the notebook, the solution notebook and the tests all come from that file.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from modelserving.workshop.lesson.lesson import Lesson

__all__ = ["BLANK", "Exercise", "NotYet", "Outcome", "Verdict", "WrongAnswer", "judge", "require"]

BLANK = "____"
"""What a stub shows where something is to be filled in; ``...`` as a value means the same."""


_FILL_IN = "Nothing filled in yet. Put your code in place of each `...` or `____` in the cell above, and run that cell."


class NotYet(Exception):
    """An answer is not right yet. The message says what was expected, what came, and where to look."""


class Outcome(Enum):
    """How an answer stands."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_ATTEMPTED = "not attempted"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found.

    Args:
        exercise: id of the exercise.
        outcome: passed, failed, or not attempted.
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
    check: Callable[[Lesson, Any], str]


def require(condition: object, message: str) -> None:
    """Refuse an answer unless ``condition`` holds.

    Raises:
        NotYet: it does not.
    """
    if not condition:
        raise NotYet(message)


def judge(exercise: Exercise, lesson: Lesson, answer: Any) -> Verdict:
    """Run the check of an exercise.

    An error in the attendee's code is a failed answer, with the error and its line; it never ends the notebook.
    """
    if _blanks(answer):
        return Verdict(exercise.id, Outcome.NOT_ATTEMPTED, _FILL_IN)
    try:
        seen = exercise.check(lesson, answer)
    except NotYet as wrong:
        return Verdict(exercise.id, Outcome.FAILED, str(wrong))
    except Exception as error:  # noqa: BLE001
        return Verdict(exercise.id, Outcome.FAILED, _explain(error, answer))
    return Verdict(exercise.id, Outcome.PASSED, seen)


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


def _explain(error: Exception, answer: Any) -> str:
    """Name the error, and the line of the attendee's code that it came from."""
    files = {code.co_filename for code in _codes(answer)}
    lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename in files]
    where = f" in line `{lines[-1].line}`" if lines and lines[-1].line else ""
    return f"Your code raised `{type(error).__name__}: {error}`{where}."
