"""Waiting for something that nobody announces.

A loop that waits in the call that it repeats (a consumer's poll, a socket, an event) has a deadline, and no pause: it
is not of this kind.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def poll(condition: Callable[[], T], seconds: float, pause: float = 0.05) -> T:
    """Ask again and again until the answer is true, or the time is over.

    Args:
        condition: asked at once, then after each pause, and once more when the time is over. What it raises ends the
            wait.
        seconds: how long at most.
        pause: seconds between two questions.

    Returns:
        The last answer; it is false when none was true in time.
    """
    deadline = time.monotonic() + seconds
    while not (answer := condition()):
        left = deadline - time.monotonic()
        if left <= 0:
            break
        time.sleep(min(pause, left))
    return answer
