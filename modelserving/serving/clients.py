"""Which client reads and writes the records' topics: kafka-python, or librdkafka where that was asked for."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from typing import Protocol, Self

from modelserving.kafka import Connection, Gap
from modelserving.records import Topics
from modelserving.serving.fast import FastSink, FastSource
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.serving.running.worker_thread import WorkerThread
from modelserving.serving.sink import TransactionalSink
from modelserving.serving.source import DataSource


class Inlet(Protocol):
    """Batches of the records topic, each what one poll returned."""

    def __aiter__(self) -> Self:
        """Itself."""
        ...

    async def __anext__(self) -> Batch:
        """Wait for the next messages."""
        ...

    async def hold(self) -> None:
        """Want nothing for a moment, and stay in the group."""
        ...


class Outlet(Protocol):
    """Publishes batches, each in a transaction."""

    async def write(self, batch: ScoredBatch) -> None:
        """Publish a batch and its progress; return when the transaction is committed."""
        ...


def open_inlet(
    connection: Connection,
    topic: str,
    group: str,
    instance: str,
    max_records: int,
    *,
    fast: bool,
    silent: Mapping[int, Gap],
) -> AbstractAsyncContextManager[Inlet]:
    """The records topic, to be read; arguments as ``FastSource``."""
    kind = FastSource if fast else DataSource
    return kind(connection, topic, group, instance, max_records, silent)


def open_outlet(
    connection: Connection, topics: Topics, transactional_id: str, worker: WorkerThread, *, fast: bool, frame: bytes
) -> AbstractAsyncContextManager[Outlet]:
    """The topics of results and dead letters, to be written; arguments as ``TransactionalSink``."""
    kind = FastSink if fast else TransactionalSink
    return kind(connection, topics, transactional_id, worker, frame)
