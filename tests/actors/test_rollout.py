"""Updates that do not take effect, and models that are lost: said, counted, and mended where that can be done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from modelserving.actors import ManagerActor, PykkaRuntime, Ref, ServingSettings
from modelserving.actors.dispatch import ActorClient, Gatherer
from modelserving.actors.messages import AskType, Delivery, Describe
from modelserving.actors.rollout import ModelRollout
from modelserving.models.info import Slots, SlotsUpdate
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.lifecycle.state import ServingState
from modelserving.serving.messages import Batch
from modelserving.serving.running.worker_thread import WorkerThread
from tests.actors.conftest import HASTY
from tests.actors.samples import score_or_fail
from tests.contract.servers import constant_model
from tests.fakes import FakeMessage, messages, served_by, update, wine
from tests.waiting import WAIT

FIVE, SEVEN = constant_model(5.0, "five"), constant_model(7.0, "seven")


@pytest.fixture
def runtime() -> Iterator[PykkaRuntime]:
    """Threads."""
    with PykkaRuntime(HASTY) as made:
        yield made


@pytest.fixture
def blocked(tmp_path: Path) -> ServingSettings:
    """Actors that can save nothing."""
    (tmp_path / "file").write_text("in the way")
    return ServingSettings(tmp_path / "file", score=score_or_fail)


@asynccontextmanager
async def changing(manager: Ref, shares_memory: bool = True) -> AsyncIterator[tuple[ModelRollout, Gatherer]]:
    with WorkerThread("test") as worker, WorkerThread("asking") as asking:

        async def pause() -> None:
            await anyio.sleep(0.01)

        yield (
            ModelRollout(manager, ActorClient(worker, pause), shares_memory),
            Gatherer(manager, ActorClient(asking, pause)),
        )


class Failing:
    """Has a bug."""

    def receive(self, message: object, /) -> object:
        """Fail."""
        raise RuntimeError("a bug")


class Above:
    """Hands everything on to one that fails."""

    def __init__(self, runtime: PykkaRuntime) -> None:
        self._child = runtime.spawn(Failing, name="failing")

    def receive(self, message: AskType, /) -> Delivery:
        """Hand it on."""
        return Delivery(True, self._child.request(message.message))


def run(test: Callable[[], object]) -> None:
    anyio.run(test)  # type: ignore[arg-type]


def test_an_update_that_an_actor_always_fails_on_is_counted_and_said(runtime: PykkaRuntime) -> None:
    """It is not done, whoever waits for it is told why, and the models are shown as they were."""
    before = ServingState(served_by().info)

    async def go() -> None:
        async with changing(runtime.spawn(Above, runtime, name="above")) as (rollout, _):
            rollout.adopt("wine", before, ())
            new = served_by(name="new")
            applied = await rollout.apply(update(new))
            assert (applied.state, rollout.refused) == (before, 1)
            assert "a bug" in applied.problem
            (line,) = rollout.problems
            assert "an update of the models of wine did not take effect" in line
            for _ in range(3):
                applied = await rollout.apply(update(new))
            assert "given up" in applied.problem
            assert rollout.refused == 4
            assert not rollout.lost

    run(go)


def test_a_model_that_cannot_be_built_where_it_should_score_is_counted_and_said(
    runtime: PykkaRuntime, tmp_path: Path
) -> None:
    """The one before it serves on; the next update that takes effect ends the matter."""

    async def go() -> None:
        manager = runtime.spawn(ManagerActor, runtime, ServingSettings(tmp_path), name="manager")
        async with changing(manager, shares_memory=False) as (rollout, _):
            five, none = build_candidate(FIVE), served_by(name="no bytes make it")
            assert not (await rollout.apply(update(five))).problem
            applied = await rollout.apply(update(none, five))
            assert applied.state is not None
            assert applied.state.identity is not None
            assert applied.state.identity.name == "five"
            assert rollout.refused == 1
            assert "cannot be built" in "".join(rollout.problems)
            assert not (await rollout.apply(update(build_candidate(SEVEN), five))).problem
            assert (rollout.problems, rollout.refused) == ((), 1)

    run(go)


def poison(tmp_path: Path) -> Batch:
    """A batch in whose middle the actor fails, once."""
    batch = messages([wine()] * 5)
    batch[2] = FakeMessage(batch[2].value, 2, key=f"once:{tmp_path / 'failed'}".encode())
    return Batch(tuple(batch))


def test_a_model_that_is_lost_for_good_holds_its_records_until_another_comes(
    runtime: PykkaRuntime, blocked: ServingSettings, tmp_path: Path
) -> None:
    """They are not skipped: nobody may take a lost model for none. It is said until it is mended."""

    async def go() -> None:
        manager = runtime.spawn(ManagerActor, runtime, blocked, name="manager")
        async with changing(manager) as (rollout, gatherer), anyio.create_task_group() as tasks:
            found: list[int] = []

            async def score() -> None:
                done = (await gatherer.score(poison(tmp_path))).batch
                found.extend((len(done.scored), done.skipped))

            await rollout.apply(update(served_by(name="no bytes make it")))
            tasks.start_soon(score)
            with anyio.fail_after(WAIT):
                while not rollout.lost:
                    await rollout.check("wine")
            assert "no bytes make it" in rollout.problems[0]
            await rollout.check("wine")
            assert (rollout.lost, found) == (True, [])
            await rollout.apply(update(build_candidate(SEVEN)))
            await rollout.check("wine")
            assert (rollout.lost, rollout.problems) == (False, ())
        assert found == [5, 0]

    run(go)


def test_workers_of_a_pool_that_could_save_nothing_get_their_model_back(
    runtime: PykkaRuntime, blocked: ServingSettings, tmp_path: Path
) -> None:
    """Also the one that keeps no books; those that have it go on with it."""

    async def go() -> None:
        settings = replace(blocked, workers=3, router="round-robin")
        manager = runtime.spawn(ManagerActor, runtime, settings, name="manager")
        async with changing(manager) as (rollout, gatherer), anyio.create_task_group() as tasks:
            found: list[int] = []

            async def score() -> None:
                done = (await gatherer.score(poison(tmp_path))).batch
                found.extend((len(done.scored), done.skipped))

            await rollout.apply(update(build_candidate(FIVE)))
            tasks.start_soon(score)
            with anyio.fail_after(WAIT):
                while not found:
                    await rollout.check("wine")
            assert found == [5, 0]
            assert sum(status.restarts for status in runtime.report()) == 1
            assert (await rollout.ask("wine", Describe())).swaps == 1
            assert rollout.problems == ()

    run(go)


def test_a_lost_previous_model_or_shadow_is_said_and_disturbs_nobody(
    runtime: PykkaRuntime, blocked: ServingSettings, tmp_path: Path
) -> None:
    """The model that serves is given back; that the others are gone is noted once, not tried for ever."""

    async def go() -> None:
        manager = runtime.spawn(ManagerActor, runtime, blocked, name="manager")
        async with changing(manager) as (rollout, gatherer), anyio.create_task_group() as tasks:
            before, beside = (served_by(name=name) for name in ("before", "beside"))
            await rollout.apply(update(build_candidate(FIVE), before, beside, 50.0))
            tasks.start_soon(gatherer.score, poison(tmp_path))
            with anyio.fail_after(WAIT):
                while not rollout.problems:
                    await rollout.check("wine")
            assert "before" in rollout.problems[0]
            assert "beside" in rollout.problems[0]
            state = await rollout.ask("wine", Describe())
            assert (state.identity.name, state.previous, state.shadow) == ("five", None, None)
            await rollout.check("wine")
            assert not rollout.lost

    run(go)


def test_a_check_finds_nothing_to_do_where_all_is_as_it_should_be(runtime: PykkaRuntime, tmp_path: Path) -> None:
    """Also where there is no actor, or no model any more; nothing is counted anew."""

    async def go() -> None:
        manager = runtime.spawn(ManagerActor, runtime, ServingSettings(tmp_path), name="manager")
        async with changing(manager) as (rollout, gatherer):
            await rollout.apply(SlotsUpdate("beer", Slots()))
            await rollout.check("beer")
            await rollout.apply(update(served_by()))
            await rollout.check("wine")
            assert rollout.idle == ("beer", "wine")
            state = await rollout.ask("wine", Describe())
            assert state.swaps == 1
            await rollout.apply(SlotsUpdate("wine", Slots()))
            await rollout.check("wine")
            assert (await gatherer.score(Batch(tuple(messages([wine()]))))).batch.skipped == 1
            assert rollout.problems == ()

    run(go)
