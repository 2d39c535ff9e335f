"""The model server on Kafka Streams. Start with ``topologies.py``; the rest serves it.

::

    scoring.py        the processor that scores batches
    statistics.py     what it counts, in one of three kinds of store
    ways.py           how models reach the tasks: global stores, or co-partitioned topics
    keeper.py         what becomes of them: build, check, swap
    topologies.py     the three topologies
    server.py         all of it together, over and over
"""

from modelserving.kstreams.serving.server import StreamsOptions, StreamsServer
from modelserving.kstreams.serving.statistics import StoreKind
from modelserving.kstreams.serving.ways import ModelWay

__all__ = ["ModelWay", "StoreKind", "StreamsOptions", "StreamsServer"]
