"""The main job in one process: a client publishes, the stage scores, a view watches the results arrive."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field

import anyio
from kafka import KafkaConsumer
from rich.console import Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from modelserving.client import Dataset, Publisher, Rate
from modelserving.errors import ServerError
from modelserving.kafka import Connection, create_topics, delete_topics, make_consumer
from modelserving.records import TOPICS, ScoredRecord, Topics, decode_scored
from modelserving.serving import Phase, ServerOptions, WorkerThread
from modelserving.stage import StageServer
from modelserving.statistics import Statistics
from modelserving.web import bind, serve, until_signal, url_of

_FRAMES_PER_SECOND = 8
_LATEST = 8
_TICK = 0.02
_DRAIN_SECONDS = 60.0
_BLOCKS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, slots=True)
class Latency:
    """From the moment a record was published to the moment its committed result could be read, milliseconds."""

    p50: float
    p99: float


@dataclass(frozen=True, slots=True)
class Summary:
    """What became of the records of a demo; ``sent`` is the sum of the three that follow it.

    Args:
        sent: records that the broker took from the client.
        scored: results read from the topic of scored records.
        skipped: records for which there was no model yet.
        dead_lettered: records that could not be decoded or scored.
        swaps: how often the model changed from one result to the next.
        latency_ms: from publishing to readable result.
    """

    sent: int
    scored: int
    skipped: int
    dead_lettered: int
    swaps: int
    latency_ms: Latency

    def describe(self) -> str:
        """The same in a sentence."""
        return (
            f"{self.sent} records sent: {self.scored} scored, {self.skipped} skipped, {self.dead_lettered} dead; "
            f"{self.swaps} model swaps. Published to readable result: half within {self.latency_ms.p50:.0f} ms, "
            f"99 in 100 within {self.latency_ms.p99:.0f} ms."
        )


@dataclass(slots=True)
class Results:
    """The results as they arrive on the topic of scored records, counted by reading them."""

    latency: Statistics = field(default_factory=Statistics)
    latest: deque[ScoredRecord] = field(default_factory=lambda: deque(maxlen=60))
    scored: int = 0
    swaps: int = 0

    def add(self, scored: ScoredRecord) -> None:
        """Count one result that has just become readable."""
        if self.latest and self.latest[-1].model_digest != scored.model_digest:
            self.swaps += 1
        self.latest.append(scored)
        self.scored += 1
        self.latency.record(time.time_ns() - scored.published_ms * 1_000_000)


class Demo:
    """Client and server on topics of their own, which are deleted afterwards.

    Args:
        connection: to the cluster.
        dataset: what the client publishes.
        rate: how fast, and how much.
    """

    def __init__(self, connection: Connection, dataset: Dataset, rate: Rate) -> None:
        self._connection = connection
        self.topics: Topics = TOPICS.prefixed(f"demo-{time.time_ns() // 1_000_000}")
        self.publisher = Publisher(connection, dataset, rate, self.topics, lambda _: None)
        group = self.topics.records
        self.server = StageServer(connection, ServerOptions(self.topics, group, instance="demo"))
        self.results = Results()
        self.url = ""

    async def run(self, watch: Callable[[Demo], Coroutine[object, object, None]]) -> Summary:
        """Run until the client has sent all and every record is accounted for, or until Ctrl-C.

        Args:
            watch: shows the demo; runs beside it.

        Raises:
            ServerError: records that were sent are not accounted for in time.
        """
        create_topics(self._connection, self.topics)
        try:
            bound = bind("127.0.0.1", 5500)
            self.url = url_of(bound)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._read_results)
                tasks.start_soon(watch, self)
                await serve(self.server, bound, self._drive)
                tasks.cancel_scope.cancel()
        finally:
            delete_topics(self._connection, self.topics)
        return self.summary()

    def summary(self) -> Summary:
        """What was counted so far."""
        seen = self.results.latency.snapshot()
        return Summary(
            sent=self.publisher.sent,
            scored=self.results.scored,
            skipped=self.server.counts.skipped,
            dead_lettered=self.server.counts.dead_lettered,
            swaps=self.results.swaps,
            latency_ms=Latency(seen.p50_ns / 1e6, seen.p99_ns / 1e6),
        )

    async def _drive(self) -> None:
        """Publish once the server serves, until all is sent or Ctrl-C; return when every record is accounted for."""
        stop = threading.Event()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_set_at_signal, stop)
            while self.server.phase is not Phase.SERVING and not stop.is_set():
                await anyio.sleep(_TICK)
            with WorkerThread("client") as worker:
                await worker.run(self.publisher.run, stop)
            await self._drain()
            tasks.cancel_scope.cancel()

    async def _drain(self) -> None:
        """Wait until each record that was sent is scored, skipped or dead."""
        with anyio.move_on_after(_DRAIN_SECONDS):
            while not self._balanced():
                await anyio.sleep(_TICK)
            return
        raise ServerError(f"not every record is accounted for after {_DRAIN_SECONDS:g} s: {self.summary().describe()}")

    def _balanced(self) -> bool:
        seen = self.summary()
        return seen.sent <= seen.scored + seen.skipped + seen.dead_lettered

    async def _read_results(self) -> None:
        """Follow the topic of scored records; only what is committed can be read."""
        worker = WorkerThread("results")
        consumer: KafkaConsumer = await worker.run(make_consumer, self._connection, self.topics.scored)
        try:
            while True:
                await worker.run(self._poll, consumer)
        finally:
            await worker.finish(consumer.close, autocommit=False)

    def _poll(self, consumer: KafkaConsumer) -> None:
        for messages in consumer.poll(timeout_ms=100).values():
            for message in messages:
                self.results.add(decode_scored(message.value))


async def _set_at_signal(stop: threading.Event) -> None:
    """Set ``stop`` at Ctrl-C, and also when this task is cancelled because something else failed."""
    try:
        await until_signal()
    finally:
        stop.set()


async def wait_quietly(demo: Demo) -> None:
    """Show nothing."""


async def show_live(demo: Demo) -> None:
    """Show scores, model and latency in the terminal, several times a second."""
    with Live(render(demo), auto_refresh=False) as live:
        while True:
            await anyio.sleep(1 / _FRAMES_PER_SECOND)
            live.update(render(demo), refresh=True)


def render(demo: Demo) -> Panel:
    """One frame of the live view."""
    summary = demo.summary()
    slot = demo.server.slots.latest
    served = slot.current if slot else None
    model = f"{served.info} ({served.info.type.slug})" if served else "none yet"
    head = Table.grid(padding=(0, 2))
    head.add_row("model in use", Text(model, style="bold cyan"))
    head.add_row(
        "records",
        f"{summary.sent} sent, {summary.scored} scored, {summary.skipped} skipped, {summary.dead_lettered} dead",
    )
    head.add_row("model swaps", str(summary.swaps))
    head.add_row(
        "published to readable",
        f"half within {summary.latency_ms.p50:.1f} ms, 99 % within {summary.latency_ms.p99:.1f} ms",
    )
    if served:
        seen = served.statistics.snapshot()
        head.add_row(
            "scoring alone", f"half within {seen.p50_ns / 1e3:.0f} µs, 99 % within {seen.p99_ns / 1e3:.0f} µs a record"
        )
    body = Group(head, Text(), Text(f"quality  {_sparkline(demo.results)}"), Text(), _latest(demo.results))
    footer = f"{demo.server.phase} · {demo.url}/state · Ctrl-C ends it"
    return Panel(body, title="wine records, scored by models that arrive as data", subtitle=footer)


def _sparkline(results: Results) -> str:
    """The last predictions as a line of blocks, quality 3 to 9 from bottom to top."""
    return "".join(_BLOCKS[max(0, min(7, round((scored.prediction - 3) * 7 / 6)))] for scored in results.latest)


def _latest(results: Results) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for name in ("partition", "offset", "quality", "model"):
        table.add_column(name, justify="left" if name == "model" else "right")
    for scored in list(results.latest)[-_LATEST:]:
        table.add_row(str(scored.partition), str(scored.offset), f"{scored.prediction:.2f}", scored.model_name)
    return table
