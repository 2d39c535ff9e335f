"""Beginning again, at three levels."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from modelserving.config import Settings
from modelserving.kafka import list_topics
from modelserving.workshop import Lesson
from modelserving.workshop.display.predictions import Prediction, Predictions
from modelserving.workshop.exercises import find_exercise
from modelserving.workshop.lesson import reset
from modelserving.workshop.lesson.exercise import Outcome, Verdict
from modelserving.workshop.lesson.progress import Progress
from modelserving.workshop.lesson.reset import Reset, plan_exercise_reset, reset_lesson, reset_workbook

pytestmark = pytest.mark.broker


class Asked:
    """Somebody who is asked, remembers what, and always gives the same answer."""

    def __init__(self, answer: bool) -> None:
        self.plans: list[Reset] = []
        self._answer = answer

    def __call__(self, plan: Reset) -> bool:
        self.plans.append(plan)
        return self._answer


def test_an_exercise_is_forgotten_alone(settings: Settings) -> None:
    """The progress of other exercises stays."""
    solve(settings, "hello-broker", "kafka-keys")
    plan = plan_exercise_reset(find_exercise("kafka-keys"), settings)
    assert plan.exercises == ("kafka-keys",)
    assert plan.topics == ()


def test_a_lesson_is_reset_alone(begin: Callable[[str], Lesson], settings: Settings) -> None:
    """Its topics, files and progress go; those of the others stay."""
    begin("01").folder.joinpath("file").touch()
    other = begin("02")
    other.folder.joinpath("file").touch()
    kept = [
        settings.home / kind / f"lesson-{number}-actors" / "0"
        for kind in ("state", "streams")
        for number in ["01", "02"]
    ]
    for folder in kept:
        folder.mkdir(parents=True)
    solve(settings, "kafka-keys", "find-broken")
    predict(settings, "01", "02")
    asked = Asked(True)
    assert reset_lesson("01", settings, agree=asked)
    assert predicted(settings) == ("02",)
    left = list_topics(other.connection)
    assert not [topic for topic in left if topic.startswith("lesson-01-")]
    assert set(Progress.of(settings).steps()) == {"find-broken"}
    assert [folder.name for folder in asked.plans[0].folders] == ["lesson-01", "lesson-01-actors", "lesson-01-actors"]
    assert [folder.exists() for folder in kept] == [False, True, False, True]


def test_the_plan_names_all_that_goes(begin: Callable[[str], Lesson], settings: Settings) -> None:
    """Whoever is asked can see each topic, and that nothing else is meant."""
    begin("01").folder.joinpath("file").touch()
    solve(settings, "kafka-keys")
    predict(settings, "01")
    asked = Asked(False)
    reset_lesson("01", settings, agree=asked)
    said = str(asked.plans[0])
    assert said.startswith("Reset of lesson 01 deletes:")
    for part in ("progress of: kafka-keys", "predictions of lesson: 01", "lesson-01-wine-models", "folders: "):
        assert part in said


def test_without_agreement_nothing_goes(begin: Callable[[str], Lesson], settings: Settings) -> None:
    """Saying no leaves all as it was."""
    lesson = begin("01")
    assert not reset_lesson("01", settings, agree=lambda plan: False)
    assert lesson.topics.records in list_topics(lesson.connection)


def test_the_workbook_is_reset_but_own_work_is_kept(
    begin: Callable[[str], Lesson], settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All topics and progress go; notebooks that somebody worked on are only renamed, and never over others."""
    lesson = begin("01")
    solve(settings, "hello-broker")
    predict(settings, "01", "02")
    for name in ("work", "work-1"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "00_mine.ipynb").write_text(name)
    monkeypatch.setattr(reset, "checkout", lambda: tmp_path)
    assert reset_workbook(settings, agree=lambda plan: "renamed to work-2" in str(plan))
    assert not [topic for topic in list_topics(lesson.connection) if topic.startswith("lesson-")]
    assert Progress.of(settings).steps() == {}
    assert predicted(settings) == ()
    assert (tmp_path / "work-2" / "00_mine.ipynb").read_text() == "work"
    assert (tmp_path / "work-1" / "00_mine.ipynb").read_text() == "work-1"


def test_a_reset_of_nothing_says_so(settings: Settings) -> None:
    """A lesson that was never begun has nothing to delete, and that is no error."""
    asked = Asked(True)
    assert reset_lesson("77", settings, agree=asked)
    assert "nothing" in str(asked.plans[0])


def solve(settings: Settings, *exercises: str) -> None:
    for exercise in exercises:
        Progress.of(settings).note(Verdict(exercise, Outcome.PASSED, "good"))


def predict(settings: Settings, *lessons: str) -> None:
    for lesson in lessons:
        Predictions.made_in(lesson, settings).note("anything", Prediction("yes"))


def predicted(settings: Settings) -> tuple[str, ...]:
    return Predictions.made_in("00", settings).lessons
