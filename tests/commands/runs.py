"""Commands, as a person at a terminal runs them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from modelserving.cli import run as run_command


@dataclass(frozen=True, slots=True)
class Result:
    """What a command left behind: exit status, and the text of both outputs."""

    status: int
    out: str
    err: str


class Terminal:
    """Runs ``modelserving ...`` in this process; as fast as the command itself."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._monkeypatch = monkeypatch
        self._capsys = capsys

    def run(self, *words: object, environ: Mapping[str, str] | None = None) -> Result:
        """Run a command to its end."""
        self._capsys.readouterr()
        with self._monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["modelserving", *map(str, words)])
            patch.setenv("NO_COLOR", "1")
            patch.setenv("COLUMNS", "100")
            for name, value in (environ or {}).items():
                patch.setenv(name, value)
            status = run_command()
        found = self._capsys.readouterr()
        return Result(status, found.out, found.err)


def run_python(code: str) -> Result:
    """Run some lines of Python in a process of their own."""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    return Result(done.returncode, done.stdout, done.stderr)
