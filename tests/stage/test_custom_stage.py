"""The stage itself, driven by hand: data from a list, models from a stream, results taken when the test wants."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from typing import Any, ParamSpec, TypeVar

import anyio
import pytest
from anyio import create_memory_object_stream
from anyio.lowlevel import checkpoint

from modelserving.models.info import LoadedModel, SlotsUpdate
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.serving import Batch, ScoredBatch, WorkerThread
from modelserving.stage import ModelServingStage
from modelserving.system.stopping import pause
from tests.fakes import FakeModel, messages, served_by, update, wine
from tests.waiting import WAIT

P = ParamSpec("P")
T = TypeVar("T")


class Data:
    """Batches of one record each; notes each demand, and holds a batch back until its gate is open."""

    def __init__(
        self,
        batches: int,
        gates: dict[int, anyio.Event] | None = None,
        on_pull: Callable[[int], None] = lambda _: None,
    ) -> None:
        self.pulls = 0
        self._on_pull = on_pull
        self._batches = batches
        self._gates = gates or {}
        self.asked: dict[int, anyio.Event] = {number: anyio.Event() for number in range(batches + 1)}

    def __aiter__(self) -> AsyncIterator[Batch]:
        return self

    async def __anext__(self) -> Batch:
        number = self.pulls
        self.pulls += 1
        self.asked[number].set()
        self._on_pull(number)
        if number in self._gates:
            await self._gates[number].wait()
        if number == self._batches:
            raise StopAsyncIteration
        return Batch(messages([wine()]))


class Rig:
    """A stage between a ``Data``, a stream of models and an outlet without a buffer."""

    def __init__(self, data: Data, worker: WorkerThread, waiting: Sequence[LoadedModel] = ()) -> None:
        self.slots = ModelSlots()
        self.data = data
        self.models, self._models = create_memory_object_stream[SlotsUpdate](10)
        self._outlet, self.results = create_memory_object_stream[ScoredBatch](0)
        self._stage = ModelServingStage(self.slots, worker)
        for served in waiting:
            self.models.send_nowait(update(served))

    async def run(self) -> None:
        with self._models:
            await self._stage.run(self.data, self._models, self._outlet)

    async def next(self) -> str:
        """Take the next result: the name of the model that gave it, or ``skipped``."""
        with anyio.fail_after(WAIT):
            batch = await self.results.receive()
        return batch.scored[0].model_name if batch.scored else "skipped"

    def close(self) -> None:
        """Let go of the test's ends."""
        self.models.close()
        self.results.close()
        self.slots.close()


class Inline(WorkerThread):
    """A worker that calls at once, so that no other task comes in between."""

    async def run(self, function: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
        return function(*args, **kwargs)


async def until(condition: Callable[[], bool]) -> None:
    """Let the other tasks go on until something holds."""
    with anyio.fail_after(WAIT):
        while not condition():
            await anyio.sleep(0.001)


async def settle() -> None:
    """Let every task that can go on do so, many times over."""
    for _ in range(100):
        await checkpoint()


def drive(test: Callable[[WorkerThread], Coroutine[Any, Any, None]]) -> None:
    with WorkerThread("test-scoring") as worker:
        anyio.run(test, worker)


def test_models_that_wait_serve_the_first_batch() -> None:
    """All models that are there before the data are swapped in first, in their order; the last one scores."""

    async def scenario(worker: WorkerThread) -> None:
        rig = Rig(Data(1), worker, [served_by(name=name) for name in ("a", "b", "c")])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rig.run)
            assert await rig.next() == "c"
        assert rig.slots.swaps == 3
        rig.close()

    drive(scenario)


def test_a_model_that_arrives_while_there_is_no_data_is_swapped_in_at_once() -> None:
    """It does not wait for the next record."""

    async def scenario(worker: WorkerThread) -> None:
        gate = anyio.Event()
        rig = Rig(Data(1, {0: gate}), worker)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rig.run)
            await until(rig.data.asked[0].is_set)
            await rig.models.send(update(served_by(name="new")))
            await until(lambda: rig.slots.swaps == 1)
            assert not gate.is_set()
            gate.set()
            assert await rig.next() == "new"
        rig.close()

    drive(scenario)


def test_a_model_is_preferred_to_a_batch_that_came_with_it() -> None:
    """When a batch and a model are both there, the model serves that batch: no task is needed to bring it in."""

    async def scenario(_: WorkerThread) -> None:
        def send_model(number: int) -> None:
            rig.models.send_nowait(update(served_by(name=f"model {number}")))

        with Inline("inline") as worker:
            rig = Rig(Data(3, on_pull=send_model), worker)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(rig.run)
                assert [await rig.next() for _ in range(3)] == ["model 0", "model 1", "model 2"]
        rig.close()

    drive(scenario)


def test_of_several_models_the_last_one_stays() -> None:
    """Models that arrive together with a batch are taken in the order in which they were sent."""

    async def scenario(_: WorkerThread) -> None:
        def send_three(number: int) -> None:
            if number == 2:
                for name in ("old", "newer", "newest"):
                    rig.models.send_nowait(update(served_by(name=name)))

        with Inline("inline") as worker:
            rig = Rig(Data(4, on_pull=send_three), worker, [served_by(name="first")])
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(rig.run)
                assert [await rig.next() for _ in range(4)] == ["first", "first", "newest", "newest"]
        rig.close()

    drive(scenario)


def test_models_that_wait_are_taken_before_data_are_asked_for() -> None:
    """The first demand for data comes from a stage that can score."""
    swaps: list[int] = []

    async def scenario(worker: WorkerThread) -> None:
        def note(_: int) -> None:
            swaps.append(rig.slots.swaps)

        rig = Rig(Data(1, on_pull=note), worker, [served_by(), served_by()])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rig.run)
            await rig.next()
        rig.close()

    drive(scenario)
    assert swaps[0] == 2


def test_a_batch_that_is_being_scored_keeps_its_model() -> None:
    """A swap in the middle of a score changes nothing for it; the next batch has the new model."""

    async def scenario(worker: WorkerThread) -> None:
        scoring, go_on = threading.Event(), threading.Event()

        def hold() -> None:
            scoring.set()
            assert go_on.wait(WAIT)

        old = FakeModel(during=hold)
        rig = Rig(Data(2), worker, [served_by(old, "old")])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rig.run)
            await until(scoring.is_set)
            for name in ("new", "newer"):
                await rig.models.send(update(served_by(name=name)))
            await until(lambda: rig.slots.swaps == 3)
            assert old.closes == 0
            go_on.set()
            assert [await rig.next(), await rig.next()] == ["old", "newer"]
        assert old.closes == 1
        rig.close()

    drive(scenario)


def test_the_next_batch_is_asked_for_only_when_the_outlet_took_the_last() -> None:
    """Demand flows against the stream: whoever does not take results is not fed, and nothing piles up."""

    async def scenario(worker: WorkerThread) -> None:
        rig = Rig(Data(3), worker, [served_by(name="m")])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rig.run)
            for taken in range(3):
                await until(lambda: rig.results.statistics().tasks_waiting_send == 1)
                await settle()
                assert rig.data.pulls == taken + 1
                await rig.next()
        assert rig.data.pulls == 4
        rig.close()

    drive(scenario)


def test_a_model_is_taken_while_nobody_takes_results() -> None:
    """Back pressure on the results does not hold up the models."""

    async def scenario(worker: WorkerThread) -> None:
        rig = Rig(Data(2), worker, [served_by(name="old")])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rig.run)
            await until(lambda: rig.results.statistics().tasks_waiting_send == 1)
            await rig.models.send(update(served_by(name="new")))
            await until(lambda: rig.slots.swaps == 2)
            assert [await rig.next(), await rig.next()] == ["old", "new"]
        rig.close()

    drive(scenario)


def test_the_outlet_is_closed_when_the_data_end() -> None:
    """Whoever reads the results learns that there will be no more; models may still come, and are not waited for."""

    async def scenario(worker: WorkerThread) -> None:
        rig = Rig(Data(1), worker)
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rig.run)
            assert await rig.next() == "skipped"
            with anyio.fail_after(WAIT), pytest.raises(anyio.EndOfStream):
                await rig.results.receive()
        rig.close()

    drive(scenario)


def test_models_that_end_do_not_end_the_stage() -> None:
    """The data decide when the stage is done."""

    async def scenario(worker: WorkerThread) -> None:
        rig = Rig(Data(3), worker, [served_by(name="m")])
        rig.models.close()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rig.run)
            assert [await rig.next() for _ in range(3)] == ["m", "m", "m"]
        rig.close()

    drive(scenario)


def test_scoring_leaves_the_event_loop_free() -> None:
    """While a batch is scored in the worker's thread, other tasks, such as HTTP, go on."""

    async def scenario(worker: WorkerThread) -> None:
        others_went_on = threading.Event()
        model = FakeModel(during=lambda: others_went_on.wait(WAIT))
        rig = Rig(Data(1), worker, [served_by(model, "slow")])
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(rig.run)
            await until(lambda: model.batches == [1])
            others_went_on.set()
            assert await rig.next() == "slow"
        rig.close()

    drive(scenario)


def test_a_batch_whose_model_waits_is_left_when_the_stage_is_stopped() -> None:
    """Its service is away: the records have neither answers nor dead letters, and whoever reads them next scores."""

    async def scenario(worker: WorkerThread) -> None:
        model = FakeModel(during=lambda: pause(3600))
        rig = Rig(Data(1), worker, [served_by(model, "far")])
        with anyio.fail_after(WAIT):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(rig.run)
                await until(lambda: model.batches == [1])
                tasks.cancel_scope.cancel()
        with pytest.raises(anyio.EndOfStream):
            rig.results.receive_nowait()
        rig.close()
        assert model.closes == 1

    drive(scenario)


def test_a_source_that_breaks_ends_the_stage_with_its_error() -> None:
    """The server learns why, and the outlet is closed."""

    async def scenario(worker: WorkerThread) -> None:
        class Broken(Data):
            async def __anext__(self) -> Batch:
                raise OSError("the broker is gone")

        rig = Rig(Broken(1), worker)
        with pytest.raises(ExceptionGroup) as caught:
            await rig.run()
        assert caught.group_contains(OSError, match="the broker is gone")
        with pytest.raises(anyio.EndOfStream):
            await rig.results.receive()
        rig.close()

    drive(scenario)
