"""Waiting for something that nobody announces."""

from __future__ import annotations

import pytest

from modelserving.system import poll


def test_it_asks_until_the_answer_is_true_and_returns_that() -> None:
    """The first true answer, whatever it is."""
    answers = iter((None, "", "here", "too late"))
    assert poll(lambda: next(answers), 60, 0) == "here"


def test_it_asks_at_least_once_and_gives_up_with_a_false_answer() -> None:
    """Without any time to wait there is one question still."""
    asked: list[int] = []
    assert poll(lambda: asked.append(1), 0) is None
    assert asked == [1]


def test_an_error_ends_the_wait() -> None:
    """What cannot be asked is not asked again."""

    def fail() -> bool:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        poll(fail, 60)
