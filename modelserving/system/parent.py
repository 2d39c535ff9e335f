"""The process that started this one, and holds the other end of its standard input."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


def when_parent_is_gone(call: Callable[[], object]) -> None:
    """Call, in a thread, when standard input closes: the pipe to a parent does so even when that is killed."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        call()

    threading.Thread(target=watch, name="parent-watch", daemon=True).start()
