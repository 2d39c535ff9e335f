"""What stays of a lesson, for the slide after it: the lesson's own recap, so that both say the same."""

from __future__ import annotations

import json
import re
from pathlib import Path

from modelserving.errors import ConfigError

__all__ = ["recap_of"]

_LINK = re.compile(r'\[([^\]]+)\]\((?:"[^"]*"|[^)"])*\)')  # a title in quotes may have brackets of its own


def recap_of(notebooks: Path, number: str) -> str:
    """The points of a lesson's recap, and before them what one can do now, as Markdown, a line each.

    Args:
        notebooks: the folder with the lessons.
        number: of the lesson, in two digits.

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
    return "\n\n".join([*able, "\n".join(points)])


def _unwrap(text: str) -> list[str]:
    """Its paragraphs and points, each on one line."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n|\n(?=\* )", text)]
