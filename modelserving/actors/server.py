"""The server around the actors: topics on both sides of them, and exactly one result for each record.

::

    records ──▶ ask the manager ──▶ serving actors ──▶ results, dead letters and progress, in one transaction
    models  ──▶ build and check ──▶ ask the manager to apply; and ask again whether it is still so

One batch is with the actors at a time, while the transaction of the last one is committed. If they are slow, or one
hangs, nothing more is polled: the consumer is paused, stays in its group, and the topic keeps what nobody can take.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream

from modelserving.actors.dispatch import ActorClient, Gathered, Gatherer, resolve
from modelserving.actors.health import judge
from modelserving.actors.manager import ManagerActor
from modelserving.actors.messages import AskType, Committed, Describe, ReportActors, RestoreAll, SaveWhenDue, TellType
from modelserving.actors.rollout import ModelRollout
from modelserving.actors.runtime.api import ActorStatus, Ref, Runtime
from modelserving.actors.serving import ServingSettings
from modelserving.actors.state.persistence import StateFolder
from modelserving.errors import ActorError, StateError
from modelserving.kafka import Connection
from modelserving.models.info import SlotsUpdate
from modelserving.models.lifecycle.controller import ModelController
from modelserving.models.lifecycle.state import ServingState
from modelserving.serving.clients import Outlet, open_inlet, open_outlet
from modelserving.serving.model_source import ModelSource
from modelserving.serving.options import ServerOptions
from modelserving.serving.report.meter import outcome_of
from modelserving.serving.report.status import Health, Phase
from modelserving.serving.running.server import ModelServer
from modelserving.serving.running.sessions import freeze_garbage_collection, run_sessions
from modelserving.serving.running.worker_thread import WorkerThread

log = logging.getLogger(__name__)

_MANAGERS_MAILBOX = 1_000
_LOOK_SECONDS = 2.0
_PAUSE_SECONDS = 0.05
_REMIND_SECONDS = 1.0
_CHECK_SECONDS = 0.5


class ActorServer(ModelServer):
    """Serves models with actors, until cancelled.

    Args:
        connection: to the cluster.
        options: how it runs.
        serving: how its serving actors work, and where their state is saved.
        make_runtime: starts what runs the actors.
        stuck_after_s: an actor that handles one message for longer than this is reported as stuck, seconds.
    """

    def __init__(
        self,
        connection: Connection,
        options: ServerOptions,
        serving: ServingSettings,
        make_runtime: Callable[[], Runtime],
        stuck_after_s: float = 10.0,
    ) -> None:
        super().__init__(connection, options)
        self._serving = replace(serving, schemas=options.schemas, writers=options.writers)
        self._stuck_after_s = stuck_after_s
        self.latest: str | None = None
        self._make_runtime = make_runtime
        self._models = ModelSource(connection, options)
        self._states: dict[str, ServingState | None] = {}
        self._runtime: Runtime | None = None
        self._manager: Ref | None = None
        self._rollout: ModelRollout | None = None

    @property
    def controllers(self) -> tuple[ModelController, ...]:
        """What decides about its models."""
        return (self._models.controller,)

    @property
    def models_refused(self) -> int:
        """How many messages about models could not be followed, here or by the actor that they were for."""
        return super().models_refused + (self._rollout.refused if self._rollout else 0)

    @property
    def data_types(self) -> tuple[str, ...]:
        """The data types that have a model."""
        return tuple(sorted(name for name, state in list(self._states.items()) if state is not None))

    def describe(self, data_type: str) -> ServingState | None:
        """Ask the actor of a data type how its models are doing. One that does not answer is shown as last known."""
        if self._manager is not None and data_type in self._states:
            try:
                delivery = self._manager.ask(AskType(data_type, Describe()), _LOOK_SECONDS)
                if delivery.reply is not None:
                    self._states[data_type] = resolve(delivery.reply, _LOOK_SECONDS)
            except ActorError as error:
                log.info("state of %s as last known: %s", data_type, error)
        return self._states.get(data_type)

    def health(self) -> Health:
        """Whether it serves: not if an actor hangs, was given up, or has lost its model."""
        health = judge(self.phase, self.phase is Phase.SERVING, self._report(), self._stuck_after_s)
        health = replace(health, details=(*health.details, *self.models_absent.values()))
        if self._rollout is not None:
            ok = health.ok and not self._rollout.lost
            health = replace(health, ok=ok, details=(*health.details, *self._rollout.problems))
        return self.watch.judge(health)

    async def run(self) -> None:
        """Serve until cancelled.

        Raises:
            BrokerUnavailable: no broker answers at the start; later on, it is waited for.
            SetupError: the runtime is not installed.
        """
        try:
            async with AsyncExitStack() as stack:
                source = await stack.enter_async_context(self._models)
                await source.preload()
                runtime = self._runtime = stack.enter_context(self._make_runtime())
                manager = self._manager = runtime.spawn(
                    ManagerActor, runtime, self._serving, name="manager", mailbox=_MANAGERS_MAILBOX
                )
                freeze_garbage_collection()
                self.phase = Phase.READING_MODELS
                client = ActorClient(stack.enter_context(WorkerThread("changes")), _pause)
                rollout = self._rollout = ModelRollout(manager, client, runtime.shares_memory)
                await source.read_to_end(partial(self._apply, rollout))
                await self._restore(manager, rollout, client)
                await self._serve(source, manager, rollout, client)
        finally:
            self.phase = Phase.STOPPED

    async def _restore(self, manager: Ref, rollout: ModelRollout, client: ActorClient) -> None:
        """Take up what was saved of the data types that the models topic knows nothing of."""
        known = frozenset(self._models.controller.data_types)
        for data_type in await client.ask(manager, RestoreAll(known)):
            self._states[data_type] = state = await rollout.ask(data_type, Describe())
            saved = None
            with suppress(StateError):  # then it comes back with what it can read itself
                saved = StateFolder(self._serving.folder, data_type).peek()
            rollout.adopt(data_type, state, saved.slots if saved else ())
            self.latest = self.latest or (data_type if state else None)

    async def _serve(self, source: ModelSource, manager: Ref, rollout: ModelRollout, client: ActorClient) -> None:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(source.follow, partial(self._apply, rollout))
            await self.watch.begin()
            tasks.start_soon(self.watch.run)
            tasks.start_soon(self._remind, manager, client)
            tasks.start_soon(self._check, rollout)
            await run_sessions(partial(self._session, manager), lambda: self.counts, self._wait)

    async def _remind(self, manager: Ref, client: ActorClient) -> None:
        """Remind the actors of saving, also when no records come."""
        while True:
            await anyio.sleep(_REMIND_SECONDS)
            for data_type in self.data_types:
                await client.tell(manager, TellType(data_type, SaveWhenDue()))

    async def _check(self, rollout: ModelRollout) -> None:
        """See to it that actors have their models, also those that failed; one that hangs delays no other's check."""
        async with anyio.create_task_group() as tasks:
            while True:
                for data_type in rollout.idle:
                    tasks.start_soon(rollout.check, data_type)
                await anyio.sleep(_CHECK_SECONDS)

    async def _apply(self, rollout: ModelRollout, update: SlotsUpdate) -> None:
        before = self._states.get(update.data_type)
        state = (await rollout.apply(update)).state
        self._states[update.data_type] = state
        if (state.swaps if state else 0) != (before.swaps if before else 0):
            self.latest = update.data_type

    async def _session(self, manager: Ref) -> None:
        """Have the actors score from the group's committed offsets on, until something breaks."""
        options, name = self.options, self.options.member
        async with AsyncExitStack() as stack:
            sending, asking = stack.enter_context(WorkerThread("sending")), stack.enter_context(WorkerThread("asking"))
            sink = await stack.enter_async_context(
                open_outlet(self._connection, options.topics, name, sending, fast=options.fast, frame=options.frame)
            )
            records, most = options.topics.records, options.max_records
            data = await stack.enter_async_context(
                open_inlet(
                    self._connection, records, options.group, name, most, fast=options.fast, silent=self.watch.silent
                )
            )
            gatherer, tracer = Gatherer(manager, ActorClient(asking, data.hold)), options.make_batch_tracer()
            send, results = anyio.create_memory_object_stream[Gathered](0)
            async with send, results, anyio.create_task_group() as tasks:
                tasks.start_soon(self._publish, results, sink, manager, ActorClient(sending, _pause))
                self.phase = Phase.SERVING
                tasks.start_soon(self.watch.end_when_outdated)
                async for batch in self.watch.note(data):
                    started = time.time_ns()
                    gathered = await gatherer.score(batch)
                    await send.send(replace(gathered, batch=tracer.follow(batch, gathered.batch, started)))

    async def _publish(
        self, results: MemoryObjectReceiveStream[Gathered], sink: Outlet, manager: Ref, client: ActorClient
    ) -> None:
        """Commit each batch; then tell the actors, so that what they count is what was committed."""
        async for gathered in results:
            await sink.write(gathered.batch)
            for data_type in {work.data_type for work in gathered.works}:
                works = tuple(work for work in gathered.works if work.data_type == data_type)
                await client.tell(manager, TellType(data_type, Committed(works)))
            self._count(gathered)

    def _count(self, gathered: Gathered) -> None:
        gathered.batch.committed()
        self.meter.add(outcome_of(gathered.batch, gathered.times))

    def _report(self) -> tuple[ActorStatus, ...]:
        """How all actors are: those that this process runs, and those that the manager has started elsewhere."""
        if self._runtime is None or self._manager is None:
            return ()
        found = {actor.name: actor for actor in self._runtime.report()}
        if not self._runtime.shares_memory:
            with suppress(ActorError):
                found |= {actor.name: actor for actor in self._manager.ask(ReportActors(), _LOOK_SECONDS)}
        return tuple(found[name] for name in sorted(found))


async def _pause() -> None:
    await anyio.sleep(_PAUSE_SECONDS)
