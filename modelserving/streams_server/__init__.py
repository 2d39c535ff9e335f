"""The model server on Kafka Streams. Start with ``topologies.py``; the rest serves it.

::

    topologies.py ─▶ scoring.py ─▶ stores.py       the nodes, the batch, the statistics in one of three stores
    distribution.py ─▶ model_thread.py             how models reach the tasks, and what becomes of them
    server.py · heartbeat.py                       all of it together, over and over; how the engine is
    records_topic.py · reset.py                    whether the state belongs to the topic; beginning anew
    instances.py ─▶ queries.py ─▶ shares.py        interactive queries: who holds what, what is here, the whole

An instance holds the state of its own partitions only. It knows of the others, since each instance tells all others its
address (``application.server``) whenever they agree on who does what; but the engine moves no answers between them.
That is done by ``modelserving.web.queries``, over HTTP.

What a query sees is what the tasks have now, which may be ahead of the last commit by a tenth of a second. A task that
fails takes that back, with its results.
"""

from modelserving.streams_server.distribution import ModelDistribution
from modelserving.streams_server.instances import Instance, holder_of, read_instances
from modelserving.streams_server.queries import LocalState
from modelserving.streams_server.server import StreamsServer
from modelserving.streams_server.shares import InstanceShare, add_up
from modelserving.streams_server.stores import StoreKind
from modelserving.streams_server.topologies import StreamsOptions

__all__ = [
    "Instance",
    "InstanceShare",
    "LocalState",
    "ModelDistribution",
    "StoreKind",
    "StreamsOptions",
    "StreamsServer",
    "add_up",
    "holder_of",
    "read_instances",
]
