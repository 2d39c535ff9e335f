"""Mailboxes, live."""

from __future__ import annotations

from modelserving.actors.runtime.api import ActorStatus
from modelserving.workshop.display.pictures.mailbox_view import MailboxView


class _Runtime:
    actors: tuple[ActorStatus, ...] = ()

    def report(self) -> tuple[ActorStatus, ...]:
        return self.actors


def test_it_follows_the_runtime() -> None:
    """What waits is seen while it waits, and nothing is drawn before there is an actor."""
    runtime = _Runtime()
    with MailboxView(runtime, room=3) as view:
        assert repr(view) == "No actor was started yet."
        runtime.actors = (ActorStatus("sleeper", waiting=2),)
        view.wait_for(lambda actors: actors == runtime.actors)
        assert repr(view).startswith("sleeper: 2 of 3 waiting")
    runtime.actors = ()
    assert repr(view).startswith("sleeper: 2 of 3 waiting"), "the runtime has ended; the last picture stays"
