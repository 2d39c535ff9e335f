"""Starting again, at three levels: an exercise, a lesson, the whole workbook. Each says what goes before it goes."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from kafka import KafkaAdminClient

from modelserving.broker import use_broker
from modelserving.config import Settings, checkout
from modelserving.kafka import make_admin
from modelserving.system.files import free_name
from modelserving.workshop.display.predictions import Predictions
from modelserving.workshop.exercises import all_exercises
from modelserving.workshop.lesson import lesson_topics
from modelserving.workshop.lesson.exercise import Exercise
from modelserving.workshop.lesson.progress import Progress


@dataclass(frozen=True, slots=True)
class Reset:
    """What a reset takes away.

    Args:
        of: what is reset, in words.
        exercises: ids whose progress is forgotten.
        predictions: lessons whose predictions are forgotten.
        topics: topics that are deleted with their records.
        groups: consumer groups whose positions are deleted.
        folders: folders that are deleted with their files.
        set_aside: a folder of the attendee's own work, which is renamed and never deleted.
    """

    of: str
    exercises: tuple[str, ...] = ()
    predictions: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    set_aside: Path | None = None

    def __str__(self) -> str:
        parts = [
            ("progress of", self.exercises),
            ("predictions of lesson", self.predictions),
            ("topics", self.topics),
            ("consumer groups", self.groups),
            ("folders", tuple(str(folder) for folder in self.folders)),
        ]
        lines = [f"  {what}: {', '.join(names)}" for what, names in parts if names]
        if self.set_aside:
            lines.append(f"  {self.set_aside} is kept, renamed to {free_name(self.set_aside).name}")
        return "\n".join([f"Reset of {self.of} deletes:", *(lines or ["  nothing, there is nothing yet"])])


def plan_exercise_reset(exercise: Exercise, settings: Settings) -> Reset:
    """What resetting one exercise takes away: its progress. The cell with your code is yours to clear."""
    begun = Progress.of(settings).steps()
    return Reset(f"exercise {exercise.id}", exercises=(exercise.id,) if exercise.id in begun else ())


def plan_lesson_reset(number: str, admin: KafkaAdminClient, settings: Settings) -> Reset:
    """What resetting one lesson takes away: its topics, groups and state, the progress of its exercises, predictions.

    Args:
        number: of the lesson, two digits.
        admin: whom to ask what there is.
        settings: where local files are.
    """
    prefix = f"lesson-{number}"
    begun = Progress.of(settings).steps()
    mine = tuple(exercise.id for exercise in all_exercises() if exercise.lesson == number and exercise.id in begun)
    left = lesson_topics.find_leftovers(admin, prefix)
    made = (number,) if number in Predictions.made_in(number, settings).lessons else ()
    folders = lesson_topics.local_folders(settings, prefix)
    return Reset(f"lesson {number}", mine, made, left.topics, left.groups, folders)


def plan_workbook_reset(admin: KafkaAdminClient, settings: Settings) -> Reset:
    """What resetting everything takes away: as for a lesson, of all lessons; the ``work`` folder is set aside."""
    left = lesson_topics.find_leftovers(admin, "lesson")
    folder = checkout()
    work = folder / "work" if folder and (folder / "work").is_dir() else None
    begun, made = tuple(Progress.of(settings).steps()), Predictions.made_in("00", settings).lessons
    folders = lesson_topics.local_folders(settings, "lesson-")
    return Reset("the whole workbook", begun, made, left.topics, left.groups, folders, work)


def carry_out(reset: Reset, admin: KafkaAdminClient, settings: Settings) -> None:
    """Take away what a reset names."""
    lesson_topics.delete(admin, lesson_topics.Leftovers(reset.topics, reset.groups))
    Progress.of(settings).forget(*reset.exercises)
    for lesson in reset.predictions:
        Predictions.made_in(lesson, settings).forget()
    for folder in reset.folders:
        shutil.rmtree(folder, ignore_errors=True)
    if reset.set_aside:
        reset.set_aside.rename(free_name(reset.set_aside))


def reset_lesson(number: str, settings: Settings, agree: Callable[[Reset], bool]) -> bool:
    """Reset one lesson, on the broker that the settings name.

    Args:
        number: of the lesson, two digits.
        settings: which broker, and where local files are.
        agree: is shown what goes, and says whether it may.

    Returns:
        Whether it was done.
    """
    return _reset(lambda admin: plan_lesson_reset(number, admin, settings), settings, agree)


def reset_workbook(settings: Settings, agree: Callable[[Reset], bool]) -> bool:
    """Reset everything, on the broker that the settings name.

    Args:
        settings: which broker, and where local files are.
        agree: is shown what goes, and says whether it may.

    Returns:
        Whether it was done.
    """
    return _reset(lambda admin: plan_workbook_reset(admin, settings), settings, agree)


def _reset(plan: Callable[[KafkaAdminClient], Reset], settings: Settings, agree: Callable[[Reset], bool]) -> bool:
    with use_broker(settings) as connection, closing(make_admin(connection)) as admin:
        reset = plan(admin)
        if not agree(reset):
            return False
        carry_out(reset, admin, settings)
    return True
