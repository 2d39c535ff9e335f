"""A command line in a lesson: typed, run and shown as in a terminal, on every system."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from modelserving.errors import ConfigError
from modelserving.svg import escape
from modelserving.widgets.waiting import waiting
from modelserving.workshop.processes.apart import run_apart

_SECONDS = 60
_COLUMNS = "100"
"""What a lesson beside a docked view has room for, in small letters."""
_STYLE = (
    "border-left:3px solid #757575;margin:0;padding:.4em .8em;line-height:1.35;white-space:pre-wrap;overflow-x:auto;"
    "word-break:normal;overflow-wrap:anywhere;container-type:inline-size;"
    "font-family:var(--jp-code-font-family,monospace);font-size:var(--jp-code-font-size,13px)"
)
_SMALLEST, _LETTER = "9px", 0.61
"""Of the rows of a table that is wider than the page: it becomes smaller before it is scrolled, and no smaller than
this; and how wide a letter is, for its height."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True, slots=True)
class Terminal:
    """A command that ran, and what it printed.

    Args:
        line: as typed.
        output: all that it printed.
        status: its exit status; 0 when it did what it was told.
    """

    line: str
    output: str
    status: int

    def _repr_html_(self) -> str:
        lines = self._after().splitlines()
        style = _row_style(max((len(line) for line in lines if _is_row(line)), default=1))
        said = "\n".join(
            f'<span style="{style}">{escape(line)}</span>' if _is_row(line) else escape(line) for line in lines
        )
        return f'<pre style="{_STYLE}"><b>$ {escape(self.line)}</b>\n{said}</pre>'

    def __repr__(self) -> str:
        return f"$ {self.line}\n{self._after()}"

    def _after(self) -> str:
        """What stands below the command."""
        return self.output + (f"\n(exit status {self.status})" if self.status else "")


def _is_row(line: str) -> bool:
    """Whether a line is of a table. Sentences wrap where the page is narrow; of a row, the columns would fall apart."""
    return "  " in line.strip() or "│" in line


def _row_style(letters: int) -> str:
    """For the rows of a table whose longest has so many letters: all of one size, all in sight where they can be."""
    return f"white-space:pre;font-size:clamp({_SMALLEST},calc(100cqi / {letters * _LETTER:.1f}),1em)"


def terminal(line: str, environ: Mapping[str, str] | None = None) -> Terminal:
    """Run a ``modelserving`` command as somebody in a terminal does: in a process of its own.

    Args:
        line: as typed there, for example ``modelserving models list``.
        environ: variables on top of this process's own.

    Raises:
        ConfigError: it is another program's, or it did not end within a minute.
    """
    program, *arguments = shlex.split(line)
    if program != "modelserving":
        raise ConfigError(f"`terminal` runs commands that begin with modelserving; this one begins with {program}.")
    told = {"COLUMNS": _COLUMNS, "NO_COLOR": "1", "PYTHONIOENCODING": "utf-8", **(environ or {})}
    try:
        with waiting(f"`{line}`"):
            done = run_apart(
                [sys.executable, "-m", "modelserving", *arguments], timeout=_SECONDS, env={**os.environ, **told}
            )
    except subprocess.TimeoutExpired:
        raise ConfigError(f"`{line}` did not end within {_SECONDS} s. Try it in a terminal.") from None
    return Terminal(line, _COLOURS.sub("", done.stdout).rstrip(), done.returncode)
