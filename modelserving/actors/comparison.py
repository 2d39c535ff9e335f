"""The same records and models through the custom stage and through the actors, without Kafka: the figures."""

from __future__ import annotations

import ast
import inspect
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import anyio
from anyio.streams.memory import MemoryObjectSendStream

from modelserving.actors import children, dispatch, manager, messages, server, serving
from modelserving.actors import rollout as rollout_module
from modelserving.actors.dispatch import ActorClient, Gatherer
from modelserving.actors.manager import ManagerActor
from modelserving.actors.rollout import ModelRollout
from modelserving.actors.runtime import Runtime
from modelserving.actors.serving import ServingSettings
from modelserving.kafka.messages import Message
from modelserving.models.info import Slots, SlotsUpdate
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.records import ModelDescriptor, ScoredRecord
from modelserving.serving import scoring
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.serving.running.worker_thread import WorkerThread
from modelserving.stage import custom_stage
from modelserving.stage import server as stage_server
from modelserving.stage.custom_stage import ModelServingStage

STAGE_FILES = (custom_stage, scoring, stage_server)
ACTOR_FILES = (messages, serving, manager, children, dispatch, rollout_module, server)


@dataclass(frozen=True, slots=True)
class Side:
    """What one of the two did.

    Args:
        name: ``stage`` or ``actors``.
        scored: its answers, by offset.
        switched_at: the offset of the first record that the second model answered.
        us_per_record: wall time, microseconds.
        lines: of code, of the files that make it; the runtime of the actors is not among them.
    """

    name: str
    scored: tuple[ScoredRecord, ...]
    switched_at: int
    us_per_record: float
    lines: int


@dataclass(frozen=True, slots=True)
class _Plan:
    """What both are given: batches, and before which of them the second model comes."""

    batches: tuple[Batch, ...]
    first: ModelDescriptor
    second: ModelDescriptor
    switch_at: int

    @property
    def records(self) -> int:
        return sum(len(batch.messages) for batch in self.batches)


def compare(
    records: Sequence[Message],
    first: ModelDescriptor,
    second: ModelDescriptor,
    switch_at: int,
    folder: Path,
    runtime: Runtime,
    batch: int = 500,
) -> tuple[Side, Side]:
    """Score the same records with both, and change the model at the same record.

    Args:
        records: messages of one partition, with the offsets 0, 1, 2 and so on.
        first: the model that scores first.
        second: the model that comes when ``switch_at`` records are scored.
        switch_at: how many records the first model scores.
        folder: where the actors save their state.
        runtime: runs the actors.
        batch: records in a batch, at most.

    Returns:
        The stage, and the actors.
    """
    pieces = [records[:switch_at], records[switch_at:]]
    batches = tuple(
        Batch(tuple(piece[start : start + batch])) for piece in pieces for start in range(0, len(piece), batch)
    )
    plan = _Plan(batches, first, second, switch_at)
    return anyio.run(_run_stage, plan), anyio.run(_run_actors, plan, folder, runtime)


def tabulate(stage: Side, actors: Side) -> tuple[tuple[str, object, object], ...]:
    """The table that sets the two beside each other.

    Returns:
        Rows: what it is, of the stage, of the actors.
    """
    apart = [abs(one.prediction - other.prediction) for one, other in zip(stage.scored, actors.scored, strict=True)]
    same = "the same" if not any(apart) else f"up to {max(apart):g} apart"
    return (
        ("records scored", len(stage.scored), len(actors.scored)),
        ("scores", same, same),
        ("second model from offset", stage.switched_at, actors.switched_at),
        ("microseconds per record", stage.us_per_record, actors.us_per_record),
        ("lines of code", stage.lines, actors.lines),
    )


def count_code(*modules: ModuleType) -> int:
    """Lines of code, each statement on one line: no comments, blank lines or docstrings."""
    return sum(_count(ast.parse(inspect.getsource(module))) for module in modules)


def _count(tree: ast.Module) -> int:
    for node in ast.walk(tree):
        if not isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        if ast.get_docstring(node) is not None:
            node.body = node.body[1:] or [ast.Pass()]
    return sum(bool(line.strip()) for line in ast.unparse(tree).splitlines())


async def _run_stage(plan: _Plan) -> Side:
    slots = ModelSlots()
    first, second = _updates(plan)
    slots.apply(first)
    send_update, updates = anyio.create_memory_object_stream[SlotsUpdate](1)
    send, results = anyio.create_memory_object_stream[ScoredBatch](0)
    answers: list[ScoredRecord] = []
    with WorkerThread("comparison") as worker:
        stage = ModelServingStage(slots, worker)
        started = time.perf_counter()
        async with send_update, updates, results, anyio.create_task_group() as tasks:
            tasks.start_soon(stage.run, _feed(plan, second, send_update), updates, send)
            async for batch in results:
                answers += batch.scored
        seconds = time.perf_counter() - started
    slots.close()
    return _side("stage", plan, answers, seconds, count_code(*STAGE_FILES))


def _updates(plan: _Plan) -> tuple[SlotsUpdate, SlotsUpdate]:
    """The first model, and the second before it."""
    first = Slots(build_candidate(plan.first))
    name = plan.first.data_type
    return SlotsUpdate(name, first), SlotsUpdate(name, first.promote(build_candidate(plan.second)))


async def _feed(plan: _Plan, update: SlotsUpdate, updates: MemoryObjectSendStream[SlotsUpdate]) -> AsyncIterator[Batch]:
    done = 0
    for batch in plan.batches:
        if done == plan.switch_at:
            await updates.send(update)
        yield batch
        done += len(batch.messages)


async def _run_actors(plan: _Plan, folder: Path, runtime: Runtime) -> Side:
    manager = runtime.spawn(ManagerActor, runtime, ServingSettings(folder), name="comparison")
    first, second = _updates(plan)
    answers: list[ScoredRecord] = []
    with WorkerThread("comparison") as worker:
        client = ActorClient(worker, _pause)
        rollout, gatherer = ModelRollout(manager, client, runtime.shares_memory), Gatherer(manager, client)
        await rollout.apply(first)
        started, done = time.perf_counter(), 0
        for batch in plan.batches:
            if done == plan.switch_at:
                await rollout.apply(second)
            answers += (await gatherer.score(batch)).batch.scored
            done += len(batch.messages)
        seconds = time.perf_counter() - started
    manager.stop()
    return _side("actors", plan, answers, seconds, count_code(*ACTOR_FILES))


def _side(name: str, plan: _Plan, answers: list[ScoredRecord], seconds: float, lines: int) -> Side:
    switched = next((one.offset for one in answers if one.model_digest == plan.second.digest), -1)
    return Side(name, tuple(answers), switched, round(seconds / plan.records * 1e6, 1), lines)


async def _pause() -> None:
    await anyio.sleep(0.01)
