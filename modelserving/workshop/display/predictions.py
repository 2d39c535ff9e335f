"""What an attendee predicts: asked with buttons or a field, kept in a small local file, gathered in the recap."""

from __future__ import annotations

import html
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from modelserving.config import Settings
from modelserving.errors import ConfigError
from modelserving.workshop.display.boxes import Box, Table, table
from modelserving.workshop.display.questions import Question, find_question, questions_of, tell, typed_number
from modelserving.workshop.lesson.kept import KeptFile, warn_of

_CHOICES = "modelserving-choices"
_WRAPPED = (
    f"<style>.{_CHOICES} .jupyter-button {{ white-space: normal; height: auto; max-width: 100%; text-align: left; "
    "min-height: var(--jp-widgets-inline-height); line-height: 1.35; padding: .3em .8em; }</style>"
)
"""A choice of many words is cut off by a button's own style."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """What was said, and what it was.

    Args:
        said: by the attendee; ``None``: nothing.
        was: ``None`` while nobody knows.
    """

    said: str | None = None
    was: str | None = None


class Predictions:
    """The predictions of one lesson.

    Args:
        lesson: its number, two digits.
        path: the file for those of all lessons; it need not exist.
    """

    def __init__(self, lesson: str, path: Path) -> None:
        self.lesson = lesson
        self.path = path
        self._kept = KeptFile(path)

    @classmethod
    def made_in(cls, lesson: str, settings: Settings) -> Predictions:
        """Those of a lesson, in the home folder."""
        return cls(lesson, settings.home / "predictions.json")

    @property
    def lessons(self) -> tuple[str, ...]:
        """All lessons in the file."""
        return tuple(self._kept.read())

    def ask(self, name: str, guess: str | float | None = None) -> Asked:
        """Ask a question of the lesson.

        Args:
            name: which.
            guess: the answer, where there is nothing to click.

        Raises:
            ConfigError: there is no such question, or the guess is none of its choices.
        """
        question = find_question(self.lesson, name)
        asked = Asked(question, self)
        if guess is not None and (why := asked.say(str(guess))):
            warn_of(why)
        return asked

    def tell(self, name: str, names: Mapping[str, Any]) -> Box:
        """Say what happened, beside what was predicted, and write it down.

        Args:
            name: of the question.
            names: the notebook's variables.

        Raises:
            AssertionError: a claim of the lesson does not hold.
        """
        said = self.of(name).said
        question = find_question(self.lesson, name)
        was, box = tell(question, said, names)
        if not question.is_remark and (why := self.note(name, Prediction(said, was))):
            warn_of(why)
        return box

    def recap(self) -> Table:
        """All predictions of the lesson, a row each."""
        kept = {name: self.of(name) for name, one in questions_of(self.lesson).items() if not one.is_remark}
        rows = [
            (find_question(self.lesson, name).ask, one.said or "–", one.was or "not run yet")
            for name, one in kept.items()
        ]
        right = sum(find_question(self.lesson, n).is_right(p.said, p.was) for n, p in kept.items() if p.said and p.was)
        made = sum(one.said is not None for one in kept.values())
        return table(f"{made} predictions of {len(rows)}; {right} came true", rows, "question", "you said", "it was")

    def of(self, name: str) -> Prediction:
        """One prediction; a file that cannot be read counts as none."""
        try:
            return Prediction(**self._kept.read()[self.lesson][name])
        except (KeyError, TypeError):
            return Prediction()

    def note(self, name: str, prediction: Prediction) -> str:
        """Write one down.

        Returns:
            Why that was not possible, in a sentence; empty when it was.
        """
        said = {name: asdict(prediction)}
        return self._kept.try_change(lambda kept: {**kept, self.lesson: {**_table(kept.get(self.lesson)), **said}})

    def forget(self) -> None:
        """Forget those of this lesson."""
        self._kept.change(lambda stored: {lesson: kept for lesson, kept in stored.items() if lesson != self.lesson})


def _table(stored: object) -> dict[str, Any]:
    """Those of a lesson as they stand in the file; of one that somebody spoiled, none."""
    return stored if isinstance(stored, dict) else {}


class Asked:
    """A question as it is shown: with buttons or a field in a notebook, as text elsewhere."""

    def __init__(self, question: Question, kept: Predictions) -> None:
        self.question = question
        self._kept = kept

    def say(self, guess: str) -> str:
        """Predict.

        Returns:
            Why it could not be written down, in a sentence; empty when it was.

        Raises:
            ConfigError: it is none of the choices, or no number; the message says what there is.
        """
        guess = guess.strip()
        choices = self.question.choices
        if choices and guess not in choices:
            raise ConfigError(f"{guess!r} is not among the choices: {', '.join(map(repr, choices))}.")
        if not choices and typed_number(guess) is None:
            raise ConfigError(f"{guess!r} is no number. Predict one, such as 100.")
        return self._kept.note(self.question.name, Prediction(guess))

    def _repr_mimebundle_(self, **kwargs: object) -> dict[str, Any]:
        """Show the controls; a page without widgets shows the choices, and how to answer in code."""
        shown = self._controls()._repr_mimebundle_(**kwargs) or {}
        return {**shown, "text/plain": repr(self), "text/html": f"<p>{html.escape(repr(self))}</p>"}

    def __repr__(self) -> str:
        choices = self.question.choices
        offered = " · ".join(choices) if choices else "a number"
        example = repr(choices[0]) if choices else "100"
        return f'Your prediction: {offered}. (In code: lesson.predict("{self.question.name}", {example}))'

    def _controls(self) -> Any:
        import ipywidgets

        before = self._kept.of(self.question.name).said
        said = ipywidgets.HTML(_noted(before))
        said.add_class("modelserving-prediction")
        field = self._buttons(before) if self.question.choices else self._field(before)

        def heard(change: Mapping[str, Any]) -> None:
            said.value = self._hear(change["new"])

        field.observe(heard, names="value")
        wrapped = ipywidgets.HTML(_WRAPPED, layout={"display": "none"})
        return ipywidgets.VBox([field, said, wrapped])

    def _buttons(self, before: str | None) -> Any:
        import ipywidgets

        choices = self.question.choices
        buttons = ipywidgets.ToggleButtons(options=choices, value=before if before in choices else None)
        buttons.style.button_width = "auto"
        buttons.add_class(_CHOICES)
        return buttons

    def _field(self, before: str | None) -> Any:
        import ipywidgets

        return ipywidgets.Text(
            value=before or "", placeholder="a number, then Enter", continuous_update=False, layout={"width": "16em"}
        )

    def _hear(self, guess: str | None) -> str:
        if not guess:
            return _noted(None)
        try:
            why = self.say(guess)
        except ConfigError as error:
            return f"<em>{html.escape(str(error))}</em>"
        if not why:
            return _noted(guess)
        return f"<em>{html.escape(why)} Keep {html.escape(guess)} in mind, and run the next cell.</em>"


def _noted(said: str | None) -> str:
    if said is None:
        return "<em>Choose first, then run the next cell.</em>"
    return f"<em>Noted: {html.escape(said)}. Now run the next cell.</em>"
