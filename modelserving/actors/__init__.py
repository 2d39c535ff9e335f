"""The actor server. Read in this order; each file is one idea.

::

    runtime.py        what an actor is: spawn, tell, ask
    mailbox.py        the queue in front of it, which is never too full
    supervision.py    what happens when it fails
    pykka_runtime.py  actors on one machine        ray_runtime.py  actors on many

    messages.py       what our actors say to each other
    serving.py        the actor that holds a data type's model, and scores
    persistence.py    what it writes to disk       carrying.py  models as bytes, on the way
    manager.py        the actor above it: one serving actor per data type
    farm.py           several actors for one data type     routers.py  who of them scores what

    gathering.py      from a batch to its results, whatever happens to the actors
    changing.py       from a model to the actor that needs it
    server.py         Kafka on both sides of all that
"""

from modelserving.actors.farm import Farm
from modelserving.actors.manager import ManagerActor
from modelserving.actors.persistence import StateFolder
from modelserving.actors.pykka_runtime import PykkaRuntime
from modelserving.actors.routers import ROUTERS
from modelserving.actors.runtime import Actor, ActorStatus, Life, Ref, Reply, Runtime
from modelserving.actors.server import ActorOptions, ActorServer
from modelserving.actors.serving import ServingActor, ServingSettings
from modelserving.actors.supervision import Policy

__all__ = [
    "ROUTERS",
    "Actor",
    "ActorOptions",
    "ActorServer",
    "ActorStatus",
    "Farm",
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
]
