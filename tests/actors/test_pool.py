"""Several workers for one data type: who gets what, and that nobody notices."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.actors import ROUTERS, Actor, Life, PykkaRuntime, Ref, ServingSettings, WorkerPool
from modelserving.actors.dispatch import resolve
from modelserving.actors.messages import Answers, Committed, Describe, Routed, ScoreBatch, SetSlots
from modelserving.actors.routers import ByKey, RoundRobin, SmallestMailbox, make_router
from modelserving.actors.state.transfer import pack
from modelserving.errors import ActorError, ActorFailed, ConfigError, MailboxFull
from modelserving.kafka.messages import Message
from modelserving.models.info import Slots
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.records.decoder import RecordDecoder
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.serving.scoring import score_batch
from tests.actors.conftest import HASTY
from tests.contract.servers import constant_model
from tests.fakes import FakeMessage, FakeModel, messages, served_by, wine
from tests.waiting import WAIT, wait_until

KEYS = st.lists(st.one_of(st.none(), st.sampled_from([b"a", b"b", b"c", b"d"])), max_size=60)


def keyed(keys: Sequence[bytes | None]) -> list[FakeMessage]:
    return [FakeMessage(b"", offset, key=key) for offset, key in enumerate(keys)]


@given(st.sampled_from(sorted(ROUTERS)), KEYS, st.lists(st.integers(0, 9), min_size=1, max_size=5))
def test_every_message_is_dealt_once_and_hands_keep_the_order(
    router: str, keys: list[bytes | None], waiting: list[int]
) -> None:
    """Whatever the router, whatever waits."""
    hands = make_router(router).deal(keyed(keys), waiting)
    assert len(hands) == len(waiting)
    assert sorted(message.offset for hand in hands for message in hand) == list(range(len(keys)))
    assert all([m.offset for m in hand] == sorted(m.offset for m in hand) for hand in hands)


@given(KEYS, KEYS, st.integers(1, 5))
def test_by_key_is_always_the_same_worker(first: list[bytes | None], second: list[bytes | None], workers: int) -> None:
    """Over all batches: so what is of one key is scored in its order, however fast the others are."""
    router = ByKey()
    homes: dict[bytes | None, set[int]] = {}
    for batch in (first, second):
        for number, hand in enumerate(router.deal(keyed(batch), [0] * workers)):
            for message in hand:
                homes.setdefault(message.key, set()).add(number)
    assert all(len(home) == 1 for home in homes.values())


def test_round_robin_goes_on_where_it_stopped() -> None:
    """Small batches do not all land on the first worker."""
    router = RoundRobin()
    seen = [[len(hand) for hand in router.deal(keyed([None]), [0, 0, 0])] for _ in range(4)]
    assert seen == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]


def test_the_smallest_mailbox_gets_the_work() -> None:
    """A worker that is busy is left alone."""
    assert [len(hand) for hand in SmallestMailbox().deal(keyed([None] * 9), [5, 0, 1])] == [0, 6, 3]


def test_workers_that_have_equally_little_to_do_take_turns() -> None:
    """Small batches do not all land on the first worker, nor does the rest of a batch."""
    router = SmallestMailbox()
    seen = [[len(hand) for hand in router.deal(keyed([None]), [0, 0, 0])] for _ in range(4)]
    assert seen == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0]]
    assert [len(hand) for hand in router.deal(keyed([None]), [0, 2, 2])] == [1, 0, 0]


def test_a_router_that_there_is_not_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(ConfigError, match="round-robin, smallest-mailbox, by-key"):
        make_router("random")


def score(pool: Ref, batch: Sequence[Message]) -> list[Answers]:
    """What the workers answer."""
    routed: Routed = pool.ask(ScoreBatch(tuple(batch)))
    return [part.reply.result(WAIT) for part in routed.parts if part.reply is not None]


@pytest.fixture
def settings(tmp_path: Path) -> ServingSettings:
    """Three workers."""
    return ServingSettings(tmp_path, workers=3)


def test_three_workers_score_what_one_would_and_close_the_model_once(settings: ServingSettings) -> None:
    """They share a model: it stays open until the last of them lets it go, and one of them counts for all."""
    old, new = FakeModel(1.0), FakeModel(2.0)
    batch = messages([wine(alcohol=float(n)) for n in range(30)])
    with PykkaRuntime() as runtime:
        pool = runtime.spawn(WorkerPool, runtime, "wine", settings, name="pool")
        first = served_by(old)
        assert not resolve(pool.request(SetSlots(Slots(first))), WAIT).problem
        answers = score(pool, batch)
        assert sorted(scored.prediction for one in answers for scored in one.scored) == [float(n) for n in range(30)]
        assert sorted(old.batches) == [10, 10, 10]
        for one in answers:
            pool.tell(Committed(one.works))
        state = resolve(pool.request(Describe()), WAIT)
        assert state.statistics.count == 30
        resolve(pool.request(SetSlots(Slots(served_by(new, "new"), pack(first)))), WAIT)
        assert {scored.model_name for one in score(pool, batch) for scored in one.scored} == {"new"}
        assert old.closes == 0  # it is the previous one
        resolve(pool.request(SetSlots(Slots())), WAIT)
        score(pool, batch)
    assert (old.closes, new.closes) == (1, 1)


def fail_once(batch: Batch, slots: ModelSlots, decoder: RecordDecoder | None = None) -> ScoredBatch:
    """A bug that some records wake."""
    if any(message.key == b"bug" for message in batch.messages):
        raise RuntimeError("a bug")
    return score_batch(batch, slots, decoder)


def test_a_worker_that_fails_takes_no_other_with_it(tmp_path: Path) -> None:
    """Its part fails, and only that; the workers beside it answer, and it comes back."""
    batch = messages([wine()] * 9)
    batch[4] = FakeMessage(batch[4].value, 4, key=b"bug")
    with PykkaRuntime() as runtime:
        pool = runtime.spawn(
            WorkerPool, runtime, "wine", ServingSettings(tmp_path, workers=3, score=fail_once), name="pool"
        )
        resolve(pool.request(SetSlots(Slots(build_candidate(constant_model(5.0, "five"))))), WAIT)
        routed: Routed = pool.ask(ScoreBatch(tuple(batch)))
        replies = [part.reply for part in routed.parts if part.reply is not None]
        assert [len(reply.result(WAIT).scored) for reply in (replies[0], replies[2])] == [3, 3]
        with pytest.raises(ActorFailed, match="a bug"):
            replies[1].result(WAIT)
        assert [len(one.scored) for one in score(pool, messages([wine()] * 9))] == [3, 3, 3]
        assert {status.name: status.restarts for status in runtime.report()} == {
            "pool": 0,
            "serving wine/0": 0,
            "serving wine/1": 1,
            "serving wine/2": 0,
        }


class Gate:
    """Records with the key ``slow`` keep the worker that has them, until it is let go."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def score(self, batch: Batch, slots: ModelSlots, decoder: RecordDecoder | None = None) -> ScoredBatch:
        """Wait, if one of them is slow; then score."""
        if any(message.key == b"slow" for message in batch.messages):
            self.reached.set()
            self.open.wait(60)
        return score_batch(batch, slots, decoder)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Open at the end, whatever happens."""
    made = Gate()
    yield made
    made.open.set()


def slow(message: FakeMessage) -> FakeMessage:
    return FakeMessage(message.value, message.offset, key=b"slow")


def test_a_pool_that_failed_waits_for_its_old_workers_and_comes_back(tmp_path: Path, gate: Gate) -> None:
    """One of them hangs: until it lets its name go, the pool has no room, and is not given up; nothing is lost."""
    batch = messages([wine()] * 4)
    with PykkaRuntime(HASTY) as runtime:
        settings = ServingSettings(tmp_path, workers=2, score=gate.score)
        pool = runtime.spawn(WorkerPool, runtime, "wine", settings, name="pool")
        resolve(pool.request(SetSlots(Slots(build_candidate(constant_model(5.0, "five"))))), WAIT)
        score(pool, batch[:2])
        pool.ask(ScoreBatch((batch[0], slow(batch[1]))))
        assert gate.reached.wait(WAIT)
        with pytest.raises(ActorFailed, match="cannot do anything with str"):
            pool.ask("boom", WAIT)
        (part,) = pool.ask(ScoreBatch(tuple(batch)), WAIT).parts
        assert (len(part.messages), part.reply) == (4, None)
        with pytest.raises(MailboxFull, match="'wine' that were here before"):
            pool.ask(Describe(), WAIT)
        pool.tell(Committed(()))
        gate.open.set()
        asked = ScoreBatch(tuple(batch))
        wait_until(lambda: all(part.reply for part in pool.ask(asked, WAIT).parts), "the new workers")
        assert [{one.model_name for one in answers.scored} for answers in score(pool, batch)] == [{"five"}] * 2
        assert {(status.life, status.name, status.restarts) for status in runtime.report()} == {
            (Life.RUNNING, "pool", 1),
            (Life.RUNNING, "serving wine/0", 0),
            (Life.RUNNING, "serving wine/1", 0),
        }


def test_the_smallest_mailbox_sees_who_is_at_work(tmp_path: Path, gate: Gate) -> None:
    """Nothing waits for the one that hangs; but it has a message in hand, and all that comes goes to the other."""
    batch = messages([wine()] * 4)
    with PykkaRuntime() as runtime:
        settings = ServingSettings(tmp_path, workers=2, score=gate.score, router="smallest-mailbox")
        pool = runtime.spawn(WorkerPool, runtime, "wine", settings, name="pool")
        resolve(pool.request(SetSlots(Slots(served_by()))), WAIT)
        pool.ask(ScoreBatch((slow(batch[0]),)), WAIT)
        assert gate.reached.wait(WAIT)
        found = [score(pool, [message]) for message in batch[1:]]
        assert [scored.offset for (answers,) in found for scored in answers.scored] == [1, 2, 3]
        gate.open.set()


class Crowded(PykkaRuntime):
    """Has no place for a second worker."""

    def spawn(self, cls: Callable[..., Actor], *args: Any, name: str, mailbox: int = 100) -> Ref:
        """As every runtime, but for that."""
        if name.endswith("/1"):
            raise ActorError("there is no place")
        return super().spawn(cls, *args, name=name, mailbox=mailbox)


def test_a_pool_that_cannot_be_made_leaves_no_worker_behind(settings: ServingSettings) -> None:
    """Else the next attempt would find the names taken, for ever."""
    with Crowded(HASTY) as runtime:
        with pytest.raises(ActorError, match="no place"):
            WorkerPool(runtime, "wine", settings)
        wait_until(lambda: {status.life for status in runtime.report()} == {Life.STOPPED}, "the end of the first one")
