"""What a lesson remembers between kernels: a small file of JSON, which several kernels may change at once."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias

from modelserving.broker.state import FileLock, NoFileLocks
from modelserving.system import poll, write_atomically

Content: TypeAlias = dict[str, Any]

_ITS_TURN_WITHIN_S = 5.0


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that is read as a whole, and changed by one kernel after the other.

    Args:
        path: where it is; it need not exist.
    """

    path: Path

    def read(self) -> Content:
        """What is in it. A file that cannot be read counts as empty."""
        try:
            found = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return found if isinstance(found, dict) else {}

    def change(self, change: Callable[[Content], Content]) -> None:
        """Replace what is in it, with nobody else's change in between.

        Where it cannot be written, on a full disk say, a warning says so and the lesson goes on: what it has to show is
        worth more than its memory of it.

        Args:
            change: makes what will be in it of what is in it now.
        """
        if why := self.try_change(change):
            warn_of(why)

    def try_change(self, change: Callable[[Content], Content]) -> str:
        """The same, for who says himself what became of it.

        Returns:
            Why it could not be written, in a sentence; empty when it was.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_name(f"{self.path.name}.lock")) as lock:
                take_turn(lock, self.path.parent, _ITS_TURN_WITHIN_S)  # in vain: held for ever, and we go on
                write_atomically(self.path, json.dumps(change(self.read()), indent=1, sort_keys=True) + "\n")
        except OSError as error:
            return f"{self.path} cannot be written ({error}), so this is not remembered."
        return ""


def take_turn(lock: FileLock, folder: Path, seconds: float) -> bool:
    """Wait for a lock while another process has it; where a file system knows no locks, go on without, at once.

    Args:
        lock: to be taken.
        folder: where it is, for the message.
        seconds: how long to wait.

    Returns:
        Whether nobody else has it, as far as that can be known.

    Raises:
        OSError: its file cannot be opened.
    """
    try:
        return poll(lock.acquire, seconds, 0.01)
    except NoFileLocks:
        _say_without_locks(folder)
        return True


def warn_of(why: str) -> None:
    """Say that something is not remembered, in a warning."""
    warnings.warn(f"{why} All else works as before.", RuntimeWarning, stacklevel=3)


@cache
def _say_without_locks(folder: Path) -> None:
    """Once for a folder: it is no fault of a cell's, and stays as it is."""
    what = f"The disk of {folder} knows no locks, so lessons go on without: have each lesson open in one kernel only."
    warnings.warn(what, RuntimeWarning, stacklevel=3)
