"""Records per second of the custom-stage server, beside a bare loop that moves the same bytes; with both clients.

    python benchmarks/stage.py            200,000 preloaded records
    python benchmarks/stage.py --quick    60,000
    python benchmarks/stage.py --json     one object with figures and ratios

A bare loop polls, and sends for each record a message of the size of a result; it decodes nothing, scores nothing, and
has no transactions. There is one with kafka-python, and one with librdkafka (the extra ``fast``), with transactions
as the server has them. The Kafka Streams server with its custom store runs beside them. All run in this process, in
turn, three times, on one broker; each ratio is that of the medians.
"""

from __future__ import annotations

import gc
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import anyio
import psutil
from confluent_kafka import TopicPartition
from kstreams import Ground, run_streams
from report import Report, arguments, show

from modelserving.broker import EmbeddedKafka
from modelserving.client import Dataset, load_dataset
from modelserving.commands.threads import share_fairly
from modelserving.config import data_folder
from modelserving.kafka import Connection, create_topics, make_consumer, make_producer
from modelserving.kafka.fast import BrokerWatch, make_fast_consumer, make_fast_producer
from modelserving.models.formats import factory
from modelserving.records import ScoredRecord, Topics, encode_descriptor, encode_scored, encode_wine
from modelserving.serving.options import ServerOptions
from modelserving.stage import StageServer
from modelserving.streams_server import StoreKind
from modelserving.web import Runnable

_LOOK_EVERY_S = 0.02
RESULT = encode_scored(
    ScoredRecord("wine", 5.6, "wine-linear-regression", "1.0", "ab" * 32, 0, 99_999, 4_000, 10**18, 10**12)
)


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the server: seconds from its first committed batch to its last, and memory on the way."""

    records_per_s: float
    megabytes: tuple[float, ...]


def main() -> None:
    """Measure, and print."""
    options = arguments(__doc__ or "")
    records = 60_000 if options.quick else 200_000
    with TemporaryDirectory() as home, EmbeddedKafka(home=Path(home), port=0) as kafka:
        show(measure(kafka.connection, Path(home) / "state", records, rounds=3), options)


def measure(connection: Connection, folder: Path, records: int, rounds: int) -> Report:
    """Preload the records, then run all, in turn."""
    topics = Topics().prefixed("bench")
    ground = Ground(connection, topics, records, folder)
    create_topics(connection, topics)
    preload(connection, topics, load_dataset(data_folder()), records)
    factory.preload()  # both then run in the same process with the same libraries loaded
    gc.collect()
    gc.freeze()
    share_fairly()
    names = ("bare_loop", "stage", "fast_bare_loop", "fast_stage", "kstreams_custom")
    runs: dict[str, list[float]] = {name: [] for name in names}
    memory: tuple[float, ...] = ()
    for number in range(rounds):
        runs["bare_loop"].append(run_bare_loop(connection, topics, records))
        run = anyio.run(run_stage, connection, topics, records, f"stage-{number}", False)
        runs["stage"].append(run.records_per_s)
        memory = run.megabytes
        runs["fast_bare_loop"].append(run_fast_bare_loop(connection, topics, records))
        runs["fast_stage"].append(
            anyio.run(run_stage, connection, topics, records, f"fast-{number}", True).records_per_s
        )
        runs["kstreams_custom"].append(anyio.run(run_streams, ground, StoreKind.CUSTOM))
    middle = {name: median(found) for name, found in runs.items()}
    return Report(
        figures={
            "records": records,
            **{f"{name}_records_per_s": round(found) for name, found in middle.items()},
            "memory_mb_after_a_quarter": round(memory[0], 1),
            "memory_mb_at_the_end": round(memory[-1], 1),
        },
        ratios={
            "stage_over_bare_loop": round(middle["stage"] / middle["bare_loop"], 3),
            "fast_stage_over_stage": round(middle["fast_stage"] / middle["stage"], 3),
            "fast_stage_over_fast_bare_loop": round(middle["fast_stage"] / middle["fast_bare_loop"], 3),
            "fast_stage_over_kstreams_custom": round(middle["fast_stage"] / middle["kstreams_custom"], 3),
            "memory_end_over_quarter": round(memory[-1] / memory[0], 3),
        },
    )


def preload(connection: Connection, topics: Topics, dataset: Dataset, records: int) -> None:
    """Put the model and the records on their topics."""
    values = [encode_wine(record) for record in dataset.records]
    model = dataset.models[0]
    with make_producer(connection) as producer:
        producer.send(topics.models, key=b"wine", value=encode_descriptor(model))
        for number in range(records):
            producer.send(topics.records, value=values[number % len(values)])
        producer.flush()


def run_bare_loop(connection: Connection, topics: Topics, records: int) -> float:
    """Consume every record and produce as many bytes as a result has; records per second."""
    with (
        make_consumer(connection, topics.records, group=f"bare-{time.time_ns()}", max_poll_records=10_000) as consumer,
        make_producer(connection) as producer,
    ):
        while not (batches := consumer.poll(timeout_ms=1000)):
            pass
        started, done = time.perf_counter(), 0
        while done < records:
            for messages in batches.values():
                done += len(messages)
                for _ in messages:
                    producer.send(topics.scored, value=RESULT)
            if done < records:
                batches = consumer.poll(timeout_ms=1000)
        producer.flush()
        return records / (time.perf_counter() - started)


def run_fast_bare_loop(connection: Connection, topics: Topics, records: int) -> float:
    """The same with librdkafka, a transaction for each batch; records per second."""
    watch, group = BrokerWatch(connection), f"bare-{time.time_ns()}"
    producer = make_fast_producer(connection, watch, group, 60_000)
    consumer = make_fast_consumer(connection, watch, group, "0")
    consumer.subscribe([topics.records])
    while not (messages := consumer.consume(10_000, 1.0)):
        pass
    started, done = time.perf_counter(), 0
    while done < records:
        done += len(messages)
        producer.begin_transaction()
        for message in messages:
            producer.produce(topics.scored, RESULT, message.key(), message.partition())
        position = TopicPartition(topics.records, 0, messages[-1].offset() + 1)
        producer.send_offsets_to_transaction([position], consumer.consumer_group_metadata())
        producer.commit_transaction()
        if done < records:
            messages = consumer.consume(10_000, 0.1)
            while not messages:
                messages = consumer.consume(10_000, 0.1)
    seconds = time.perf_counter() - started
    consumer.close()
    return records / seconds


async def run_stage(connection: Connection, topics: Topics, records: int, group: str, fast: bool = False) -> Run:
    """Run the server over all records."""
    return await run_server(StageServer(connection, ServerOptions(topics, group=group, fast=fast)), records)


async def run_server(server: Runnable, records: int) -> Run:
    """Run any server until it has scored so many records."""
    memory: list[float] = []
    process = psutil.Process()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(server.run)
        while not server.counts.scored:
            await anyio.sleep(_LOOK_EVERY_S / 10)
        started, already = time.perf_counter(), server.counts.scored
        while server.counts.scored < records:
            if server.counts.scored >= records * (len(memory) + 1) / 4:
                memory.append(process.memory_info().rss / 1e6)
            await anyio.sleep(_LOOK_EVERY_S)
        seconds = time.perf_counter() - started
        memory.append(process.memory_info().rss / 1e6)
        tasks.cancel_scope.cancel()
    return Run((records - already) / seconds, tuple(memory))


if __name__ == "__main__":
    main()
