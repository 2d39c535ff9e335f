"""Records per second of the custom-stage server, beside a bare loop that moves the same bytes.

    python benchmarks/stage.py            200,000 preloaded records
    python benchmarks/stage.py --quick    20,000
    python benchmarks/stage.py --json     one object with figures and ratios

The bare loop polls with kafka-python, and sends for each record a message of the size of a result; it decodes nothing,
scores nothing, and has no transactions. Both run in this process, in turn, three times, on one broker; the ratio is
that of the medians.
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
from report import Report, arguments, show

from modelserving.broker import EmbeddedKafka
from modelserving.client import Dataset, load_dataset
from modelserving.commands.threads import share_fairly
from modelserving.config import data_folder
from modelserving.kafka import Connection, create_topics, make_consumer, make_producer
from modelserving.models.formats import factory
from modelserving.records import ScoredRecord, Topics, encode_descriptor, encode_scored, encode_wine
from modelserving.stage import StageOptions, StageServer
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
    records = 20_000 if options.quick else 200_000
    with TemporaryDirectory() as home, EmbeddedKafka(home=Path(home), port=0) as kafka:
        show(measure(kafka.connection, records, rounds=1 if options.quick else 3), options)


def measure(connection: Connection, records: int, rounds: int) -> Report:
    """Preload the records, then run both, in turn."""
    topics = Topics().prefixed("bench")
    create_topics(connection, topics)
    preload(connection, topics, load_dataset(data_folder()), records)
    factory.preload()  # both then run in the same process with the same libraries loaded
    gc.collect()
    gc.freeze()
    share_fairly()
    bare: list[float] = []
    stage: list[float] = []
    memory: tuple[float, ...] = ()
    for number in range(rounds):
        bare.append(run_bare_loop(connection, topics, records))
        run = anyio.run(run_stage, connection, topics, records, f"stage-{number}")
        stage.append(run.records_per_s)
        memory = run.megabytes
    return Report(
        figures={
            "records": records,
            "bare_loop_records_per_s": round(median(bare)),
            "stage_records_per_s": round(median(stage)),
            "memory_mb_after_a_quarter": round(memory[0], 1),
            "memory_mb_at_the_end": round(memory[-1], 1),
        },
        ratios={
            "stage_over_bare_loop": round(median(stage) / median(bare), 3),
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


async def run_stage(connection: Connection, topics: Topics, records: int, group: str) -> Run:
    """Run the server over all records."""
    return await run_server(StageServer(connection, StageOptions(topics, group=group)), records)


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
