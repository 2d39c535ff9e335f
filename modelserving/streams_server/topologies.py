"""The topologies of the server: the same nodes, with one of three kinds of store.

::

    …-records ─▶ score ─▶ scored ─▶ …-scored
                   │ └───▶ dead-letters ─▶ …-dead-letters
               statistics                          models ◀─ …-models   (global: on every instance)

With the memory and the custom store it is written with the Processor API, with the standard store with the DSL, since
both are worth knowing. The engine runs the same in either case.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from modelserving.kstreams import java, raw
from modelserving.kstreams.bridge.batches import BatchProcessorSupplier
from modelserving.kstreams.bridge.partition import SamePartition
from modelserving.records import Topics
from modelserving.records.decoder import RecordDecoder
from modelserving.serving.traces import BatchTracer
from modelserving.streams_server.distribution import ModelDistribution, Models
from modelserving.streams_server.scoring import DEAD_LETTERS, SCORED, ScoringProcessor, Tally
from modelserving.streams_server.stores import StoreKind, store_builder

_SCORE = "score"
_BATCH = "batch"


@dataclass(frozen=True, slots=True)
class StreamsOptions:
    """How the engine of a Kafka Streams server runs.

    Args:
        state_folder: where local state is; kept over restarts.
        store: where the statistics are.
        models: how models reach the tasks.
        exactly_once: whether results, state and progress are committed together.
        commit_ms: how often, milliseconds.
        standbys: how many other instances keep a copy of the state.
        linger: seconds that a record waits for others at most.
    """

    state_folder: Path
    store: StoreKind = StoreKind.CUSTOM
    models: ModelDistribution = ModelDistribution.GLOBAL
    exactly_once: bool = True
    commit_ms: int = 100
    standbys: int = 0
    linger: float = 0.02


@dataclass(frozen=True, slots=True)
class TopologyParts:
    """What a topology is made of.

    Args:
        topics: what is read and written.
        models: the models.
        tally: counts what became of the records.
        scored_partitions: how many partitions the topic of the answers has.
        max_records: the most records in a batch.
        linger: seconds that a record waits for others at most.
        decoder: reads the records; by the workbook's own schema where none is given.
        frame: what stands before each answer.
        tracer: makes spans of records that come with a trace; ``None``: none are made.
    """

    topics: Topics
    models: Models
    tally: Tally
    scored_partitions: int = 1
    max_records: int = 1000
    linger: float = 0.02
    decoder: RecordDecoder | None = None
    frame: bytes = b""
    tracer: BatchTracer | None = None


def make_topology(kind: StoreKind, parts: TopologyParts) -> Any:
    """The topology with a store of that kind."""
    to = SamePartition(parts.scored_partitions)
    records, how = parts.topics.records, (parts.max_records, parts.linger, parts.decoder, parts.frame, parts.tracer)
    make = partial(ScoringProcessor, records, parts.models, parts.tally, to, *how)
    supplier = BatchProcessorSupplier(_BATCH, make, store_builder(kind))
    draw = _with_dsl if kind is StoreKind.STANDARD else _with_processors
    topology = draw(parts.topics, supplier, to)
    parts.models.add_to(topology, _SCORE)
    return topology


def _with_processors(topics: Topics, supplier: Any, to: SamePartition) -> Any:
    """Node by node: the Processor API."""
    topology = java.Topology()
    topology.addSource("records", topics.records)
    topology.addProcessor(_SCORE, supplier, "records")
    topology.addSink(SCORED, topics.scored, to.java, _SCORE)
    topology.addSink(DEAD_LETTERS, topics.dead_letters, _SCORE)
    return topology


def _with_dsl(topics: Topics, supplier: Any, to: SamePartition) -> Any:
    """From stream to stream: the DSL."""
    builder = java.StreamsBuilder()
    bytes_of = java.Consumed.with_(raw(), raw())
    results = builder.stream(topics.records, bytes_of).process(supplier, java.Named.as_(_SCORE))
    answer = java.Produced.with_(raw(), raw())
    results.to(topics.scored, answer.withName(SCORED).withStreamPartitioner(to.java))
    results.to(topics.dead_letters, java.Produced.with_(raw(), raw()).withName(DEAD_LETTERS))
    return builder.build()
