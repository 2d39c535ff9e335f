"""How long the embedded broker takes to start: plainly, and with what makes it fast.

    python benchmarks/broker.py [--quick] [--json]

Three ways of starting the same Java with the same jars, one after the other in each round, so that a busy moment of the
machine hits all of them:

plain     Kafka as its own scripts start it, on Java's defaults
compiled  the quick compiler alone is used (``-XX:TieredStopAtLevel=1``)
cached    the same, with classes from the start-up cache

"port" is until somebody listens, "answers" until the broker names itself in its metadata, which is what clients wait
for. ``ratios.cached_over_plain`` compares the latter. Beside them: ``EmbeddedKafka.start`` and ``close`` as users call
them, supervisor included, in a new home (which is formatted first) and in one that was used before.
"""

from __future__ import annotations

import os
import socket
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from report import Report, arguments, show

from modelserving import jars
from modelserving.broker import EmbeddedKafka, prepare
from modelserving.broker.configuration import java_arguments, logging_properties, server_properties
from modelserving.broker.layout import Layout
from modelserving.broker.process import cluster_at, format_data
from modelserving.startup_cache import StartupCache
from modelserving.system import poll
from modelserving.system.ports import free_port

_GIVE_UP_S = 120.0


def measure(rounds: int) -> dict[str, float]:
    """Start brokers in turn; medians in seconds, by name."""
    prepare(lambda _: None)
    cache = StartupCache.of(jars.jars_folder(), jars.java(), jars.class_path("broker"))
    ways = {
        "plain": ["-XX:TieredStopAtLevel=4"],
        "compiled": [],
        "cached": cache.flags_to_use(),
    }
    seen: dict[str, list[float]] = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="broker-") as folder:
        layout = Layout.of(Path(folder))
        layout.folder.mkdir()
        format_data(layout, free_port(), free_port(), cache)
        for _ in range(rounds):
            for way, flags in ways.items():
                port_s, answers_s = start_java(layout, flags)
                seen[f"{way}_port_s"].append(port_s)
                seen[f"{way}_answers_s"].append(answers_s)
            measure_embedded(seen)
    return {name: statistics.median(values) for name, values in seen.items()}


def start_java(layout: Layout, flags: list[str]) -> tuple[float, float]:
    """Start one broker and end it; seconds until its port is open, and until it answers."""
    port = free_port()
    layout.properties.write_text(server_properties(layout.data, port, free_port()), encoding="ascii")
    layout.logging.write_text(logging_properties(layout), encoding="ascii")
    class_path = os.pathsep.join(map(str, jars.class_path("broker")))
    layout.arguments.write_bytes(os.fsencode(java_arguments(layout, class_path, flags)))
    command = [str(jars.java()), f"@{layout.arguments}", "kafka.Kafka", str(layout.properties)]
    begun = time.perf_counter()
    with running(command):
        wait(lambda: is_open(port))
        open_s = time.perf_counter() - begun
        wait(lambda: cluster_at(port) is not None)
        return open_s, time.perf_counter() - begun


@contextmanager
def running(command: list[str]) -> Iterator[None]:
    """Run a program for as long as the block lasts."""
    nowhere = subprocess.DEVNULL
    with subprocess.Popen(command, stdin=nowhere, stdout=nowhere, stderr=nowhere) as process:
        try:
            yield
        finally:
            process.terminate()


def measure_embedded(seen: dict[str, list[float]]) -> None:
    """Start and close it as users do, twice in a new home."""
    with tempfile.TemporaryDirectory(prefix="broker-") as home:
        for name in ("new_home_start_s", "start_s"):
            begun = time.perf_counter()
            kafka = EmbeddedKafka(home=Path(home), port=0).start()
            seen[name].append(time.perf_counter() - begun)
            begun = time.perf_counter()
            kafka.close()
            seen["close_s"].append(time.perf_counter() - begun)


def is_open(port: int) -> bool:
    """Whether somebody listens at a loopback port."""
    try:
        socket.create_connection(("127.0.0.1", port), 1.0).close()
    except OSError:
        return False
    return True


def wait(holds: Callable[[], bool]) -> None:
    """Look every five milliseconds."""
    if not poll(holds, _GIVE_UP_S, 0.005):
        raise TimeoutError(f"no broker after {_GIVE_UP_S:.0f} s")


def main() -> None:
    """Measure, and print."""
    options = arguments(__doc__ or "")
    figures = measure(3 if options.quick else 9)
    ratio = figures["cached_answers_s"] / figures["plain_answers_s"]
    rounded = {name: round(value, 3) for name, value in figures.items()}
    show(Report(rounded, {"cached_over_plain": round(ratio, 3)}), options)


if __name__ == "__main__":
    main()
