"""Changes that do not take effect, and models that are lost: said, counted, and mended where that can be done."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import anyio
import pytest

from modelserving.actors import ManagerActor, PykkaRuntime, Ref, ServingSettings
from modelserving.actors.dispatch import Gatherer, Postman
from modelserving.actors.messages import AskType, Delivery, Describe
from modelserving.actors.rollout import ModelRollout
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.lifecycle.changes import KeepPrevious, Promote, Retire, RollBack, StartShadow
from modelserving.models.lifecycle.state import ServingState
from modelserving.serving.messages import Batch
from modelserving.serving.worker_thread import WorkerThread
from tests.actors.conftest import HASTY
from tests.actors.samples import score_or_fail
from tests.contract.servers import constant_model
from tests.fakes import FakeMessage, messages, served_by, wine

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
    with WorkerThread("test") as lane, WorkerThread("asking") as asking:

        async def pause() -> None:
            await anyio.sleep(0.01)

        yield ModelRollout(manager, Postman(lane, pause), shares_memory), Gatherer(manager, Postman(asking, pause))


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


def test_a_change_that_an_actor_always_fails_on_is_counted_and_said(runtime: PykkaRuntime) -> None:
    """It is not done, whoever waits for it is told why, and the models are shown as they were."""
    before = ServingState(served_by().identity)

    async def go() -> None:
        async with changing(runtime.spawn(Above, runtime, name="above")) as (changer, _):
            changer.adopt("wine", before, ())
            applied = await changer.apply(Promote(served_by(name="new")))
            assert (applied.done, applied.state, changer.refused) == (False, before, 1)
            assert "a bug" in applied.problem
            (line,) = changer.problems
            assert "Promote of wine did not take effect" in line
            for _ in range(3):
                applied = await changer.apply(RollBack("wine"))
            assert "given up" in applied.problem
            assert changer.refused == 4
            assert not changer.lost

    run(go)


def test_a_model_that_cannot_be_built_where_it_should_score_is_counted_and_said(
    runtime: PykkaRuntime, tmp_path: Path
) -> None:
    """The one before it serves on; the next change that takes effect ends the matter."""

    async def go() -> None:
        manager = runtime.spawn(ManagerActor, runtime, ServingSettings(tmp_path), name="manager")
        async with changing(manager, shares_memory=False) as (changer, _):
            assert (await changer.apply(Promote(build_candidate(FIVE)))).done
            applied = await changer.apply(Promote(served_by(name="no bytes make it")))
            assert not applied.done
            assert applied.state is not None
            assert applied.state.identity is not None
            assert applied.state.identity.name == "five"
            assert changer.refused == 1
            assert "cannot be built" in "".join(changer.problems)
            assert (await changer.apply(Promote(build_candidate(SEVEN)))).done
            assert (changer.problems, changer.refused) == ((), 1)

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
        async with changing(manager) as (changer, gatherer), anyio.create_task_group() as tasks:
            found: list[int] = []

            async def score() -> None:
                done = (await gatherer.score(poison(tmp_path))).batch
                found.extend((len(done.scored), done.skipped))

            await changer.apply(Promote(served_by(name="no bytes make it")))
            tasks.start_soon(score)
            with anyio.fail_after(30):
                while not changer.lost:
                    await changer.check("wine")
            assert "no bytes make it" in changer.problems[0]
            await changer.check("wine")
            assert (changer.lost, found) == (True, [])
            await changer.apply(Promote(build_candidate(SEVEN)))
            await changer.check("wine")
            assert (changer.lost, changer.problems) == (False, ())
        assert found == [5, 0]

    run(go)


def test_workers_of_a_farm_that_could_save_nothing_get_their_model_back(
    runtime: PykkaRuntime, blocked: ServingSettings, tmp_path: Path
) -> None:
    """Also the one that keeps no books; those that have it go on with it."""

    async def go() -> None:
        settings = replace(blocked, workers=3, router="round-robin")
        manager = runtime.spawn(ManagerActor, runtime, settings, name="manager")
        async with changing(manager) as (changer, gatherer), anyio.create_task_group() as tasks:
            found: list[int] = []

            async def score() -> None:
                done = (await gatherer.score(poison(tmp_path))).batch
                found.extend((len(done.scored), done.skipped))

            await changer.apply(Promote(build_candidate(FIVE)))
            tasks.start_soon(score)
            with anyio.fail_after(30):
                while not found:
                    await changer.check("wine")
            assert found == [5, 0]
            assert sum(status.restarts for status in runtime.report()) == 1
            assert (await changer.ask("wine", Describe())).swaps == 1
            assert changer.problems == ()

    run(go)


def test_a_lost_previous_model_or_shadow_is_said_and_disturbs_nobody(
    runtime: PykkaRuntime, blocked: ServingSettings, tmp_path: Path
) -> None:
    """The model that serves is given back; that the others are gone is noted once, not tried for ever."""

    async def go() -> None:
        manager = runtime.spawn(ManagerActor, runtime, blocked, name="manager")
        async with changing(manager) as (changer, gatherer), anyio.create_task_group() as tasks:
            await changer.apply(Promote(build_candidate(FIVE)))
            await changer.apply(KeepPrevious("wine", served_by(name="before")))
            await changer.apply(StartShadow(served_by(name="beside"), 50))
            tasks.start_soon(gatherer.score, poison(tmp_path))
            with anyio.fail_after(30):
                while not changer.problems:
                    await changer.check("wine")
            assert "before" in changer.problems[0]
            assert "beside" in changer.problems[0]
            state = await changer.ask("wine", Describe())
            assert (state.identity.name, state.previous, state.shadow) == ("five", None, None)
            await changer.check("wine")
            assert not changer.lost

    run(go)


def test_a_check_finds_nothing_to_do_where_all_is_as_it_should_be(runtime: PykkaRuntime, tmp_path: Path) -> None:
    """Also where there is no actor, or no model any more; nothing is counted anew."""

    async def go() -> None:
        manager = runtime.spawn(ManagerActor, runtime, ServingSettings(tmp_path), name="manager")
        async with changing(manager) as (changer, gatherer):
            await changer.apply(RollBack("beer"))
            await changer.check("beer")
            await changer.apply(Promote(served_by()))
            await changer.check("wine")
            assert changer.idle == ("beer", "wine")
            state = await changer.ask("wine", Describe())
            assert state.swaps == 1
            await changer.apply(Retire("wine"))
            await changer.check("wine")
            assert (await gatherer.score(Batch(tuple(messages([wine()]))))).batch.skipped == 1
            assert changer.problems == ()

    run(go)
