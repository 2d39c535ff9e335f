"""From a batch to its results when there is no room, or nobody left; on threads, where every moment can be arranged."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from modelserving.actors import ManagerActor, PykkaRuntime, ServingSettings
from modelserving.actors.changing import Changer
from modelserving.actors.children import Child
from modelserving.actors.gathering import Gatherer, Postman
from modelserving.actors.messages import AskType, Describe
from modelserving.errors import MailboxFull
from modelserving.models.changes import Promote
from modelserving.models.slot import ModelSlots
from modelserving.stage.lane import Lane
from modelserving.stage.messages import Batch, ScoredBatch
from modelserving.stage.scoring import score_batch
from tests.actors.conftest import HASTY
from tests.fakes import FakeMessage, messages, served_by, wine


@pytest.fixture
def runtime() -> Iterator[PykkaRuntime]:
    """Threads."""
    with PykkaRuntime(HASTY) as made:
        yield made


@pytest.fixture
def lane() -> Iterator[Lane]:
    """A thread that waits for answers."""
    with Lane("test") as made:
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
        self._gate.wait(20)
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
        told = reply.result(10) if reply else None
    assert told == (0, 1, 2, 3, 4, 5)


def test_where_there_is_no_room_the_batch_waits_and_the_reader_is_held(
    runtime: PykkaRuntime, lane: Lane, tmp_path: Path
) -> None:
    """A full mailbox costs time and no record; whoever reads the topic is told again and again to hold."""
    gate = threading.Event()
    held: list[int] = []

    def slowly(batch: Batch, slots: ModelSlots) -> ScoredBatch:
        gate.wait(20)
        return score_batch(batch, slots)

    async def hold() -> None:
        held.append(len(held))
        if len(held) == 3:
            gate.set()
        await pause()

    async def go() -> None:
        settings = ServingSettings(tmp_path, score=slowly, mailbox=1)
        manager = runtime.spawn(ManagerActor, runtime, settings, name="manager")
        await Changer(manager, Postman(lane, pause), True).apply(Promote(served_by()))
        gatherer = Gatherer(manager, Postman(lane, hold))
        first = await gatherer._postman.request(manager, AskType("wine", Describe()))
        assert first.result(10).known
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


def test_an_actor_that_was_given_up_is_replaced_when_a_new_model_comes(
    runtime: PykkaRuntime, lane: Lane, tmp_path: Path
) -> None:
    """Until then its records are dead letters that say why; a bad time is not the end of a data type."""

    def fragile(batch: Batch, slots: ModelSlots) -> ScoredBatch:
        if any(message.key == b"bug" for message in batch.messages):
            raise RuntimeError("a bug")
        return score_batch(batch, slots)

    async def go() -> None:
        manager = runtime.spawn(ManagerActor, runtime, ServingSettings(tmp_path, score=fragile), name="manager")
        postman = Postman(lane, pause)
        changer, gatherer = Changer(manager, postman, True), Gatherer(manager, postman)
        await changer.apply(Promote(served_by()))
        bugs = tuple(FakeMessage(message.value, message.offset, key=b"bug") for message in messages([wine()] * 9))
        killed = (await gatherer.score(Batch(bugs))).batch
        assert len(killed.dead) == 9
        assert killed.scored == ()
        (last, *_) = (await gatherer.score(Batch(tuple(messages([wine()]))))).batch.dead
        assert "given up" in last.reason
        assert "a bug" in last.reason
        await changer.apply(Promote(served_by(name="better")))
        again = (await gatherer.score(Batch(tuple(messages([wine()]))))).batch
        assert [scored.model_name for scored in again.scored] == ["better"]

    anyio.run(go)
