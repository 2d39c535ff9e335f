"""The server around the stage: topics on both sides of it, and a life that outlasts the broker's restarts."""

from __future__ import annotations

import gc
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass
from enum import StrEnum

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream
from kafka.errors import KafkaError

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection
from modelserving.models.slot import ModelSlots, ServedModel
from modelserving.records import TOPICS, Topics
from modelserving.stage.custom_stage import ModelServingStage
from modelserving.stage.lane import Lane
from modelserving.stage.messages import ScoredBatch
from modelserving.stage.model_source import ModelSource
from modelserving.stage.sink import TransactionalSink
from modelserving.stage.source import DataSource

__all__ = ["Counts", "Phase", "StageOptions", "StageServer"]

log = logging.getLogger(__name__)

_RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0)


class Phase(StrEnum):
    """What a server is doing."""

    STARTING = "starting"
    READING_MODELS = "reading models"
    SERVING = "serving"
    WAITING = "waiting for the broker"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class StageOptions:
    """How a stage server runs.

    Args:
        topics: what it reads and writes.
        group: consumer group; servers of one group share the records.
        instance: this server's name in the group; unique, and the same after a restart.
        max_records: the most records in a batch.
        preload: start the engines of all formats before serving. Without, the server serves sooner, and the first model
            of each format waits for its engine.
    """

    topics: Topics = TOPICS
    group: str = "stage-server"
    instance: str = "0"
    max_records: int = 10_000
    preload: bool = True


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of the records since this process began; only what is committed.

    Args:
        scored: answered.
        skipped: of a data type that has no model.
        dead_lettered: could not be decoded or scored.
    """

    scored: int = 0
    skipped: int = 0
    dead_lettered: int = 0


def _spare_the_garbage_collector() -> None:
    """Take what is loaded so far, for good, out of what is searched for garbage.

    TensorFlow alone brings a million objects. Searching them again and again, while records come and go, cost 40 % of
    the processor's time at full speed.
    """
    gc.collect()
    gc.freeze()


class StageServer:
    """Serves models with the custom stage, until cancelled.

    Scoring runs in *sessions*. When the broker goes away, or another server takes over, the session ends and a new one
    goes on from what was committed: nothing is lost, and nothing appears twice. Models outlive the sessions.

    Args:
        connection: to the cluster.
        options: how it runs.
    """

    def __init__(self, connection: Connection, options: StageOptions = StageOptions()) -> None:
        self.options = options
        self.slots = ModelSlots()
        self.counts = Counts()
        self.phase = Phase.STARTING
        self._connection = connection
        self._models = ModelSource(connection, options.topics)

    @property
    def models_refused(self) -> int:
        """How many messages of the models topic were no model fit to serve."""
        return self._models.refused

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            BrokerUnavailable: no broker answers at the start; later on, it is waited for.
        """
        try:
            async with AsyncExitStack() as stack:
                lane = stack.enter_context(Lane("scoring"))
                source = await stack.enter_async_context(self._models)
                if self.options.preload:
                    await source.preload()
                _spare_the_garbage_collector()
                self.phase = Phase.READING_MODELS
                for served in await source.read_to_end():
                    self.slots.swap(served)
                send, models = anyio.create_memory_object_stream[ServedModel](0)
                async with send, models, anyio.create_task_group() as tasks:
                    tasks.start_soon(source.follow, send)
                    await self._serve(lane, models)
        finally:
            self.phase = Phase.STOPPED
            self.slots.close()

    async def _serve(self, lane: Lane, models: MemoryObjectReceiveStream[ServedModel]) -> None:
        """One session after the other."""
        failures = 0
        while True:
            before = self.counts
            try:
                await self._session(lane, models)
            except* (KafkaError, BrokerUnavailable) as errors:
                reason = errors.exceptions[0]
            failures = 0 if self.counts != before else failures + 1
            self.phase = Phase.WAITING
            pause = _RETRY_SECONDS[min(failures, len(_RETRY_SECONDS) - 1)]
            log.warning("the broker does not take results (%r); again from the last commit in %g s", reason, pause)
            await anyio.sleep(pause)

    async def _session(self, lane: Lane, models: MemoryObjectReceiveStream[ServedModel]) -> None:
        """Score from the group's committed offsets on, until something breaks."""
        options = self.options
        name = f"{options.group}-{options.instance}"
        async with AsyncExitStack() as stack:
            sink = await stack.enter_async_context(TransactionalSink(self._connection, options.topics, name, lane))
            data = await stack.enter_async_context(
                DataSource(self._connection, options.topics.records, options.group, name, options.max_records)
            )
            send, results = anyio.create_memory_object_stream[ScoredBatch](0)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self._publish, results, sink)
                self.phase = Phase.SERVING
                async with models.clone() as inlet:
                    await ModelServingStage(self.slots, lane).run(data, inlet, send)

    async def _publish(self, results: MemoryObjectReceiveStream[ScoredBatch], sink: TransactionalSink) -> None:
        async with results:
            async for batch in results:
                await sink.write(batch)
                self._count(batch)

    def _count(self, batch: ScoredBatch) -> None:
        self.counts = Counts(
            self.counts.scored + len(batch.scored),
            self.counts.skipped + batch.skipped,
            self.counts.dead_lettered + len(batch.dead),
        )
        for share in batch.shares:
            share.served.statistics.record(share.each_ns, share.count)
