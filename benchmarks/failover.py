"""How long nobody answers for the partitions of an instance that is killed, with and without standby replicas.

    python benchmarks/failover.py                    changelogs of 100,000 entries, two rounds
    python benchmarks/failover.py --entries 500000   longer ones
    python benchmarks/failover.py --quick            40,000 entries, one round
    python benchmarks/failover.py --json             one object with figures and ratios

Two instances of the Kafka Streams server (custom store, exactly once) share four partitions. One of them is a process
that is killed as ``kill -9`` does; the other one is in this process, where its engine can be watched. The changelog was
made longer beforehand: entries of other data types, as hours of commits leave them (compaction has not come by yet).
They are written when the instances already share the partitions: else the engine would first let the second one catch
up before it gives it anything, and look again after ten minutes only.

total      from the kill until the survivor holds all four partitions and has counted all records, also those that were
           published after the kill
missed     the part until the survivor begins to take over: the broker waits for the session timeout of the dead one
           (10 s), then the survivor hears of it with its next heartbeat. Standbys change nothing here, and it is most
           of the total
taking_over  the part from there until its tasks run with their state: rebalancing and restoring
restoring  of that, the part from the first to the last entry that is read back, as the engine's own listener sees it;
           and how many entries that were. A standby has them already

``ratios.restore_without_over_with_standby`` compares taking over; ``ratios.total_without_over_with_standby`` is what a
user notices. Both ways run in turn, on one broker.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import anyio
from anyio.to_thread import run_sync
from report import Report, arguments, show

from modelserving.broker import EmbeddedKafka
from modelserving.client import load_dataset
from modelserving.config import data_folder
from modelserving.errors import ServerError
from modelserving.kafka import Connection, create_topics, make_producer
from modelserving.kstreams import KafkaStreams, State
from modelserving.kstreams.bridge.proxies import implement
from modelserving.records import Topics, encode_descriptor, encode_wine
from modelserving.serving.options import ServerOptions
from modelserving.streams_server import LocalState, StreamsOptions, StreamsServer
from modelserving.streams_server.stores import STORE, ModelStatistics
from modelserving.workshop.processes.process import ServerProcess

PARTITIONS = 4
DATA_TYPES = 10
RECORDS = 50
MARKERS = 10
"""Commits leave marks in a changelog, which count as entries that a copy lacks."""
_LOOK_EVERY_S = 0.005
_LIMIT_S = 90.0
_LISTENER = "org.apache.kafka.streams.processor.StateRestoreListener"

_numbers = count()
_supply = load_dataset(data_folder())


@dataclass(slots=True)
class Restoring:
    """What is read back from the changelog, as the engine tells."""

    entries: int = 0
    began: float = 0.0
    ended: float = 0.0
    java: Any = field(init=False)

    def __post_init__(self) -> None:
        self.java = implement(_LISTENER, onRestoreStart=self._start, onBatchRestored=self._more, onRestoreEnd=self._end)

    @property
    def seconds(self) -> float:
        """From the first start to the last end."""
        return max(0.0, self.ended - self.began)

    def begin(self) -> None:
        """Forget what was before."""
        self.entries, self.began, self.ended = 0, 0.0, 0.0

    def _start(self, _partition: Any, _store: Any, _first: int, _last: int) -> None:
        self.began = self.began or time.perf_counter()

    def _more(self, _partition: Any, _store: Any, _last: int, entries: int) -> None:
        self.entries += int(entries)

    def _end(self, _partition: Any, _store: Any, _total: int) -> None:
        self.ended = time.perf_counter()


class Watched(StreamsServer):
    """A server that tells what it restores."""

    def __init__(self, connection: Connection, options: ServerOptions, engine: StreamsOptions) -> None:
        super().__init__(connection, options, engine)
        self.restoring = Restoring()

    def _make(self) -> KafkaStreams:
        made = super()._make()
        made.java.setGlobalStateRestoreListener(self.restoring.java)
        return made


def main() -> None:
    """Measure, and print."""
    options = arguments(__doc__ or "", entries=100_000)
    entries = 40_000 if options.quick else options.entries
    with TemporaryDirectory() as home, EmbeddedKafka(home=Path(home), port=0) as kafka:
        show(measure(kafka, entries, rounds=1 if options.quick else 2), options)


def measure(kafka: EmbeddedKafka, entries: int, rounds: int) -> Report:
    """Kill with and without a standby, in turn."""
    ways = {"without_standby": 0, "with_standby": 1}
    seen: dict[str, list[Mapping[str, float]]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way, standbys in ways.items():
            seen[way].append(anyio.run(kill_one, kafka, entries, standbys))

    def ratio(name: str) -> float:
        pairs = zip(seen["without_standby"], seen["with_standby"], strict=True)
        return round(median(one[name] / other[name] for one, other in pairs), 2)

    figures: dict[str, float] = {"entries_in_changelog": entries}
    for way, found in seen.items():
        figures |= {f"{way}_{name}": round(median(one[name] for one in found), 3) for name in found[0]}
    return Report(
        figures,
        {
            "restore_without_over_with_standby": ratio("taking_over_s"),
            "total_without_over_with_standby": ratio("total_s"),
        },
    )


async def kill_one(kafka: EmbeddedKafka, entries: int, standbys: int) -> Mapping[str, float]:
    """Start two instances, kill one, and watch the other one take over; seconds."""
    name = f"failover-{next(_numbers)}"
    topics = Topics().prefixed(name)
    await run_sync(prepare, kafka.connection, topics)
    options = ServerOptions(topics, name, "survivor", "http://127.0.0.1:1", max_records=1000, preload=False)
    survivor = Watched(kafka.connection, options, StreamsOptions(kafka.home / name, standbys=standbys))
    local = LocalState(survivor)
    environ = {"KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers, "MODELSERVING_HOME": str(kafka.home)}
    more = ("--group", name, "--instance", "victim", "--port", "0", "--no-preload", "--standbys", str(standbys))
    async with anyio.create_task_group() as tasks:
        with ServerProcess("streams", name, more, environ) as victim:
            tasks.start_soon(survivor.run)
            await until(lambda: shared(local))
            await run_sync(write_changelog, kafka.connection, name, entries)
            await run_sync(publish, kafka.connection, topics)
            await until(lambda: caught_up(survivor, local, standbys))
            survivor.restoring.begin()
            await run_sync(victim.kill)
            killed = time.perf_counter()
            await run_sync(publish, kafka.connection, topics)
            await until(lambda: state_of(survivor) is not State.RUNNING)
            began = time.perf_counter()
            await until(lambda: len(held(local)) == PARTITIONS)
            restored = time.perf_counter()
            await until(lambda: counted(local) == 2 * RECORDS * PARTITIONS)
            done = time.perf_counter()
        tasks.cancel_scope.cancel()
    return {
        "total_s": done - killed,
        "missed_s": began - killed,
        "taking_over_s": restored - began,
        "restoring_s": survivor.restoring.seconds,
        "entries_restored": survivor.restoring.entries,
    }


def prepare(connection: Connection, topics: Topics) -> None:
    """Make the topics, and publish a model."""
    create_topics(connection, topics, PARTITIONS)
    with make_producer(connection) as producer:
        producer.send(topics.models, key=b"wine", value=encode_descriptor(_supply.models[0]))
        producer.flush()


def write_changelog(connection: Connection, group: str, entries: int) -> None:
    """Lengthen the changelogs of the store. The tasks that own them do not read them; whoever restores does."""
    statistics = ModelStatistics()
    statistics.record("a model of before", 20_000, 100)
    value = statistics.encode()
    with make_producer(connection) as producer:
        for number in range(entries):
            key = f"other-{number // PARTITIONS % DATA_TYPES}".encode()
            producer.send(f"{group}-{STORE}-changelog", key=key, value=value, partition=number % PARTITIONS)
        producer.flush()


def publish(connection: Connection, topics: Topics) -> None:
    """Some records for each partition."""
    value = encode_wine(_supply.records[0])
    with make_producer(connection) as producer:
        for partition in range(PARTITIONS):
            for _ in range(RECORDS):
                producer.send(topics.records, value=value, partition=partition)
        producer.flush()


def shared(local: LocalState) -> bool:
    """Whether both instances hold half of the partitions."""
    try:
        return [len(each.partitions) for each in local.instances()] == [PARTITIONS // 2] * 2
    except ServerError:
        return False


def caught_up(server: StreamsServer, local: LocalState, standbys: int) -> bool:
    """Whether the survivor has the copies that it is to have."""
    mine, streams = set(held(local)), server.streams
    if streams is None or not mine:
        return False
    copies = {partition: lag for partition, lag in streams.lags().get(STORE, {}).items() if partition not in mine}
    return len(copies) == (PARTITIONS - len(mine) if standbys else 0) and all(lag <= MARKERS for lag in copies.values())


def state_of(server: StreamsServer) -> State | None:
    """What its engine does."""
    return server.streams.state if server.streams is not None else None


def held(local: LocalState) -> Mapping[int, ModelStatistics]:
    """What the survivor can be asked for."""
    try:
        return local.share("wine").partitions
    except ServerError:
        return {}


def counted(local: LocalState) -> int:
    """How many records it has counted, all models together."""
    digest = _supply.models[0].digest
    found = [each.find(digest) for each in held(local).values()]
    return sum(one.snapshot().count for one in found if one is not None)


async def until(holds: Callable[[], bool]) -> None:
    """Wait for a condition."""
    with anyio.fail_after(_LIMIT_S):
        while not await run_sync(holds):
            await anyio.sleep(_LOOK_EVERY_S)


if __name__ == "__main__":
    main()
