"""What ``/healthz`` says of actors."""

from __future__ import annotations

import pytest

from modelserving.actors import ActorStatus, Life
from modelserving.actors.health import judge


@pytest.mark.parametrize(
    ("actor", "ok", "lines"),
    [
        (ActorStatus("wine", doing="ScoreBatch", busy_s=9.0, waiting=3), True, ()),
        (
            ActorStatus("wine", doing="ScoreBatch", busy_s=34.2, waiting=3),
            False,
            ("actor wine is stuck: 34 s on one ScoreBatch, 3 messages wait",),
        ),
        (
            ActorStatus("wine", Life.RESTARTING, restarts=1, dead_letters=2, last_error="ValueError: x"),
            True,
            ("actor wine is restarting", "actor wine: 1 restarts, 2 dead letters, last: ValueError: x"),
        ),
        (ActorStatus("wine", Life.GIVEN_UP), False, ("actor wine is given up",)),
        (ActorStatus("wine", Life.STOPPED), True, ()),
    ],
)
def test_one_that_hangs_or_is_given_up_is_no_health(actor: ActorStatus, ok: bool, lines: tuple[str, ...]) -> None:
    """One that is being restarted, or works hard, is."""
    found = judge("serving", True, [actor], stuck_after_s=10)
    assert (found.ok, found.details) == (ok, lines)


def test_a_server_that_does_not_serve_is_not_healthy_however_its_actors_are() -> None:
    """It waits for the broker, for example."""
    assert not judge("waiting", False, [ActorStatus("wine")], 10).ok
