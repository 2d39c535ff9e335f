"""Records per second of the Kafka Streams server, with each of its stores, beside an empty topology and the stage.

    python benchmarks/kstreams.py                   200,000 preloaded records, three rounds
    python benchmarks/kstreams.py --records 50000   fewer
    python benchmarks/kstreams.py --quick           60,000, three rounds: with fewer, a ratio is chance
    python benchmarks/kstreams.py --json            one object with figures and ratios

java_copy          source and sink, and nothing between them: Java alone, which is the engine's own limit
empty_processor    the same source and sinks with a processor in Python that does nothing: ``def process(record): pass``
passing_processor  the same with one that hands on each record as it is
memory, standard, custom   the server, exactly once; decoding, scoring (linear regression, PMML), statistics, results
custom_at_least_once       what exactly-once costs
stage              the custom-stage server

All run in this process, in turn, on one broker, over the same records. Ratios are the medians of the rounds' own: what
ran at the same time was disturbed by the same.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Awaitable, Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any, Protocol

import anyio
from kafka.errors import KafkaError
from report import Report, arguments, show

from modelserving.broker import EmbeddedKafka
from modelserving.client import Dataset, load_dataset
from modelserving.commands.threads import share_fairly
from modelserving.config import data_folder
from modelserving.kafka import Connection, create_topics, make_admin, make_producer
from modelserving.kstreams import (
    KafkaStreams,
    Processor,
    ProcessorSupplier,
    Record,
    StreamsBuilder,
    Topology,
    streams_config,
)
from modelserving.models.formats import factory
from modelserving.records import Topics, encode_descriptor, encode_wine
from modelserving.serving import Counts
from modelserving.serving.options import ServerOptions
from modelserving.stage import StageServer
from modelserving.streams_server import StoreKind, StreamsOptions, StreamsServer

_LOOK_EVERY_S = 0.005
_LIMIT_S = 300.0


class Server(Protocol):
    """A model server."""

    @property
    def counts(self) -> Counts:
        """What became of the records."""
        ...

    async def run(self) -> None:
        """Serve until cancelled."""
        ...


@dataclass(frozen=True, slots=True)
class Ground:
    """Where everything runs.

    Args:
        connection: to the broker.
        topics: with the records on them.
        records: how many.
        folder: for state.
    """

    connection: Connection
    topics: Topics
    records: int
    folder: Path


_numbers = count()


def main() -> None:
    """Measure, and print."""
    options = arguments(__doc__ or "", records=200_000)
    records = 60_000 if options.quick else options.records
    with TemporaryDirectory() as home, EmbeddedKafka(home=Path(home), port=0) as kafka:
        topics = Topics().prefixed("bench")
        create_topics(kafka.connection, topics)
        preload(kafka.connection, topics, load_dataset(data_folder()), records)
        ground = Ground(kafka.connection, topics, records, Path(home) / "state")
        show(measure(ground, rounds=3), options)


def measure(ground: Ground, rounds: int) -> Report:
    """Run all, in turn."""
    factory.preload()
    gc.collect()
    gc.freeze()
    share_fairly()
    ways: dict[str, Callable[[], Awaitable[float]]] = {
        "java_copy": lambda: run_java_copy(ground),
        "empty_processor": lambda: run_processor(ground, Empty),
        "empty_lambda": lambda: run_lambda(ground),
        "passing_processor": lambda: run_processor(ground, Passing),
        "memory": lambda: run_streams(ground, StoreKind.MEMORY),
        "standard": lambda: run_streams(ground, StoreKind.STANDARD),
        "custom": lambda: run_streams(ground, StoreKind.CUSTOM),
        "custom_at_least_once": lambda: run_streams(ground, StoreKind.CUSTOM, exactly_once=False),
        "stage": lambda: run_stage(ground),
    }
    seen: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            seen[name].append(anyio.run(way))
    speed = {name: median(values) for name, values in seen.items()}

    def ratio(one: str, other: str) -> float:
        return round(median(a / b for a, b in zip(seen[one], seen[other], strict=True)), 3)

    return Report(
        figures={"records": ground.records} | {f"{name}_records_per_s": round(value) for name, value in speed.items()},
        ratios={
            "custom_over_empty_processor": ratio("custom", "empty_processor"),
            "custom_over_java_copy": ratio("custom", "java_copy"),
            "custom_over_passing_processor": ratio("custom", "passing_processor"),
            "lambda_over_processor": ratio("empty_lambda", "empty_processor"),
            "standard_over_custom": ratio("standard", "custom"),
            "memory_over_custom": ratio("memory", "custom"),
            "custom_over_stage": ratio("custom", "stage"),
            "exactly_once_over_at_least_once": ratio("custom", "custom_at_least_once"),
        },
    )


def preload(connection: Connection, topics: Topics, dataset: Dataset, records: int) -> None:
    """Put the model and the records on their topics."""
    values = [encode_wine(record) for record in dataset.records]
    with make_producer(connection) as producer:
        producer.send(topics.models, key=b"wine", value=encode_descriptor(dataset.models[0]))
        for number in range(records):
            producer.send(topics.records, value=values[number % len(values)])
        producer.flush()


class Empty(Processor):
    """Does nothing with a record but count it."""

    seen = 0
    began = 0.0

    def process(self, record: Record) -> None:  # noqa: ARG002
        """Nothing."""
        if not Empty.seen:
            Empty.began = time.perf_counter()
        Empty.seen += 1


class Passing(Empty):
    """Hands on each record."""

    def process(self, record: Record) -> None:
        """Hand it on."""
        super().process(record)
        self.context.forward(record, "scored")


async def run_lambda(ground: Ground) -> float:
    """Run a topology of the DSL whose only function counts; records per second."""
    builder = StreamsBuilder()
    empty = Empty()
    builder.stream(ground.topics.records).foreach(lambda _, value: empty.process(value))
    return await run_topology(ground, builder.build())


async def run_processor(ground: Ground, kind: type[Empty]) -> float:
    """Run a topology with a processor; records per second."""
    topology = Topology()
    topology.addSource("records", ground.topics.records)
    topology.addProcessor("score", ProcessorSupplier(kind), "records")
    topology.addSink("scored", ground.topics.scored, "score")
    topology.addSink("dead-letters", ground.topics.dead_letters, "score")
    return await run_topology(ground, topology)


async def run_java_copy(ground: Ground) -> float:
    """Run a topology that only copies, from its first commit to its last; records per second.

    Nothing tells Python of a record; so the progress of the group is looked at.
    """
    topology = Topology()
    topology.addSource("records", ground.topics.records)
    topology.addSink("scored", ground.topics.scored, "records")
    name = f"bench-{next(_numbers)}"
    with closing(make_admin(ground.connection)) as admin, KafkaStreams(topology, make_config(ground, name)):

        def copied() -> int:
            with suppress(KafkaError):  # at the start nobody coordinates the group yet
                return sum(end.offset for end in admin.list_group_offsets({name: None})[name].values())
            return 0

        await until(lambda: copied() > 0)
        began, already = time.perf_counter(), copied()
        await until(lambda: copied() >= ground.records)
        return (ground.records - already) / (time.perf_counter() - began)


async def run_topology(ground: Ground, topology: Any) -> float:
    """Run a topology in which ``Empty`` counts; records per second."""
    Empty.seen = 0
    config = make_config(ground, f"bench-{next(_numbers)}")
    with KafkaStreams(topology, config):
        await until(lambda: Empty.seen >= ground.records)
        return ground.records / (time.perf_counter() - Empty.began)


def make_config(ground: Ground, name: str) -> Any:
    """How the bare topologies run: as the server does."""
    return streams_config(
        ground.connection,
        application_id=name,
        state_dir=ground.folder / str(next(_numbers)),
        processing_guarantee="exactly_once_v2",
        main_consumer_max_poll_records=10_000,
    )


async def run_streams(ground: Ground, store: StoreKind, exactly_once: bool = True) -> float:
    """Run the Kafka Streams server; records per second."""
    number = next(_numbers)
    options = ServerOptions(ground.topics, f"bench-{number}", max_records=1000, preload=False)
    engine = StreamsOptions(ground.folder / str(number), store=store, exactly_once=exactly_once)
    return await run_server(ground, StreamsServer(ground.connection, options, engine))


async def run_stage(ground: Ground) -> float:
    """Run the custom-stage server; records per second."""
    options = ServerOptions(ground.topics, group=f"bench-{next(_numbers)}", preload=False)
    return await run_server(ground, StageServer(ground.connection, options))


async def run_server(ground: Ground, server: Server) -> float:
    """From the first results that are committed to the last; records per second."""
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.run)
        await until(lambda: server.counts.scored > 0)
        began, already = time.perf_counter(), server.counts.scored
        await until(lambda: server.counts.scored >= ground.records)
        seconds = time.perf_counter() - began
        tasks.cancel_scope.cancel()
    return (ground.records - already) / seconds


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition."""
    with anyio.fail_after(_LIMIT_S):
        while not holds():
            await anyio.sleep(_LOOK_EVERY_S)


if __name__ == "__main__":
    main()
