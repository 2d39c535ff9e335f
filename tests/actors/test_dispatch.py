"""From a batch to its results when there is no room, or nobody left; on threads, where every moment can be arranged."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from modelserving.actors import Actor, ActorStatus, Life, ManagerActor, PykkaRuntime, ServingSettings, WorkerPool
from modelserving.actors.children import Child
from modelserving.actors.dispatch import ActorClient, Gatherer
from modelserving.actors.messages import Answers, AskType, Describe, Routed, ScoreBatch, SetSlots
from modelserving.actors.rollout import ModelRollout
from modelserving.errors import ActorStopped, MailboxFull
from modelserving.models.info import Slots
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.records.decoder import RecordDecoder
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.serving.running.worker_thread import WorkerThread
from modelserving.serving.scoring import score_batch
from tests.actors.conftest import HASTY
from tests.fakes import FakeMessage, messages, served_by, update, wine
from tests.waiting import WAIT


@pytest.fixture
def runtime() -> Iterator[PykkaRuntime]:
    """Threads."""
    with PykkaRuntime(HASTY) as made:
        yield made


@pytest.fixture
def worker() -> Iterator[WorkerThread]:
    """A thread that waits for answers."""
    with WorkerThread("test") as made:
        yield made


async def pause() -> None:
    await anyio.sleep(0.01)


class Recorder:
    """Keeps what it is sent, when it is let."""

    def __init__(self, gate: threading.Event) -> None:
        self._gate = gate
        self.seen: list[object] = []

    def receive(self, message: object, /) -> object:
        """Keep it, or tell what there is."""
        self._gate.wait(WAIT)
        if message == "all":
            return tuple(self.seen)
        self.seen.append(message)
        return None


def test_news_that_found_no_room_are_told_before_anything_else(runtime: PykkaRuntime) -> None:
    """An actor above never waits for one below, and nothing overtakes what it has to tell it."""
    gate = threading.Event()
    child = Child(runtime.spawn(Recorder, gate, name="recorder", mailbox=2))
    for number in range(6):
        child.tell(number)
    with pytest.raises(MailboxFull):
        child.ref.tell("more")
    assert child.request("all") is None
    gate.set()
    told = None
    while told is None:
        reply = child.request("all")
        told = reply.result(WAIT) if reply else None
    assert told == (0, 1, 2, 3, 4, 5)


def test_where_there_is_no_room_the_batch_waits_and_the_reader_is_held(
    runtime: PykkaRuntime, worker: WorkerThread, tmp_path: Path
) -> None:
    """A full mailbox costs time and no record; whoever reads the topic is told again and again to hold."""
    gate = threading.Event()
    held: list[int] = []

    def slowly(batch: Batch, slots: ModelSlots, decoder: RecordDecoder | None = None) -> ScoredBatch:
        gate.wait(WAIT)
        return score_batch(batch, slots, decoder)

    async def hold() -> None:
        held.append(len(held))
        if len(held) == 3:
            gate.set()
        await pause()

    async def go() -> None:
        settings = ServingSettings(tmp_path, score=slowly, mailbox=1)
        manager = runtime.spawn(ManagerActor, runtime, settings, name="manager")
        await ModelRollout(manager, ActorClient(worker, pause), True).apply(update(served_by()))
        gatherer = Gatherer(manager, ActorClient(worker, hold))
        first = await gatherer._client.request(manager, AskType("wine", Describe()))
        assert first.result(WAIT).known
        batches = [messages([wine()] * 5, partition=number) for number in range(4)]
        found: dict[int, int] = {}

        async def score(number: int) -> None:
            done = await gatherer.score(Batch(tuple(batches[number])))
            found[number] = len(done.batch.scored)

        async with anyio.create_task_group() as tasks:
            for number in range(4):
                tasks.start_soon(score, number)
        assert found == dict.fromkeys(range(4), 5)
        assert len(held) >= 3

    anyio.run(go)


SLOTS = ModelSlots()
SLOTS.apply(update(served_by()))


def poisoned(batch: Batch, slots: ModelSlots, decoder: RecordDecoder | None = None) -> ScoredBatch:
    """A bug that some records wake."""
    if any(message.key == b"bug" for message in batch.messages):
        raise RuntimeError("a bug")
    return score_batch(batch, slots, decoder)


def some_poison(count: int, poison: Iterable[int]) -> Batch:
    """So many records, of which these wake the bug."""
    deadly = {*poison}
    made = messages([wine()] * count)
    return Batch(tuple(FakeMessage(m.value, m.offset, key=b"bug" if m.offset in deadly else None) for m in made))


class Scorer:
    """Scores as a manager does, all by itself, and without a model: so it can die often in a test."""

    def receive(self, batch: ScoreBatch, /) -> Routed:
        """Answer with what the records are, or die."""
        done = poisoned(Batch(batch.messages), SLOTS)
        return Routed((), Answers(tuple(done.scored), tuple(done.keys), done.dead, done.skipped))


@pytest.mark.parametrize(
    ("count", "poison"),
    [
        pytest.param(2_000, (0, 777, 1_999), id="three of many"),
        pytest.param(120, range(20), id="a run of them"),
        pytest.param(120, range(0, 120, 10), id="every tenth"),
        pytest.param(4, range(1, 4), id="all but one"),
    ],
)
def test_each_record_that_kills_is_a_dead_letter_and_all_others_are_scored(
    runtime: PykkaRuntime, worker: WorkerThread, count: int, poison: Sequence[int]
) -> None:
    """However many, in batch after batch: what the search for them costs is not held against the actor."""

    async def go() -> None:
        gatherer = Gatherer(runtime.spawn(Scorer, name="scorer"), ActorClient(worker, pause))
        for _ in range(3):
            found = (await gatherer.score(some_poison(count, poison))).batch
            assert sorted(letter.offset for letter in found.dead) == list(poison)
            assert {letter.error for letter in found.dead} == {"ActorFailed"}
            assert [scored.offset for scored in found.scored] == [n for n in range(count) if n not in poison]

    anyio.run(go)
    (status,) = runtime.report()
    assert status.life is Life.RUNNING
    assert status.restarts > HASTY.restarts


def test_a_batch_that_is_scored_between_the_deaths_saves_the_actor(runtime: PykkaRuntime, worker: WorkerThread) -> None:
    """Few records come, one at a time, and every other one kills: more deaths than the limit, but not in a row."""

    async def go() -> None:
        gatherer = Gatherer(runtime.spawn(Scorer, name="scorer"), ActorClient(worker, pause))
        for poison in [(0,), ()] * 5:
            found = (await gatherer.score(some_poison(1, poison))).batch
            assert (len(found.dead), len(found.scored)) == (len(poison), 1 - len(poison))

    anyio.run(go)


def test_an_actor_that_fails_on_everything_is_given_up_and_the_search_ends(
    runtime: PykkaRuntime, worker: WorkerThread
) -> None:
    """Six deaths, and not two for each record: all of the batch are dead letters."""

    async def go() -> None:
        gatherer = Gatherer(runtime.spawn(Scorer, name="scorer"), ActorClient(worker, pause))
        with pytest.raises(ActorStopped, match=r"given up.*a bug"):  # it has the place of the manager here
            await gatherer.score(some_poison(2_000, range(2_000)))

    anyio.run(go)
    (status,) = runtime.report()
    assert (status.life, status.restarts) == (Life.GIVEN_UP, HASTY.restarts)


class Listening:
    """A runtime and its only actor: keeps what it is sent."""

    name = "listening"
    waiting = 0

    def __init__(self) -> None:
        self.sent: list[object] = []

    def spawn(self, *_args: object, **_named: object) -> Listening:
        """Itself."""
        return self

    def report(self) -> tuple[ActorStatus, ...]:
        """Nobody is there yet."""
        return ()

    def request(self, message: object) -> None:
        """Keep it."""
        self.sent.append(message)


@pytest.mark.parametrize("make", [ManagerActor, lambda runtime, settings: WorkerPool(runtime, "wine", settings)])
def test_those_between_say_of_suspected_messages_that_they_are(
    make: Callable[[Any, ServingSettings], Actor], tmp_path: Path
) -> None:
    """Else the actor below would not know that it is not to blame."""
    below = Listening()
    above = make(below, ServingSettings(tmp_path))
    if isinstance(above, ManagerActor):
        above.receive(AskType("wine", SetSlots(Slots(served_by()))))
    suspects = ScoreBatch(tuple(messages([wine()])), suspected=True)
    above.receive(suspects)
    above.receive(replace(suspects, suspected=False))
    assert below.sent[-2:] == [suspects, replace(suspects, suspected=False)]


def test_an_actor_that_was_given_up_is_replaced_when_a_new_model_comes(
    runtime: PykkaRuntime, worker: WorkerThread, tmp_path: Path
) -> None:
    """Until then its records are dead letters that say why; a bad time is not the end of a data type."""

    async def go() -> None:
        manager = runtime.spawn(ManagerActor, runtime, ServingSettings(tmp_path, score=poisoned), name="manager")
        client = ActorClient(worker, pause)
        rollout, gatherer = ModelRollout(manager, client, True), Gatherer(manager, client)
        await rollout.apply(update(served_by()))
        bugs = tuple(FakeMessage(message.value, message.offset, key=b"bug") for message in messages([wine()] * 9))
        killed = (await gatherer.score(Batch(bugs))).batch
        assert len(killed.dead) == 9
        assert killed.scored == ()
        (last, *_) = (await gatherer.score(Batch(tuple(messages([wine()]))))).batch.dead
        assert "given up" in last.reason
        assert "a bug" in last.reason
        await rollout.apply(update(served_by(name="better")))
        again = (await gatherer.score(Batch(tuple(messages([wine()]))))).batch
        assert [scored.model_name for scored in again.scored] == ["better"]

    anyio.run(go)
