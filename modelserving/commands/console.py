"""The terminal that commands talk to."""

from __future__ import annotations

import sys
from io import TextIOWrapper
from typing import Any

from rich.console import Console
from rich.text import Text

from modelserving.terminal import printable


class _PlainConsole(Console):
    """Obeys what this program says, and spells what somebody else has written for a terminal to obey."""

    def render_str(self, text: str, **how: Any) -> Text:
        """Every text that is printed, also in the cell of a table."""
        return super().render_str(printable(text, keep="\n\t"), **how)


def make_console(*, stderr: bool = False, soft_wrap: bool = False) -> Console:
    """A console that shows texts as they are.

    Names of models and data types come with messages, and may hold what rich takes for markup: ``[/x]`` would be an
    error, and the end of the server that says so. What a terminal would obey is spelled.

    Args:
        stderr: for standard error.
        soft_wrap: leave it to the terminal to break lines.
    """
    return _PlainConsole(stderr=stderr, soft_wrap=soft_wrap, highlight=False, markup=False, emoji=False)


def spell_what_cannot_be_shown() -> None:
    """Have letters that the terminal's encoding lacks written as numbers; else they are an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
