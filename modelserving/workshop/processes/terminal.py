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
_COLUMNS = "130"
_STYLE = (
    "border-left:3px solid #757575;padding:.4em .8em;line-height:1.35;white-space:pre-wrap;overflow-x:auto;"
    "word-break:normal;overflow-wrap:anywhere;"
    "font-family:var(--jp-code-font-family,monospace);font-size:var(--jp-code-font-size,13px)"
)
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
        said = "\n".join(map(_line, self._after().splitlines()))
        return f'<pre style="{_STYLE}"><b>$ {escape(self.line)}</b>\n{said}</pre>'

    def __repr__(self) -> str:
        return f"$ {self.line}\n{self._after()}"

    def _after(self) -> str:
        """What stands below the command."""
        return self.output + (f"\n(exit status {self.status})" if self.status else "")


def _line(text: str) -> str:
    """Sentences wrap where the page is narrow; a row of a table does not, or its columns would fall apart."""
    row = "  " in text.strip() or "│" in text
    return f'<span style="white-space:pre">{escape(text)}</span>' if row else escape(text)


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
