"""The actor server. Read in this order; each file is one idea.

::

    runtime/          what an actor is, its mailbox, its supervision; on one machine or on many

    messages.py       what our actors say to each other
    serving.py        the actor that holds a data type's model, and scores
    state/            what it has, as data: on disk, as bytes on the way to another process
    manager.py        the actor above it: one serving actor per data type
    pool.py           several actors for one data type     routers.py  who of them scores what

    dispatch.py       from a batch to its results, whatever happens to the actors
    rollout.py        from a model to the actor that needs it
    server.py         Kafka on both sides of all that
    children.py · health.py           an actor below another one; how they are, in words
    comparison.py     the same records through the stage and through the actors: the figures
"""

from modelserving.actors.manager import ManagerActor
from modelserving.actors.pool import WorkerPool
from modelserving.actors.routers import ROUTERS
from modelserving.actors.runtime.api import Actor, ActorStatus, Life, Ref, Reply, Runtime
from modelserving.actors.runtime.pykka import PykkaRuntime
from modelserving.actors.runtime.supervision import Policy
from modelserving.actors.server import ActorServer
from modelserving.actors.serving import ServingActor, ServingSettings
from modelserving.actors.state.persistence import StateFolder

__all__ = [
    "ROUTERS",
    "Actor",
    "ActorServer",
    "ActorStatus",
    "Life",
    "ManagerActor",
    "Policy",
    "PykkaRuntime",
    "Ref",
    "Reply",
    "Runtime",
    "ServingActor",
    "ServingSettings",
    "StateFolder",
    "WorkerPool",
]
