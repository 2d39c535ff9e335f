"""The timetable (``timetable.toml``): which slides, lessons and breaks make a half day and a full day."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from modelserving.errors import ConfigError

_FILE = Path(__file__).with_suffix(".toml")
_KINDS = {"slides", "lesson", "exercise", "pause"}
_TOLERANCE = 0.5


@dataclass(frozen=True, slots=True)
class TimetableEntry:
    """One row.

    Args:
        kind: ``slides``, ``lesson``, ``exercise`` or ``pause``.
        what: the block of slides, the lesson's number, or words.
        minutes: how long it takes.
    """

    kind: str
    what: str
    minutes: int


@dataclass(frozen=True, slots=True)
class Timetable:
    """A day.

    Args:
        day: ``half`` or ``full``.
        minutes: how long it is.
        begin: minute of the day at which it begins.
        entries: in order.
    """

    day: str
    minutes: int
    begin: int
    entries: tuple[TimetableEntry, ...]

    def of(self, kind: str) -> tuple[str, ...]:
        """What there is of a kind, in order: the numbers of its lessons, for example."""
        return tuple(entry.what for entry in self.entries if entry.kind == kind)

    def check(self, slides: Mapping[str, float], lessons: Mapping[str, str]) -> list[str]:
        """What does not add up, in sentences; nothing if all does.

        Args:
            slides: minutes of each block on this day, by name.
            lessons: those that there are, by number.
        """
        wrong = []
        for entry in self.entries:
            if entry.kind == "slides" and entry.what not in slides:
                wrong.append(f"{self.day} day: there are no slides {entry.what}")
            elif entry.kind == "slides" and abs(slides[entry.what] - entry.minutes) > _TOLERANCE:
                wrong.append(
                    f"{self.day} day: {entry.what} has {entry.minutes} minutes, its slides take {slides[entry.what]:g}"
                )
            elif entry.kind == "lesson" and entry.what not in lessons:
                wrong.append(f"{self.day} day: there is no lesson {entry.what}")
        total = sum(entry.minutes for entry in self.entries)
        if total != self.minutes:
            wrong.append(f"{self.day} day: its entries take {total} minutes, not {self.minutes}")
        return wrong

    def table(self, lessons: Mapping[str, str], slides: Mapping[str, str] | None = None) -> str:
        """The day in Markdown, with the time at which each row begins.

        Args:
            lessons: what is written for each one, by number.
            slides: the same for each block, by name; without it, slides have no rows of their own.
        """
        rows, now = ["| from | minutes | |", "|---|--:|---|"], self.begin
        for entry in self.entries:
            names = {"slides": slides, "lesson": lessons}.get(entry.kind)
            if entry.kind != "slides" or slides is not None:
                what = names.get(entry.what, entry.what) if names else entry.what
                rows.append(f"| {now // 60}:{now % 60:02} | {entry.minutes} | {what} |")
            now += entry.minutes
        return "\n".join(rows)


def read_timetable(day: str, path: Path = _FILE) -> Timetable:
    """A day of the file.

    Raises:
        ConfigError: the file has no such day, or an entry cannot be read.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))[day]
        hour, _, minute = table["begin"].partition(":")
        entries = tuple(_entry(row) for row in table["entries"])
        return Timetable(day, table["minutes"], int(hour) * 60 + int(minute), entries)
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ConfigError(f"{path} has no day `{day}` that can be read: {error!r}") from error


def _entry(row: Mapping[str, object]) -> TimetableEntry:
    (kind,) = set(row) - {"minutes"}
    if kind not in _KINDS:
        raise ValueError(f"{kind} is none of {sorted(_KINDS)}")
    return TimetableEntry(kind, str(row[kind]), int(str(row["minutes"])))
