"""Predictions, asked and kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelserving.errors import ConfigError
from modelserving.workshop.display.predictions import Prediction, Predictions
from modelserving.workshop.lesson import kept as lesson_kept


@pytest.fixture
def kept(tmp_path: Path) -> Predictions:
    """Those of lesson 00, of which nothing is known yet."""
    return Predictions("00", tmp_path / "home" / "predictions.json")


def test_a_prediction_is_kept_and_set_beside_what_happened(kept: Predictions) -> None:
    """It outlives the kernel, and the recap has both."""
    kept.ask("first-offset", 1)
    again = Predictions("00", kept.path)
    box = again.tell("first-offset", {"receipt": type("Receipt", (), {"offset": 0, "topic": "t"})})
    assert box.title == "You said 1; it was 0"
    assert kept.of("first-offset") == Prediction("1", "0")
    assert ("1", "0") in {row[1:] for row in kept.recap().rows}
    assert kept.recap().caption == "1 predictions of 3; 0 came true"


@pytest.mark.parametrize(("question", "guess"), [("better", "for ever"), ("first-offset", "the first")])
def test_a_guess_that_is_no_answer_is_refused(kept: Predictions, question: str, guess: str) -> None:
    """None of the choices, or no number: the message says what there is, and nothing is kept."""
    with pytest.raises(ConfigError, match=guess):
        kept.ask(question, guess)
    assert kept.of(question) == Prediction()


def test_a_click_is_a_prediction(kept: Predictions) -> None:
    """Buttons for choices, a field for a number; what is not a number is said beside the field."""
    buttons, said, _ = kept.ask("better")._controls().children
    buttons.value = "not at all"
    assert kept.of("better").said == "not at all"
    assert "Noted: not at all" in said.value
    field, said, _ = kept.ask("first-offset")._controls().children
    field.value = "zero"
    assert "no number" in said.value
    field.value = "0"
    assert kept.of("first-offset").said == "0"


def test_a_click_that_cannot_be_kept_is_not_called_noted(kept: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk one line says so, beside the buttons, and nothing else is shown."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lesson_kept, "write_atomically", full)
    buttons, said, _ = kept.ask("better")._controls().children
    buttons.value = "not at all"
    assert "Noted" not in said.value
    assert "No space left on device" in said.value
    assert "Keep not at all in mind" in said.value
    with pytest.warns(RuntimeWarning, match="No space left"):
        kept.ask("better", "not at all")


def test_without_widgets_the_choices_are_text(kept: Predictions) -> None:
    """A page that shows no widgets says what there is to choose from, and how."""
    shown = kept.ask("better")._repr_mimebundle_()
    assert "not at all" in shown["text/plain"]
    assert 'lesson.predict("better"' in shown["text/plain"]


def test_a_lesson_forgets_its_own_predictions_only(kept: Predictions) -> None:
    """A reset of one lesson leaves those of others."""
    other = Predictions("01", kept.path)
    other.note("x", Prediction("1", "2"))
    kept.ask("first-offset", 1)
    kept.forget()
    assert kept.of("first-offset") == Prediction()
    assert other.of("x") == Prediction("1", "2")


def test_a_broken_file_counts_as_none(kept: Predictions) -> None:
    """Somebody's editor may have spoiled it; a lesson goes on."""
    kept.path.parent.mkdir()
    kept.path.write_text("[1]")
    assert kept.of("better") == Prediction()
