"""The texts behind predictions."""

from __future__ import annotations

import pytest

from modelserving.errors import ConfigError
from modelserving.workshop.authoring.source import lesson_files
from modelserving.workshop.display.questions import Question, find_question, questions_of, tell, typed_number

_NUMBER = Question("how-many", "How many?", "{len(wines)}", "There were **{len(wines)}**.", holds=("len(wines) > 1",))
_CHOICE = Question("who", "Who?", "Ann", "It was {'Ann'}.", choices=("Ann", "Bob"))
_NAMES = {"wines": [1, 2, 3]}


@pytest.mark.parametrize(
    ("said", "title"),
    [
        (None, "The answer: 3"),
        ("3.0", "You said 3.0, and so it was"),
        ("100", "You said 100; it was 3"),
        ("no idea", "You said no idea; it was 3"),
    ],
)
def test_the_box_sets_what_was_said_beside_what_it_was(said: str | None, title: str) -> None:
    """Numbers are compared as numbers; with no prediction there is just the answer."""
    was, box = tell(_NUMBER, said, _NAMES)
    assert (was, box.title, box.text) == ("3", title, "There were **3**.")


@pytest.mark.parametrize(
    ("said", "was"),
    [
        ("1,9", "1.9"),
        ("1.9", "1.9"),
        ("0,5", "0.50"),
        ("0,125", "0.125"),
        (" -0,125", "-0.125"),
        ("1,000", "1000"),
        ("12,345,678", "12345678"),
        ("4000", "4,000"),
    ],
)
def test_a_comma_may_stand_before_a_fraction(said: str, was: str) -> None:
    """Much of the world writes it so; between thousands it may stand, too."""
    assert _NUMBER.is_right(said, was)


@pytest.mark.parametrize("said", ["", "nan", "inf", "1,2,3", "about 3"])
def test_what_is_no_number_is_none(said: str) -> None:
    """And no prediction is right because neither it nor the outcome is a number."""
    assert typed_number(said) is None
    assert not _NUMBER.is_right(said, "not tried")


def test_a_choice_is_right_word_for_word() -> None:
    """Of choices, one is the answer."""
    assert tell(_CHOICE, "Ann", {})[1].title == "You said Ann, and so it was"
    assert tell(_CHOICE, "Bob", {})[1].title == "You said Bob; it was Ann"


def test_a_claim_that_does_not_hold_fails_and_is_named() -> None:
    """What would have been an assert in the cell is one here: a lesson cannot tell what was not so."""
    with pytest.raises(AssertionError, match=r"len\(wines\) > 1"):
        tell(_NUMBER, None, {"wines": [1]})


def test_a_cell_that_was_not_run_is_said_to_be_missing() -> None:
    """A name that is not there is a message, not a traceback out of a text file."""
    with pytest.raises(ConfigError, match=r"'wines' is not defined. Run the cells above"):
        tell(_NUMBER, None, {})


def test_an_unknown_question_is_refused_with_those_there_are() -> None:
    """A slip of the pen is found at once."""
    with pytest.raises(ConfigError, match="better, killed, first-offset"):
        find_question("00", "beter")
    assert questions_of("99") == {}


@pytest.mark.parametrize("lesson", [path.name[:2] for path in lesson_files()])
def test_every_text_is_well_formed(lesson: str) -> None:
    """Each template compiles, and a question has two choices or more, or none for a number."""
    for question in questions_of(lesson).values():
        for template in question.templates:
            compile(template, question.name, "eval")
        assert len(question.choices) != 1
        assert len(set(question.choices)) == len(question.choices)
