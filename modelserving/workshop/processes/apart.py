"""A process group of its own for every child: an interrupt is for the cell, and not for what the lesson has started."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

# Jupyter interrupts the whole process group of a kernel: the children of a lesson are to survive that.
APART: dict[str, Any] = {"process_group": 0}
if sys.platform == "win32":
    APART = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP}
"""What ``subprocess.Popen`` is told besides."""


def run_apart(command: Sequence[str], *, timeout: float, **options: Any) -> subprocess.CompletedProcess[str]:
    """As ``subprocess.run``, with all that the child says as text. When this is stopped, the child's group ends, too.

    Args:
        command: program and arguments.
        timeout: seconds.
        options: further ones of ``subprocess.Popen``.

    Raises:
        subprocess.TimeoutExpired: it did not end in time.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
        errors="backslashreplace",
        **APART,
        **options,
    ) as child:
        try:
            said, _ = child.communicate(timeout=timeout)
        except BaseException:
            _kill_group(child)
            raise
    return subprocess.CompletedProcess(list(command), child.returncode, said)


def _kill_group(child: subprocess.Popen[str]) -> None:
    with suppress(ProcessLookupError, PermissionError):
        if sys.platform == "win32":
            child.kill()
        else:
            os.killpg(child.pid, signal.SIGKILL)
