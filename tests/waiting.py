"""Waiting as tests do it: longer than the slowest machine needs, which costs nothing where all is well."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import anyio

from modelserving.kafka import Connection, end_offsets
from modelserving.system import poll
from modelserving.workshop.lesson import lesson_topics

T = TypeVar("T")

WAIT = 90.0
"""Seconds until what has not come is taken for something that does not come: by this a fault is found, no slowness."""


def wait_until(condition: Callable[[], T], what: str, seconds: float = WAIT, pause: float = 0.05) -> T:
    """Ask again and again until the answer is true, and return it.

    Raises:
        WaitTimeout: there was none in time; the message says what was waited for.
    """
    return lesson_topics.wait_until(condition, what, seconds, pause)


async def until(condition: Callable[[], object], what: str) -> None:
    """The same beside other tasks of this thread."""
    with anyio.move_on_after(WAIT) as scope:
        while not condition():
            await anyio.sleep(0.02)
    assert not scope.cancelled_caught, f"not within {WAIT:g} s: {what}"


def let_commits_arrive(connection: Connection, topic: str) -> None:
    """Wait until no transaction is open on a topic; ten seconds at most: where a server works, one always may be.

    A commit is certain when the coordinator has noted it, and then the server counts; the partitions learn of it, and
    let its records be read, a moment later.
    """
    poll(lambda: end_offsets(connection, topic) == end_offsets(connection, topic, "read_uncommitted"), 10)
