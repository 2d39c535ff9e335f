"""Lesson 06: what an actor must write down, to go on after its end."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from modelserving.actors import PykkaRuntime
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require, what_came

_NAME, _DESCRIPTION = "wine-tasters-choice", "a little of everything"


class Taster:
    """Scores with a model, and knows the mean of its scores.

    Args:
        file: where it writes what it keeps, after each message.
        kept: the names of the fields that it keeps.
    """

    def __init__(self, file: Path, kept: Sequence[str]) -> None:
        self._file = file
        self._kept = kept
        self.name = self.description = ""
        self.model: Callable[[float], float] | None = None
        self.count, self.total, self.mean = 0, 0.0, 0.0
        if file.exists():
            for field, value in json.loads(file.read_text(encoding="utf-8")).items():
                setattr(self, field, value)
            self.model = _build(self.name) if self.name else None
            self.mean = self.total / (self.count or 1)

    def receive(self, message: Any, /) -> object:
        """A model comes, a wine comes, or somebody asks how it is."""
        match message:
            case ("model", name, description):
                self.name, self.description, self.model = name, description, _build(name)
            case ("wine", alcohol) if self.model is not None:
                self.count += 1
                self.total += self.model(alcohol)
                self.mean = self.total / self.count
        if message != "how":
            kept = {field: getattr(self, field) for field in self._kept}
            self._file.write_text(json.dumps(kept), encoding="utf-8")
        return self.name, self.description, self.count, self.mean


def _build(name: str) -> Callable[[float], float]:
    return lambda alcohol: alcohol / 2 if name else 0.0


def check(lesson: LessonEnvironment, kept: Sequence[str]) -> str:
    """Let an actor work, end it, start another one on the same file, and see whether it goes on."""
    require(
        isinstance(kept, (tuple, list, set)),
        f'`kept` is {what_came(kept)}. It is to be names in brackets, with a comma behind each: `("name", ...)`.',
    )
    fields = ("name", "description", "model", "count", "total", "mean")
    unknown = [field for field in kept if field not in fields]
    require(not unknown, f"The actor has no field {unknown[0] if unknown else ''!r}. It has {', '.join(fields)}.")
    require("model" not in kept, "`model` is a living object, and cannot be written. What is it made of?")
    before, after, later = _live_twice(lesson.folder / "taster.json", kept)
    for index, what in ((0, "name"), (1, "description")):
        require(
            after[index] == before[index],
            f"The actor came back without its {what}: {after[index]!r}, not {before[index]!r}.",
        )
    require(after[2] == before[2], f"It had counted {before[2]} wines, and came back with {after[2]}.")
    require(after[3] == before[3], f"The mean was {before[3]:g} before, and is {after[3]:g} now: of what is it made?")
    require(later[2:] == (4, 5.5), f"One wine more, and it says {later[2:]} instead of (4, 5.5).")
    require(
        "mean" not in kept, "It goes on. But `mean` is written for nothing: it can be computed from what else you keep."
    )
    return f"It came back as {after[0]}, {after[2]} wines, mean {after[3]:g}; the next wine made that {later[3]:g}."


def _live_twice(file: Path, kept: Sequence[str]) -> tuple[tuple[Any, ...], ...]:
    """What the actor says at the end of its first life, at the start of its second, and a wine later."""
    file.unlink(missing_ok=True)
    with PykkaRuntime() as runtime:
        first = runtime.spawn(Taster, file, kept, name="taster")
        first.tell(("model", _NAME, _DESCRIPTION))
        for alcohol in (9.0, 10.0, 11.0):
            first.tell(("wine", alcohol))
        before = first.ask("how")
    with PykkaRuntime() as runtime:
        second = runtime.spawn(Taster, file, kept, name="taster")
        after = second.ask("how")
        later = second.ask(("wine", 14.0))
    return before, after, later


EXERCISE = Exercise(
    id="actors-persist",
    lesson="06",
    title="What to persist",
    goal="""
An actor scores wines. It has six fields: `name` and `description` of its model, the built `model` itself (an object
that scores), the `count` of its scores, their `total`, and their `mean`, which is `total / count`. After each message
it writes those that you choose to a file, as JSON, each under its name. When it starts, it reads them, builds the model
that `name` says, and computes the mean.

Which fields must it keep, so that it goes on as if nothing had happened? Keep no more than that.
""",
    stub="""
kept = (...,)  # names of fields, as texts
""",
    answer="kept",
    hints=(
        "What can be made of the others need not be kept, and one thing cannot be written at all.",
        "Model and mean are made anew. What are they made of?",
    ),
    reference="""
kept = ("name", "description", "count", "total")
""",
    wrong=(
        WrongAnswer('kept = ("name")\n', "with a comma behind each"),
        WrongAnswer('kept = ("model", "count", "total")\n', "is a living object"),
        WrongAnswer('kept = ("count", "total")\n', "came back without its name"),
        WrongAnswer('kept = ("name", "count", "total")\n', "came back without its description"),
        WrongAnswer('kept = ("name", "description", "total")\n', "and came back with 0"),
        WrongAnswer('kept = ("name", "description", "count", "mean")\n', "of what is it made?"),
        WrongAnswer('kept = ("name", "description", "count", "total", "mean")\n', "is written for nothing"),
    ),
    check=check,
)
