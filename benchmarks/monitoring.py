"""What monitoring costs a server: records per second with it on, over records per second with it off.

    python benchmarks/monitoring.py            200,000 preloaded records, five pairs of runs with each client
    python benchmarks/monitoring.py --quick    100,000, two pairs
    python benchmarks/monitoring.py --json     one object with figures and ratios

On: the server's HTTP face is up, Prometheus' scraper asks for /metrics once a second, and a page follows /live. Off: no
face, and nothing is counted by model and error. Runs take turns, and each ratio is the median of the pairs' own.
"""

from __future__ import annotations

import gc
import subprocess
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Self

import anyio
import anyio.to_thread
from report import Report, arguments, show
from stage import preload, run_server

from modelserving.broker import EmbeddedKafka
from modelserving.client import load_dataset
from modelserving.commands.threads import share_fairly
from modelserving.config import data_folder
from modelserving.kafka import Connection, create_topics
from modelserving.models.formats import factory
from modelserving.records import Topics
from modelserving.serving import BatchOutcome, Meter, ServerOptions
from modelserving.stage import StageServer
from modelserving.web import bind, make_app, serve_app, url_of


class CountsOnly(Meter):
    """As before there was any monitoring: three numbers."""

    def add(self, outcome: BatchOutcome) -> None:
        """Count what became of the records, and nothing else."""
        super().add(BatchOutcome(outcome.counts))


def main() -> None:
    """Measure, and print."""
    options = arguments(__doc__ or "")
    records, pairs = (100_000, 2) if options.quick else (200_000, 5)
    with TemporaryDirectory() as home, EmbeddedKafka(home=Path(home), port=0) as kafka:
        show(measure(kafka.connection, records, pairs), options)


def measure(connection: Connection, records: int, pairs: int) -> Report:
    """Preload the records, then run with monitoring and without, in turn."""
    topics = Topics().prefixed("bench")
    create_topics(connection, topics)
    preload(connection, topics, load_dataset(data_folder()), records)
    factory.preload()
    gc.collect()
    gc.freeze()
    share_fairly()
    figures: dict[str, float] = {"records": records}
    ratios: dict[str, float] = {}
    for name, fast in (("", False), ("fast_", True)):
        run(connection, topics, records, f"{name}warm", fast, on=False)
        found = [
            {
                on: run(connection, topics, records, f"{name}{number}-{on}", fast, on=on)
                for on in ((True, False) if number % 2 else (False, True))
            }
            for number in range(pairs)
        ]
        for on, told in ((True, "on"), (False, "off")):
            figures[f"{name}{told}_records_per_s"] = round(median(pair[on] for pair in found))
        ratios[f"{name}on_over_off"] = round(median(pair[True] / pair[False] for pair in found), 3)
    return Report(figures, ratios)


def run(connection: Connection, topics: Topics, records: int, group: str, fast: bool, *, on: bool) -> float:
    """Run a server over all records; records per second."""
    server = StageServer(connection, ServerOptions(topics, group=group, fast=fast))
    if not on:
        server.meter = CountsOnly()
        return anyio.run(run_server, server, records).records_per_s
    bound = bind("127.0.0.1", 0)
    done = anyio.Event()
    found: list[float] = []

    async def work() -> None:
        await anyio.to_thread.run_sync(watcher.seen)
        found.append((await run_server(server, records)).records_per_s)
        done.set()
        await anyio.sleep_forever()

    with Watcher(url_of(bound)) as watcher:
        anyio.run(serve_app, work, make_app(server), bound, done.wait)
    return found[0]


class Watcher:
    """A scraper and a page, in a process of their own, as they are in life.

    Args:
        url: of the server.
    """

    def __init__(self, url: str) -> None:
        self._process = subprocess.Popen([sys.executable, "-c", WATCH, url], stdout=subprocess.PIPE)

    def seen(self) -> None:
        """Return when both had their first answer: what is measured is the cost of going on."""
        assert self._process.stdout is not None
        for _ in range(2):
            self._process.stdout.readline()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


WATCH = """
import sys, threading, time
import httpx
url = sys.argv[1]
# Kept open, as Prometheus and browsers do: a client for each question would load all certificates of the machine, and
# what that costs would be the watcher's own.
client = httpx.Client(timeout=30)

def follow():
    while True:
        try:
            with client.stream("GET", url + "/live") as events:
                for number, line in enumerate(events.iter_lines()):
                    if not number:
                        print("page", flush=True)
        except httpx.HTTPError:
            time.sleep(0.1)

threading.Thread(target=follow, daemon=True).start()
told = False
while True:
    try:
        client.get(url + "/metrics").raise_for_status()
    except httpx.HTTPError:
        time.sleep(0.1)
        continue
    if not told:
        told = print("scraped", flush=True) is None
    time.sleep(1)
"""


if __name__ == "__main__":
    main()
