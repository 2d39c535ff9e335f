"""An actor's view of an actor below it: news that found no room wait here, and nothing overtakes them."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from modelserving.actors.runtime.api import Ref, Reply
from modelserving.errors import ActorStopped, MailboxFull


@dataclass(slots=True)
class Child:
    """Sends to one actor, and never waits for it.

    Args:
        ref: its address.
    """

    ref: Ref
    _untold: deque[object] = field(default_factory=deque)

    def tell(self, news: object) -> None:
        """Tell it, now or as soon as there is room: before anything else that is sent from here."""
        self._untold.append(news)
        self._flush()

    def request(self, question: object) -> Reply | None:
        """Ask it; ``None`` if there is no room. An actor that has stopped answers with that error."""
        try:
            return self.ref.request(question) if self._flush() else None
        except MailboxFull:
            return None
        except ActorStopped as error:
            return _Stopped(error)

    def _flush(self) -> bool:
        """Tell what could not be told before; and whether that is all told."""
        try:
            while self._untold:
                self.ref.tell(self._untold[0])
                self._untold.popleft()
        except MailboxFull:
            return False
        except ActorStopped:
            self._untold.clear()
        return True


@dataclass(frozen=True, slots=True)
class _Stopped:
    """The reply of an actor that is no more."""

    error: ActorStopped

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - it need not wait
        raise self.error
