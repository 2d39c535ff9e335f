"""A mailbox that is never fuller than it may be."""

from __future__ import annotations

import sys
import threading
from queue import SimpleQueue
from typing import Any

from modelserving.errors import MailboxFull


class Mailbox:
    """First in, first out, with a bound. pykka's actors take it in the place of their own, which has none.

    A message for which there is no room is refused at once. A mailbox that made its sender wait would be a trap: two
    actors with full mailboxes that write to each other would wait for ever.

    Args:
        name: of the actor.
        capacity: how many messages may wait.
    """

    def __init__(self, name: str, capacity: int) -> None:
        self._name = name
        self._capacity = capacity
        self._queue: SimpleQueue[Any] = SimpleQueue()
        self._lock = threading.Lock()

    def put(self, envelope: Any, /) -> None:
        """Add a message.

        Raises:
            MailboxFull: there is no room for it.
        """
        with self._lock:
            if self._queue.qsize() >= self._capacity:
                raise MailboxFull(f"the mailbox of actor {self._name!r} is full: {self._capacity} messages wait.")
            self._queue.put(envelope)

    def lift_bound(self) -> None:
        """Let any message in from now on: the request to stop must not be refused."""
        self._capacity = sys.maxsize

    def get(self) -> Any:
        """Wait for the next message."""
        return self._queue.get()

    def empty(self) -> bool:
        """Whether no message waits."""
        return self._queue.empty()

    def __len__(self) -> int:
        return self._queue.qsize()
