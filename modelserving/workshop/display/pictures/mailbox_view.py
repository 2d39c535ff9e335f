"""The mailboxes of a runtime's actors, live: what waits, what is read, who fails and comes back."""

from __future__ import annotations

from functools import partial
from typing import Protocol

from modelserving.actors.runtime.api import ActorStatus
from modelserving.widgets.live import Frame, LiveView
from modelserving.workshop.display.pictures.mailboxes import mailboxes


class _Runtime(Protocol):
    """What has actors."""

    def report(self) -> tuple[ActorStatus, ...]:
        """How they are."""
        ...


class _Reports:
    """A source of snapshots; it asks when it is asked, and needs no thread."""

    finished = False

    def __init__(self, runtime: _Runtime) -> None:
        self._runtime = runtime
        self._last: tuple[ActorStatus, ...] | None = None

    def start(self) -> None:
        """Nothing has to begin."""

    def snapshot(self) -> tuple[ActorStatus, ...]:
        """How the actors are now, or were at the end."""
        return tuple(self._runtime.report()) if self._last is None else self._last

    def close(self) -> None:
        """Keep the last picture: the runtime is the lesson's, and ends with it."""
        self._last = self.snapshot()


class MailboxView(LiveView[tuple[ActorStatus, ...]]):
    """Mailboxes that follow a runtime until they are stopped.

    Args:
        runtime: whose actors.
        room: how many messages each mailbox takes; ``None``: that is not shown.
    """

    def __init__(self, runtime: _Runtime, room: int | None = None) -> None:
        super().__init__(_Reports(runtime), partial(_frame, room), name="mailboxes", frames_per_second=10)


def _frame(room: int | None, actors: tuple[ActorStatus, ...], width: int) -> Frame:
    if not actors:
        return Frame("", "No actor was started yet.", "No actors")
    drawn = mailboxes(actors, room, width)
    return Frame(drawn.svg, drawn.alt, "1 actor" if len(actors) == 1 else f"{len(actors)} actors")
