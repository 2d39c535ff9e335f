"""How actors are, in words, for ``/healthz``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from modelserving.actors.runtime.api import ActorStatus, Life
from modelserving.serving.report.status import Health


def judge(phase: str, serving: bool, actors: Sequence[ActorStatus], stuck_after_s: float) -> Health:
    """Whether a server serves: not if one of its actors hangs, or was given up.

    Args:
        phase: what the server is doing.
        serving: whether that is serving.
        actors: how they are.
        stuck_after_s: one that works on one message for longer than this hangs, seconds.
    """
    lost = [actor for actor in actors if actor.life is Life.GIVEN_UP or actor.busy_s > stuck_after_s]
    lines = tuple(line for actor in actors for line in _lines(actor, stuck_after_s))
    return Health(serving and not lost, phase, lines)


def _lines(actor: ActorStatus, stuck_after_s: float) -> Iterator[str]:
    """What is worth knowing of an actor: nothing, of one that is well."""
    if actor.busy_s > stuck_after_s:
        yield (f"actor {actor.name} is stuck: {actor.busy_s:.0f} s on one {actor.doing}, {actor.waiting} messages wait")
    if actor.life in {Life.RESTARTING, Life.GIVEN_UP}:
        yield f"actor {actor.name} is {actor.life}"
    if actor.restarts or actor.dead_letters:
        yield (
            f"actor {actor.name}: {actor.restarts} restarts, {actor.dead_letters} dead letters"
            f", last: {actor.last_error or 'none'}"
        )
