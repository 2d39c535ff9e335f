"""The manager and the serving actors, on both runtimes: routing, swaps, deaths in the middle of a batch."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import anyio
import pytest

from modelserving.actors import Life, ManagerActor, Ref, ServingSettings
from modelserving.actors.dispatch import ActorClient, Gatherer
from modelserving.actors.messages import Committed, Describe, RestoreAll, TellType
from modelserving.actors.rollout import ModelRollout
from modelserving.config import data_folder
from modelserving.models.info import Slots, SlotsUpdate
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.lifecycle.state import ServingState
from modelserving.models.store.bundled import read_catalog
from modelserving.records import ModelType
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.serving.running.worker_thread import WorkerThread
from tests.actors.conftest import Borrowed
from tests.actors.samples import score_or_die, score_or_fail
from tests.fakes import FakeMessage, messages, update, wine
from tests.waiting import wait_until

MODELS = {(model.data_type, model.type): model for model in read_catalog(data_folder() / "models")}
# The same bytes under two names: small, and with no Java, which each process would have to start.
FIVE = replace(MODELS["wine", ModelType.ONNX], name="five", description="the first")
SEVEN = replace(FIVE, name="seven", description="the second", version="2")
WHITE = replace(MODELS["white", ModelType.ONNX], name="eight")


@dataclass(frozen=True, slots=True)
class Team:
    """A manager, and those who talk to it."""

    manager: Ref
    rollout: ModelRollout
    gatherer: Gatherer
    client: ActorClient

    async def score(self, batch: Iterable[FakeMessage]) -> ScoredBatch:
        """Have a batch scored, and tell the actors that it is committed."""
        gathered = await self.gatherer.score(Batch(tuple(batch)))
        for data_type in {work.data_type for work in gathered.works}:
            works = tuple(work for work in gathered.works if work.data_type == data_type)
            await self.client.tell(self.manager, TellType(data_type, Committed(works)))
        return gathered.batch

    async def apply_both(self) -> None:
        """Five, and then seven."""
        five = build_candidate(FIVE)
        for slots in (update(five), update(build_candidate(SEVEN), five)):
            assert not (await self.rollout.apply(slots)).problem

    async def describe(self, data_type: str) -> ServingState | None:
        """How a data type's models are doing."""
        state: ServingState | None = await self.rollout.ask(data_type, Describe())
        return state


@asynccontextmanager
async def team(runtime: Borrowed, settings: ServingSettings) -> AsyncIterator[Team]:
    """A manager with its serving actors, for one test."""
    manager = runtime.spawn(ManagerActor, runtime.inner, settings, name=f"manager {secrets.token_hex(4)}")
    with WorkerThread("test") as worker:
        client = ActorClient(worker, partial(anyio.sleep, 0.02))
        yield Team(manager, ModelRollout(manager, client, runtime.shares_memory), Gatherer(manager, client), client)
    manager.stop()
    await anyio.to_thread.run_sync(lambda: wait_until(lambda: not serving(runtime), "the end of the actors"))


def serving(runtime: Borrowed) -> list[str]:
    """The serving actors that still run, as far as this process knows of them."""
    alive = (status.name for status in runtime.report() if status.life is Life.RUNNING)
    return [name for name in alive if name.startswith("serving")]


def deadly(settings: ServingSettings, runtime: Borrowed) -> ServingSettings:
    """Actors that die of some messages, in the way of their runtime."""
    return replace(settings, score=score_or_fail if runtime.shares_memory else score_or_die)


@pytest.fixture
def settings(tmp_path: Path) -> ServingSettings:
    """State in the test's own folder."""
    return ServingSettings(tmp_path / "state")


def run(test: Callable[[], object]) -> None:
    anyio.run(test)  # type: ignore[arg-type]


def names(batch: ScoredBatch) -> list[tuple[int, str]]:
    return [(scored.offset, scored.model_name) for scored in batch.scored]


def test_each_type_has_its_actor_and_the_swap_is_between_two_batches(
    runtime: Borrowed, settings: ServingSettings
) -> None:
    """Garbage is dead, a type without a model is skipped, and both types are scored by their own models."""

    async def go() -> None:
        async with team(runtime, settings) as t:
            five, seven, eight = map(build_candidate, (FIVE, SEVEN, WHITE))
            await t.rollout.apply(update(five))
            await t.rollout.apply(update(eight))
            mixed = messages([wine(), wine("white"), b"\xff", wine("beer"), wine()])
            first = await t.score(mixed)
            assert names(first) == [(0, "five"), (1, "eight"), (4, "five")]
            assert [letter.offset for letter in first.dead] == [2]
            assert (first.skipped, first.skipped_types) == (1, ("beer",))
            assert first.positions == {("wine-records", 0): 5}
            applied = await t.rollout.apply(update(seven, five))
            assert not applied.problem
            assert applied.state is not None
            assert applied.state.previous is not None
            assert applied.state.previous.name == "five"
            assert names(await t.score(mixed)) == [(0, "seven"), (1, "eight"), (4, "seven")]
            assert not (await t.rollout.apply(update(five, seven))).problem
            state = await t.describe("wine")
            assert state is not None
            assert state.identity is not None
            assert (state.identity.name, state.identity.description) == ("five", "the first")
            assert state.statistics.count == 2
            await t.rollout.apply(SlotsUpdate("wine", Slots()))
            assert await t.describe("wine") is None
            assert (await t.score(mixed)).skipped == 3

    run(go)


def test_an_actor_that_dies_in_the_middle_of_a_batch_returns_with_its_model(
    runtime: Borrowed, settings: ServingSettings, tmp_path: Path
) -> None:
    """Its process, on Ray. The batch is sent again: nothing is lost, nothing doubled, and the statistics are there."""

    async def go() -> None:
        async with team(runtime, replace(deadly(settings, runtime), save_every_s=0)) as t:
            await t.apply_both()
            await t.score(messages([wine()] * 3))
            batch = messages([wine()] * 30)
            batch[12] = replace(batch[12], key=f"once:{tmp_path / 'died'}".encode())
            found = await t.score(batch)
            assert names(found) == [(offset, "seven") for offset in range(30)]
            assert found.dead == ()
            state = await t.describe("wine")
            assert state is not None
            assert state.identity is not None
            assert state.identity.name == "seven"
            assert state.previous is not None
            assert (state.previous.name, state.swaps, state.statistics.count) == ("five", 2, 33)
        assert (tmp_path / "died").exists()

    run(go)


def test_an_actor_that_could_save_nothing_is_given_its_models_again(
    runtime: Borrowed, settings: ServingSettings, tmp_path: Path
) -> None:
    """A full disk, and then it dies: its records wait for the models, and none is skipped."""
    (tmp_path / "state").write_text("in the way")

    async def go() -> None:
        async with team(runtime, deadly(settings, runtime)) as t, anyio.create_task_group() as tasks:
            await t.apply_both()
            batch = messages([wine()] * 30)
            batch[12] = replace(batch[12], key=f"once:{tmp_path / 'died'}".encode())
            found: list[ScoredBatch] = []

            async def score() -> None:
                found.append(await t.score(batch))

            tasks.start_soon(score)
            while not found:
                await t.rollout.check("wine")
                await anyio.sleep(0.02)
            assert names(found[0]) == [(offset, "seven") for offset in range(30)]
            assert (found[0].skipped, found[0].dead, t.rollout.problems) == (0, (), ())
            state = await t.describe("wine")
            assert state is not None
            assert state.previous is not None
            assert (state.previous.name, state.swaps) == ("five", 2)

    run(go)


def test_a_record_that_always_kills_becomes_a_dead_letter_and_the_others_are_scored(
    runtime: Borrowed, settings: ServingSettings
) -> None:
    """It is found by cutting the batch in pieces; the restarts that this takes stay below the limit."""

    async def go() -> None:
        async with team(runtime, deadly(settings, runtime)) as t:
            await t.rollout.apply(update(build_candidate(FIVE)))
            batch = messages([wine()] * 5)
            batch[3] = replace(batch[3], key=b"always")
            found = await t.score(batch)
            assert names(found) == [(offset, "five") for offset in (0, 1, 2, 4)]
            (letter,) = found.dead
            assert (letter.offset, letter.error, letter.stage) == (3, "ActorFailed", "score")
            assert "serving wine" in letter.reason

    run(go)


def test_what_was_saved_is_served_again_by_the_next_manager(runtime: Borrowed, settings: ServingSettings) -> None:
    """Of the types that the topics know nothing of; with everything in its slot."""

    async def go() -> None:
        async with team(runtime, settings) as t:
            await t.rollout.apply(update(build_candidate(FIVE)))
            await t.rollout.apply(update(build_candidate(WHITE)))
            await t.score(messages([wine()] * 4))
        async with team(runtime, settings) as t:
            assert await t.client.ask(t.manager, RestoreAll(frozenset({"white"}))) == ("wine",)
            state = await t.describe("wine")
            assert state is not None
            assert state.identity is not None
            assert (state.identity.name, state.identity.description) == ("five", "the first")
            assert (state.statistics.count, state.swaps) == (4, 1)
            assert names(await t.score(messages([wine(), wine("white")]))) == [(0, "five")]

    run(go)
