"""The text of the slides, and how it is read.

A file is a block of slides. It begins with ``# title`` and a line that says what the block is about; each slide begins
with ``## title``, and on the line below how long it takes::

    ## What a partition is
    <!-- 1.5 minutes, full day -->

    Markdown, and the lines that `parts` fills in.

Notes:
    What the presenter says.

``full day`` leaves the slide out of the half day. ``|||`` on a line of its own divides a slide into two columns;
``{diagram NAME}`` stands for a drawing that the lessons show, too, and ``{recap NN}`` for the recap of a lesson.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from modelserving.errors import ConfigError
from modelserving.workshop.display.pictures.shared import find_drawing
from modelserving.workshop.slides.filling.recap import recap_of

_TIME = re.compile(r"<!--\s*(?P<minutes>\d+(?:\.\d+)?) minutes?(?P<full>, full day)?\s*-->\n?")
_DRAWING = re.compile(r"^\{diagram ([^{}]+)\}$", re.MULTILINE)
_RECAP = re.compile(r"^\{recap (\d\d)\}$", re.MULTILINE)
_TITLE_MINUTES = 0.5


@dataclass(frozen=True, slots=True)
class Slide:
    """One slide.

    Args:
        block: name of its block.
        title: its heading.
        minutes: how long it is spoken about.
        full_day: whether the half day leaves it out.
        body: Markdown, column by column.
        notes: what the presenter says, in Markdown.
        opening: whether it opens its block.
    """

    block: str
    title: str
    minutes: float
    full_day: bool
    body: tuple[str, ...]
    notes: str
    opening: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """The slides on one subject.

    Args:
        name: of its file, without the ending.
        title: its heading.
        slides: in order; the first one opens the block.
    """

    name: str
    title: str
    slides: tuple[Slide, ...]

    def of(self, day: str) -> tuple[Slide, ...]:
        """The slides that are shown in a ``half`` or a ``full`` day."""
        return tuple(slide for slide in self.slides if day == "full" or not slide.full_day)

    def minutes(self, day: str) -> float:
        """How long they take together."""
        return sum(slide.minutes for slide in self.of(day))


def read_blocks(folder: Path) -> tuple[Block, ...]:
    """All blocks, in the order of their names.

    Raises:
        ConfigError: there is none, or one of them is no block.
    """
    blocks = tuple(read_block(path) for path in sorted(folder.glob("*.md")))
    if not blocks:
        raise ConfigError(f"There are no slides in {folder}: `presentation/slides` of the source checkout has them.")
    return blocks


def read_block(path: Path) -> Block:
    """One file.

    Raises:
        ConfigError: it has no title, or a slide has no time or no notes; says which.
    """
    head, *rest = re.split(r"^## ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    title, _, about = head.strip().partition("\n")
    if not title.startswith("# "):
        raise ConfigError(f"{path.name} must begin with a line `# title`.")
    title = title.removeprefix("# ").strip()
    promise, notes = _divide(about)
    opening = Slide(path.stem, title, _TITLE_MINUTES, False, (promise,), notes, opening=True)
    return Block(path.stem, title, (opening, *_slides(path, rest)))


def _slides(path: Path, texts: list[str]) -> Iterator[Slide]:
    for text in texts:
        title, _, rest = text.partition("\n")
        found = _TIME.match(rest.lstrip("\n"))
        if found is None:
            raise ConfigError(f"{path.name}: below `## {title}` must stand its time: <!-- 1.5 minutes -->.")
        body, notes = _divide(rest.lstrip("\n")[found.end() :])
        if not notes:
            raise ConfigError(f"{path.name}: `{title}` has no `Notes:` for the presenter.")
        body = _DRAWING.sub(lambda drawn: _fence(drawn[1]), body)
        for number in _RECAP.findall(body):
            shown, said = recap_of(path.parents[2] / "notebooks", number)
            body = body.replace(f"{{recap {number}}}", shown)
            notes = f"{notes}\n\nNot on the slide: {said}" if said else notes
        columns = tuple(part.strip() for part in re.split(r"^\|\|\|$", body, flags=re.MULTILINE))
        yield Slide(path.stem, title.strip(), float(found["minutes"]), bool(found["full"]), columns, notes)


def _fence(name: str) -> str:
    found = find_drawing(name)
    return f"```diagram {found.alt}\n{found.rows.strip()}\n```"


def _divide(text: str) -> tuple[str, str]:
    """What is shown, and what is said."""
    body, _, notes = text.partition("\nNotes:")
    return body.strip(), notes.strip()
