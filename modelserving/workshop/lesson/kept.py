"""What a lesson remembers between kernels: a small file of JSON, which several kernels may change at once."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

from modelserving.broker.state import FileLock
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
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(self.path.with_name(f"{self.path.name}.lock")) as lock:
                poll(lock.acquire, _ITS_TURN_WITHIN_S, 0.01)  # in vain: somebody holds it for ever, and we go on
                write_atomically(self.path, json.dumps(change(self.read()), indent=1, sort_keys=True) + "\n")
        except OSError as error:
            what = f"{self.path} cannot be written ({error}), so this is not remembered. All else works as before."
            warnings.warn(what, RuntimeWarning, stacklevel=2)
