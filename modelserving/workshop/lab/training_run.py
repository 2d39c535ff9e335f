"""Set-up's training run: Kafka Streams serves a few records, and Java keeps what it has loaded and linked for that.

Java inside Python then starts, and builds its first model, in some two thirds of the processor time: each server, and
each lesson. ``python -m modelserving.workshop.lab.training_run FILE`` is the run itself, in a process of its own.
"""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import anyio

from modelserving import jvm
from modelserving.broker import EmbeddedKafka
from modelserving.config import data_folder
from modelserving.kafka import Connection, create_topics, make_producer
from modelserving.models.store.bundled import read_catalog
from modelserving.records import ModelType, Topics, encode_descriptor, encode_wine, read_wines
from modelserving.serving.options import ServerOptions
from modelserving.streams_server import StoreKind, StreamsOptions, StreamsServer

_RECORDS = 500
_SERVES_S, _ENDS_S = 120.0, 240.0
_LOOK_EVERY_S = 0.05


def prepare(progress: Callable[[str], None]) -> None:
    """Record the start-up cache of the Java inside Python: a part of set-up, some fifteen seconds.

    Nothing is done when there is a cache that fits, or where none can be written. A run that fails costs later starts
    their time, and nothing else.

    Args:
        progress: told what happens, a line at a time.

    Raises:
        SetupError: as ``jvm.start``.
    """
    try:
        cache = jvm.startup_cache()
    except OSError as error:
        progress(f"Java in Python: nothing is prepared ({error}).")
        return
    if not cache.is_missing:
        progress("Java in Python: nothing to prepare.")
        return
    progress("Java in Python: serving a few records, so that servers and lessons start faster from now on.")
    with tempfile.TemporaryDirectory(prefix="modelserving-", ignore_cleanup_errors=True) as folder:
        recording = Path(folder) / "recording.aot"
        failure = _run(recording)
        if failure is None and not cache.keep(recording):
            failure = f"nothing could be kept at {cache.path}"
    if failure is not None:
        progress(f"That did not work ({failure}); they will take a little longer, and that is all.")


def _run(recording: Path) -> str | None:
    """The run, in a process of its own; or why it failed."""
    command = [sys.executable, "-m", __name__, str(recording)]
    try:
        ended = subprocess.run(command, timeout=_ENDS_S, check=False, capture_output=True, text=True, errors="replace")
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    said = ended.stderr.strip().splitlines() or ["it says nothing"]
    return f"exit status {ended.returncode}: {said[-1]}" if ended.returncode else None


def main(recording: Path) -> None:
    """The run: Java writes the cache when this process has ended it."""
    jvm.record(recording)
    with tempfile.TemporaryDirectory(prefix="modelserving-") as folder, _broker(folder) as kafka:
        topics = Topics().prefixed("training")
        create_topics(kafka.connection, topics)
        _publish(kafka.connection, topics)
        engine = StreamsOptions(Path(folder) / "state", store=StoreKind.STANDARD)
        server = StreamsServer(kafka.connection, ServerOptions(topics, "training", preload=False), engine)
        anyio.run(_serve, server)


def _broker(folder: str) -> EmbeddedKafka:
    return EmbeddedKafka(home=Path(folder), port=0)


def _publish(connection: Connection, topics: Topics) -> None:
    line = next(model for model in read_catalog(data_folder() / "models") if model.type is ModelType.PMML)
    with closing(make_producer(connection)) as producer:
        producer.send(topics.models, key=line.data_type.encode(), value=encode_descriptor(line))
        for wine, _ in itertools.islice(read_wines(data_folder() / "wine_red.csv"), _RECORDS):
            producer.send(topics.records, value=encode_wine(wine))
        producer.flush()


async def _serve(server: StreamsServer) -> None:
    with anyio.fail_after(_SERVES_S):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(server.run)
            while server.counts.scored < _RECORDS:
                await anyio.sleep(_LOOK_EVERY_S)
            tasks.cancel_scope.cancel()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
