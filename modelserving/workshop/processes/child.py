"""A ``modelserving`` command as a child process of a lesson or a test: a real one, which can be stopped, and killed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from modelserving.errors import ServerError
from modelserving.system.closing import Closing
from modelserving.widgets.waiting import waiting
from modelserving.workshop.processes.apart import APART

_STOP_SECONDS = 20.0


class ChildProcess(Closing):
    """A ``modelserving`` command as a child process. It ends with its parent, however that ends.

    Args:
        command: what stands after ``modelserving`` on the command line.
        environ: variables on top of this process's own.
    """

    module = "modelserving"
    """What Python runs."""

    def __init__(self, command: Sequence[str], environ: Mapping[str, str] | None = None) -> None:
        self.command = tuple(command)
        self.stopped = False
        """Whether it was told to end: then nobody is to wonder that it has."""
        self._folder = tempfile.TemporaryDirectory(prefix="modelserving-")
        self.folder = Path(self._folder.name)
        self._log_path = self.folder / "log"
        with self._log_path.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", self.module, *self.command, *self._extra()],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                env={**os.environ, "PYTHONUNBUFFERED": "1", **(environ or {})},
                **APART,
            )

    def _extra(self) -> Sequence[str]:
        """Options that this kind of child needs."""
        return ("--until-stdin-closes",)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether it is still there."""
        return self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        """Its exit status, negative for the signal that killed it; ``None`` while it runs."""
        return self._process.poll()

    def log(self) -> list[str]:
        """The lines that it has printed so far."""
        if not self._log_path.exists():
            return []
        return self._log_path.read_text(encoding="utf-8", errors="backslashreplace").splitlines()

    def wait(self, seconds: float = _STOP_SECONDS) -> int:
        """Wait for its end.

        Raises:
            ServerError: it still runs after so many seconds.
        """
        try:
            with waiting(f"`{self}` to end"):
                return self._process.wait(seconds)
        except subprocess.TimeoutExpired as error:
            raise ServerError(f"`{self}` still runs after {seconds:g} s.") from error

    def stop(self) -> None:
        """Ask it to end, wait, and insist. A second call does nothing."""
        self.stopped = True
        if self._process.stdin:
            self._process.stdin.close()
        if self.running:
            self._process.terminate()
        try:
            with waiting(f"`{self}` to end"):
                self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self) -> None:
        """End it at once, as ``kill -9`` does: it can clean nothing up."""
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Stop it, and delete its log. A second call does nothing."""
        self.stop()
        self._folder.cleanup()

    def __str__(self) -> str:
        return " ".join((self.module, *self.command))
