"""Questions before a cell runs, and what happened, told afterwards, from a text that the cell does not show.

The texts of a lesson are in ``texts/NN.toml``, a table for each question::

    [next-offsets]
    ask = "Which offsets will the next two records get?"
    choices = ["0 and 0", "1 and 2"]       # left out: a number is typed
    was = "{second.offset} and {third.offset}"
    holds = ["third.offset == second.offset + 1"]
    happened = "They got offsets **{second.offset}** and **{third.offset}**."

What stands in braces is Python, as in an f-string, and is worked out with the variables of the notebook. So a cell ends
in ``lesson.tell("next-offsets")``, and nobody can read there what will come of it. ``holds`` are the claims that would
be asserts in a cell. ``until`` is an expression that ``tell`` waits for, where a wait in the cell would give the answer
away. A text with ``happened`` alone is a remark: nothing is asked before it.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from modelserving.errors import ConfigError
from modelserving.workshop.display.boxes import Box, happened

_THOUSANDS = re.compile(r"(?<!^0)(?<!^-0),(?=\d{3}(?!\d))")


@dataclass(frozen=True, slots=True)
class Question:
    """One prediction, and what came of it.

    Args:
        name: in its lesson.
        ask: the question; Markdown, in one paragraph. Empty: nothing is asked, this is a remark.
        choices: what there is to choose from; nothing: a number is typed.
        was: what it was, a template; of a question with choices, one of them.
        happened: what just happened, a template; an empty line between paragraphs.
        holds: expressions that are true where the lesson is right.
        until: an expression that becomes true when it has happened; empty: it has happened when the cell has run.
    """

    name: str
    ask: str
    was: str
    happened: str
    choices: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    until: str = ""

    @property
    def is_remark(self) -> bool:
        """Whether it only says what happened."""
        return not self.ask

    @property
    def templates(self) -> tuple[str, ...]:
        """All that is worked out with the notebook's variables, as Python expressions."""
        return (_template(self.was), _template(self.happened), *self.holds, *filter(None, [self.until]))

    def has_happened(self, names: Mapping[str, Any]) -> bool:
        """Whether what it waits for is so; errors as for ``outcome``."""
        return bool(self._work_out(self.until, names))

    def outcome(self, names: Mapping[str, Any]) -> str:
        """What it was.

        Args:
            names: the notebook's variables.

        Raises:
            AssertionError: what the lesson claims does not hold; the message names the claim.
            ConfigError: a name that the text needs is not there.
        """
        for claim in self.holds:
            if not self._work_out(claim, names):
                raise AssertionError(f"The lesson claims `{claim}`, and here that is not so ({self.name}).")
        return str(self._work_out(_template(self.was), names))

    def told(self, names: Mapping[str, Any]) -> str:
        """What just happened, with the values that were seen; errors as for ``outcome``."""
        return str(self._work_out(_template(self.happened), names))

    def is_right(self, said: str, was: str) -> bool:
        """Whether a prediction came true; numbers are compared as numbers."""
        return said == was or (not self.choices and typed_number(said) == typed_number(was) is not None)

    def _work_out(self, expression: str, names: Mapping[str, Any]) -> Any:
        try:
            # Text of this package, never of an attendee: an f-string that stands in a file.
            return eval(expression, dict(names))  # noqa: S307
        except NameError as error:
            raise ConfigError(f"{self.name}: {error}. Run the cells above this one first.") from None


def questions_of(lesson: str) -> dict[str, Question]:
    """The questions of a lesson by name; none where it has no text.

    Args:
        lesson: its number, two digits.

    Raises:
        ConfigError: the text is malformed.
    """
    return dict(_read(lesson))


def find_question(lesson: str, name: str) -> Question:
    """One question.

    Raises:
        ConfigError: there is none of that name; the message lists those that there are.
    """
    known = _read(lesson)
    if name not in known:
        raise ConfigError(f"lesson {lesson} asks no question {name!r}. It asks: {', '.join(known) or 'none'}.")
    return known[name]


def tell(question: Question, said: str | None, names: Mapping[str, Any]) -> tuple[str, Box]:
    """What it was, and the box that says so beside what was predicted; or just what happened.

    Args:
        question: which.
        said: the prediction; ``None`` where there was none.
        names: the notebook's variables.
    """
    was = question.outcome(names)
    if question.is_remark:
        return was, happened(question.told(names))
    if said is None:
        title = f"The answer: {was}"
    elif question.is_right(said, was):
        title = f"You said {said}, and so it was"
    else:
        title = f"You said {said}; it was {was}"
    return was, Box(title, question.told(names))


def typed_number(text: str) -> float | None:
    """The number that somebody typed, a comma between thousands or before a fraction; ``None``: it is none."""
    try:
        number = float(_THOUSANDS.sub("", text.strip()).replace(",", "."))
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _template(text: str) -> str:
    return f"f'''{text}'''"


@cache
def _read(lesson: str) -> Mapping[str, Question]:
    file = resources.files(__package__) / "texts" / f"{lesson}.toml"
    if not file.is_file():
        return {}
    try:
        stored = tomllib.loads(file.read_text(encoding="utf-8"))
        return {name: _question(name, fields) for name, fields in stored.items()}
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{file}: {error!r}") from error


def _question(name: str, fields: Mapping[str, Any]) -> Question:
    given: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v.strip() for key, v in fields.items()}
    return Question(name, given.pop("ask", ""), given.pop("was", ""), given.pop("happened"), **given)
