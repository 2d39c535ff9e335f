"""The server around the stage: topics on both sides of it, and a life that outlasts the broker's restarts."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from functools import partial

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from modelserving.kafka import Connection
from modelserving.models.info import SlotsUpdate
from modelserving.models.lifecycle.controller import ModelController
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.models.lifecycle.state import ServingState
from modelserving.serving.clients import Outlet, open_inlet, open_outlet
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.serving.model_source import ModelSource
from modelserving.serving.options import ServerOptions
from modelserving.serving.report.meter import outcome_of
from modelserving.serving.report.status import Health, Phase
from modelserving.serving.running.server import ModelServer
from modelserving.serving.running.sessions import freeze_garbage_collection, run_sessions
from modelserving.serving.running.worker_thread import WorkerThread
from modelserving.serving.scoring import Score, score_batch
from modelserving.stage.custom_stage import ModelServingStage


class StageServer(ModelServer):
    """Serves models with the custom stage, until cancelled.

    Scoring runs in *sessions*. When the broker goes away, or another server takes over, the session ends and a new one
    goes on from what was committed: nothing is lost, and nothing appears twice. Models outlive the sessions.

    Args:
        connection: to the cluster.
        options: how it runs.
        score: what is done with a batch; by default it is scored, as the options' schemas say.
    """

    def __init__(
        self,
        connection: Connection,
        options: ServerOptions,
        score: Score | None = None,
    ) -> None:
        super().__init__(connection, options)
        self.slots = ModelSlots()
        self._score = score or partial(score_batch, decoder=options.make_decoder())
        self._models = ModelSource(connection, options)
        self._tracer = options.make_batch_tracer()

    @property
    def controllers(self) -> tuple[ModelController, ...]:
        """What decides about its models."""
        return (self._models.controller,)

    @property
    def data_types(self) -> tuple[str, ...]:
        """The data types that have a model."""
        return self.slots.data_types

    @property
    def latest(self) -> str | None:
        """The data type whose model changed last."""
        return self.slots.latest_type

    def describe(self, data_type: str) -> ServingState | None:
        """How the models of a data type are doing."""
        return self.slots.describe(data_type)

    def health(self) -> Health:
        """Whether it serves."""
        overtaken = self._models.controller.overtaken
        told = (f"models overtaken by a newer one before they could serve: {overtaken}",) if overtaken else ()
        details = (*told, *self.models_absent.values())
        return self.watch.judge(Health(self.phase is Phase.SERVING, self.phase, details))

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            BrokerUnavailable: no broker answers at the start; later on, it is waited for.
        """
        try:
            async with AsyncExitStack() as stack:
                worker = stack.enter_context(WorkerThread("scoring"))
                source = await stack.enter_async_context(self._models)
                await source.preload()
                freeze_garbage_collection()
                self.phase = Phase.READING_MODELS
                await source.read_to_end(self._set)
                send, models = anyio.create_memory_object_stream[SlotsUpdate](0)
                async with send, models, anyio.create_task_group() as tasks:
                    tasks.start_soon(source.follow, send.send)
                    await self.watch.begin()
                    tasks.start_soon(self.watch.run)
                    await run_sessions(partial(self._session, worker, models), lambda: self.counts, self._wait)
        finally:
            self.phase = Phase.STOPPED
            self.slots.close()

    async def _set(self, update: SlotsUpdate) -> None:
        """At the start, when nobody scores yet."""
        self.slots.apply(update)

    async def _session(self, worker: WorkerThread, models: MemoryObjectReceiveStream[SlotsUpdate]) -> None:
        """Score from the group's committed offsets on, until something breaks."""
        options, name = self.options, self.options.member
        async with AsyncExitStack() as stack:
            sink = await stack.enter_async_context(
                open_outlet(self._connection, options.topics, name, worker, fast=options.fast, frame=options.frame)
            )
            records, most = options.topics.records, options.max_records
            data = await stack.enter_async_context(
                open_inlet(
                    self._connection, records, options.group, name, most, fast=options.fast, silent=self.watch.silent
                )
            )
            send, results = anyio.create_memory_object_stream[ScoredBatch](0)
            async with results, anyio.create_task_group() as tasks:
                tasks.start_soon(self._publish, results, sink, worker)
                tasks.start_soon(self.watch.end_when_outdated)
                self.phase = Phase.SERVING
                async with models.clone() as inlet:
                    await ModelServingStage(self.slots, worker, self._follow).run(self.watch.note(data), inlet, send)

    async def _publish(
        self, results: MemoryObjectReceiveStream[ScoredBatch], sink: Outlet, worker: WorkerThread
    ) -> None:
        """Commit each batch. That the stream is closed behind this would fail the stage, which may wait to be taken."""
        async for batch in results:
            await sink.write(batch)
            self._count(batch)
            for work in batch.shadows:
                await worker.run(work.run)

    def _follow(self, batch: Batch, slots: ModelSlots) -> ScoredBatch:
        """Score a batch; records that came with a trace have answers that carry it on."""
        started = time.time_ns()
        return self._tracer.follow(batch, self._score(batch, slots), started)

    def _count(self, batch: ScoredBatch) -> None:
        batch.committed()
        self.meter.add(outcome_of(batch))
        for share in batch.shares:
            share.served.statistics.record(share.each_ns, share.count)
