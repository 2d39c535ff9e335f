"""The progress file."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelserving.workshop.lesson.exercise import Outcome, Verdict
from modelserving.workshop.lesson.progress import ExerciseStep, Progress


@pytest.fixture
def progress(tmp_path: Path) -> Progress:
    return Progress(tmp_path / "home" / "progress.json")


def test_nothing_is_begun_before_the_first_check(progress: Progress) -> None:
    """The file need not exist."""
    assert progress.step("one") == ExerciseStep()


def test_checks_are_counted_and_the_latest_counts(progress: Progress) -> None:
    """Whoever fails after a pass has a failing answer in the notebook."""
    for outcome in (Outcome.FAILED, Outcome.PASSED, Outcome.FAILED):
        progress.note(Verdict("one", outcome, ""))
    assert progress.step("one") == ExerciseStep("failed", attempts=3)
    assert not progress.step("one").solved


def test_running_an_untouched_notebook_is_no_attempt(progress: Progress) -> None:
    """Run All writes nothing down."""
    progress.note(Verdict("one", Outcome.NOT_ATTEMPTED, ""))
    assert not progress.path.exists()


def test_hints_are_counted_from_nought(progress: Progress) -> None:
    """The count says which hint comes next."""
    assert [progress.note_hint("one") for _ in range(3)] == [0, 1, 2]


def test_a_solution_counts_as_seen_only_before_it_was_solved(progress: Progress) -> None:
    """Comparing one's own answer with ours afterwards is no peeking."""
    progress.note(Verdict("own", Outcome.PASSED, ""))
    progress.note_solution("own")
    progress.note_solution("peeked")
    assert not progress.step("own").solution_seen
    assert progress.step("peeked").solution_seen


def test_forgetting_one_leaves_the_others(progress: Progress) -> None:
    """A reset of one exercise costs nothing else."""
    progress.note_hint("one")
    progress.note_hint("other")
    progress.forget("one", "never begun")
    assert set(progress.steps()) == {"other"}


@pytest.mark.parametrize("content", ["", "{", "[]", '{"one": 3}', '{"one": {"colour": "red"}}'])
def test_a_spoiled_file_counts_as_none(progress: Progress, content: str) -> None:
    """Somebody's editor, or a newer version, must not keep a lesson from running."""
    progress.path.parent.mkdir()
    progress.path.write_text(content)
    assert progress.steps() == {}
    progress.note(Verdict("one", Outcome.PASSED, ""))
    assert progress.step("one").solved
