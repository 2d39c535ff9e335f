"""The timetables in ``presentation/README.md``: written from the one file that has them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from modelserving.workshop.lab.home import LessonEntry
from modelserving.workshop.lab.timetable import read_timetable
from modelserving.workshop.slides.source import Block

_TABLES = {"### Half a day": "half", "### A full day": "full"}


def with_timetables(text: str, blocks: Sequence[Block], lessons: Sequence[LessonEntry]) -> str:
    """The text with both timetables as they are now.

    Args:
        text: of the README.
        blocks: of the slides.
        lessons: of the workbook.
    """
    titles = {block.name: f"Slides: {block.title}" for block in blocks}
    names = {lesson.number: f"**Lesson {lesson.title}**" for lesson in lessons}
    for heading, day in _TABLES.items():
        table = read_timetable(day).table(names, titles)
        before, _, rest = text.partition(f"{heading}\n\n")
        text = before + f"{heading}\n\n{table}\n\n#" + rest.partition("\n\n#")[2]
    return text


def write_timetables(readme: Path, blocks: Sequence[Block], lessons: Sequence[LessonEntry]) -> bool:
    """Write them into the file; nothing is written if they are there.

    Returns:
        Whether something was new.
    """
    before = readme.read_text(encoding="utf-8")
    after = with_timetables(before, blocks, lessons)
    if after != before:
        readme.write_text(after, encoding="utf-8", newline="\n")
    return after != before
