"""What an actor is, and what it needs to live; usable by itself.

::

    api.py                     spawn, tell, ask, stop
    mailbox.py                 the queue in front of it, which is never too full
    supervision.py             what happens when it fails
    pykka.py                   actors on one machine
    ray.py ─ ray_start.py      actors on many
"""

from modelserving.actors.runtime.api import Actor, ActorStatus, Life, Ref, Reply, Runtime
from modelserving.actors.runtime.pykka import PykkaRuntime
from modelserving.actors.runtime.supervision import Policy

__all__ = [
    "Actor",
    "ActorStatus",
    "Life",
    "Policy",
    "PykkaRuntime",
    "Ref",
    "Reply",
    "Runtime",
]
