"""What stays of a lesson, for the slide after it: the lesson's own recap, so that both say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

from modelserving.errors import ConfigError

_LINK = re.compile(r'\[([^\]]+)\]\((?:"[^"]*"|[^)"])*\)')  # a title in quotes may have brackets of its own
_SENTENCES = re.compile(r"(?<=[.!?]) (?=[A-Z*`])")
_ROOM = 550
"""Letters of a recap: more are small on a slide."""


def recap_of(notebooks: Path, number: str) -> tuple[str, str]:
    """The points of a lesson's recap, and before them what one can do now, as Markdown, a line each.

    Where that is too much for large letters, the longest points lose their last sentences; the presenter says them.

    Args:
        notebooks: the folder with the lessons.
        number: of the lesson, in two digits.

    Returns:
        What is shown, and the sentences that are only said.

    Raises:
        ConfigError: there is no such lesson, or it has no recap.
    """
    path = next(iter(sorted(notebooks.glob(f"{number}_*.ipynb"))), None)
    if path is None:
        raise ConfigError(f"A slide names the recap of lesson {number}, which the workbook does not have.")
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    texts = ("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")
    found = next((text for text in texts if text.startswith("## Recap")), "")
    lines = _unwrap(_LINK.sub(r"\1", found.partition("**In practice**")[0]))
    able = [f"**{line}**" for line in lines if line.startswith("You can now")]
    points = [line for line in lines if line.startswith("* ")]
    if not able or not points:
        raise ConfigError(f"{path.name} has no recap with points and `You can now`, which a slide names.")
    shown = _shortened(points, _ROOM - sum(map(len, able)))
    said = [all_of[len(some) :].strip() for all_of, some in zip(points, shown, strict=True) if some != all_of]
    return "\n\n".join([*able, "\n".join(shown)]), " ".join(said)


def _shortened(points: list[str], room: int) -> list[str]:
    """Where they are too much, the longest point loses its last sentence, until there is room or each has one.

    The last row reads large letters.
    """
    sentences = [_SENTENCES.split(point) for point in points]
    while sum(map(len, points)) > room and any(len(some) > 1 for some in sentences):
        longest = max((some for some in sentences if len(some) > 1), key=lambda some: len(" ".join(some)))
        longest.pop()
        points = [" ".join(some) for some in sentences]
    return points


def _unwrap(text: str) -> list[str]:
    """Its paragraphs and points, each on one line."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n|\n(?=\* )", text)]
