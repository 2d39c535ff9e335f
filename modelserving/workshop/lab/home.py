"""The page that the lab opens: what there is, what is done, where to go on; written anew whenever progress changes."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from modelserving.system import write_atomically
from modelserving.workshop.exercises import all_exercises
from modelserving.workshop.lab.glossary import glossary_table
from modelserving.workshop.lab.timetable import read_timetable
from modelserving.workshop.lesson.progress import ExerciseStep, Progress

HOME = "home.md"
"""Its name in the attendee's folder."""
_TEMPLATE = Path(__file__).with_name("home.md")
_DAYS = {"half a day": "half", "a full day": "full"}
_PATHS: dict[str, tuple[str, ...]] = {
    "evenings of your own": (),
    "no time, but you know Kafka": ("00", "03", "04", "05"),
    "you have a table and a model of your own": ("00", "02", "05", "10"),
    "you know models, and want Kafka Streams": ("00", "01", "07", "08", "09"),
    "you have models running, and want to know how they do": ("04", "05", "14", "17"),
    "you know lesson 07, and want patterns of streams": ("11", "12", "13", "14", "16"),
}
"""Who has what takes which lessons, beside the two days of the timetable; none named: all of them."""


@dataclass(frozen=True, slots=True)
class LessonEntry:
    """A lesson in the list.

    Args:
        file: name of its notebook.
        title: with its number.
        minutes: that it takes, as its own box says; 0 if it does not say.
    """

    file: str
    title: str
    minutes: int

    @property
    def number(self) -> str:
        """Two digits."""
        return self.file[:2]

    @property
    def link(self) -> str:
        """In Markdown, with its title."""
        return self.link_as(self.title)

    def link_as(self, words: str) -> str:
        """In Markdown; a notebook may have any name, one with spaces too."""
        return f"[{words}]({quote(self.file)})"


def write_home(work: Path, progress: Progress) -> Path:
    """Write the page into the folder with the attendee's notebooks.

    Returns:
        Where it is.
    """
    path = work / HOME
    write_atomically(path, home_text(read_entries(work), progress.steps()))
    return path


def read_entries(folder: Path) -> tuple[LessonEntry, ...]:
    """The lessons in a folder; one that cannot be read, or of which there are several, is listed by its name."""
    found = [_entry(path) for path in sorted(folder.glob("[0-9][0-9]_*.ipynb"))]
    copies = Counter(lesson.number for lesson in found)
    return tuple(replace(one, title=Path(one.file).stem) if copies[one.number] > 1 else one for one in found)


def home_text(lessons: Sequence[LessonEntry], steps: Mapping[str, ExerciseStep]) -> str:
    """The page, in Markdown.

    Args:
        lessons: in order.
        steps: how far the exercises are that were begun, by id.
    """
    return _TEMPLATE.read_text(encoding="utf-8").format(
        go_on=_go_on(lessons, steps),
        lessons="\n".join(_row(lesson, steps) for lesson in lessons),
        paths="\n".join(_path_row(name, _chosen(lessons, numbers)) for name, numbers in _ways().items()),
        glossary=glossary_table(),
        timetable=read_timetable("full").table({lesson.number: lesson.link for lesson in _one_each(lessons)}),
    )


def _entry(path: Path) -> LessonEntry:
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        text = "\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    except (OSError, ValueError, KeyError, TypeError):
        text = ""
    title, minutes = re.search(r"^# (.+)$", text, re.MULTILINE), re.search(r"(\d+) minutes", text)
    return LessonEntry(path.name, title[1] if title else path.stem, int(minutes[1]) if minutes else 0)


def _exercises(lesson: LessonEntry) -> list[str]:
    return [exercise.id for exercise in all_exercises() if exercise.lesson == lesson.number]


def _row(lesson: LessonEntry, steps: Mapping[str, ExerciseStep]) -> str:
    names = _exercises(lesson)
    solved = sum(steps.get(name, ExerciseStep()).solved for name in names)
    begun = any(name in steps for name in names)
    mark = "✓" if names and solved == len(names) else "◐" if begun else "○"
    return f"| {mark} | {lesson.link} | {lesson.minutes or ''} | {solved} of {len(names)} solved |"


def _go_on(lessons: Sequence[LessonEntry], steps: Mapping[str, ExerciseStep]) -> str:
    """Where to go on: at the first open exercise of the last lesson that was begun, or of those after it."""
    every = [(lesson, name) for lesson in _one_each(lessons) for name in _exercises(lesson)]
    last = max((lesson.number for lesson, name in every if name in steps), default=None)
    if last is None:
        return f"**Begin here: {lessons[0].link}**" if lessons else "There are no lessons here yet."
    open_ones = [
        (lesson, name) for lesson, name in every if lesson.number >= last and not steps.get(name, ExerciseStep()).solved
    ]
    if not open_ones:
        return "**You have come to the end.** What is still open is in the list."
    lesson, name = open_ones[0]
    return f"**Go on where you were: {lesson.link}**, exercise `{name}`"


def _ways() -> dict[str, tuple[str, ...]]:
    return {name: read_timetable(day).of("lesson") for name, day in _DAYS.items()} | _PATHS


def _chosen(lessons: Sequence[LessonEntry], numbers: Sequence[str]) -> list[LessonEntry]:
    return [lesson for lesson in _one_each(lessons) if lesson.number in numbers or not numbers]


def _one_each(lessons: Sequence[LessonEntry]) -> list[LessonEntry]:
    """Of a lesson and its copies one alone: that of the shortest name, as JupyterLab names copies."""
    shortest = {one.number: one for one in sorted(lessons, key=lambda one: -len(one.file))}
    return [shortest[number] for number in sorted(shortest)]


def _path_row(name: str, lessons: Sequence[LessonEntry]) -> str:
    links = " · ".join(lesson.link_as(lesson.number) for lesson in lessons)
    return f"| {name} | {links} | {sum(lesson.minutes for lesson in lessons)} |"
