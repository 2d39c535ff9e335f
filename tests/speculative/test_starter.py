"""Models are asked all at once, by real actors; each record has one answer, or a dead letter that says why."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sized
from contextlib import contextmanager
from dataclasses import replace
from typing import cast

import numpy as np
import pytest

from modelserving.actors import PykkaRuntime
from modelserving.datasets import default_schemas
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.models.model import Scores
from modelserving.records.decoder import RecordDecoder
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.speculative.outcome import AnswerAccount, read_account
from modelserving.speculative.settings import ParticipantSettings, SpeculativeSettings
from modelserving.speculative.starter import Starter
from modelserving.system.stopping import StopWaiting, stoppable
from tests.fakes import FakeModel, messages, served_by, wine
from tests.waiting import WAIT, wait_until


@pytest.fixture
def runtime() -> Iterator[PykkaRuntime]:
    """Actors of this test's own."""
    with PykkaRuntime() as made:
        yield made


@pytest.fixture
def starter(runtime: PykkaRuntime) -> Starter:
    """Nothing is set yet."""
    return Starter(runtime, DECODER)


class Gate:
    """Lets a model's answers through when it is opened."""

    def __init__(self) -> None:
        self.event = threading.Event()

    def open(self) -> None:
        self.event.set()

    def wait(self) -> None:
        assert self.event.wait(WAIT)


@pytest.fixture
def gate() -> Iterator[Gate]:
    """Open at the end, so that nobody waits for ever."""
    made = Gate()
    yield made
    made.open()


def slots_of(**models: FakeModel) -> ModelSlots:
    slots = ModelSlots()
    for name, model in models.items():
        slots.swap(served_by(model, f"{name}-model", name))
    return slots


def wanted(*names: str, **more: object) -> SpeculativeSettings:
    made = SpeculativeSettings("wine", tuple(ParticipantSettings(name) for name in names))
    return replace(made, **more)  # type: ignore[arg-type]


def answers(done: ScoredBatch) -> list[tuple[int, float]]:
    return [(one.offset, one.prediction) for one in done.scored]


def account(done: ScoredBatch, index: int = 0) -> AnswerAccount:
    found = read_account(done.notes[index])
    assert found is not None
    return found


DECODER = RecordDecoder(default_schemas())
TWO = Batch(messages([wine(alcohol=10.0), wine(alcohol=11.0)]))


def test_where_nothing_is_set_the_model_of_the_data_type_answers(starter: Starter) -> None:
    """As in every other server."""
    done = starter.score(TWO, slots_of(wine=FakeModel()))
    assert answers(done) == [(0, 10.0), (1, 11.0)]
    assert {one.model_name for one in done.scored} == {"wine-model"}
    assert account(done).chosen == "wine"


@contextmanager
def when_it_has_answered(starter: Starter, name: str, then: Callable[[], None]) -> Iterator[None]:
    """Do something as soon as a participant's answers to ``TWO`` have come, however long it took for them."""

    def act() -> None:
        wait_until(lambda: starter.health("wine", name).snapshot(0).in_time == 2, f"the answers of {name}")
        then()

    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    yield
    thread.join(WAIT)


def test_the_fast_models_answer_leaves_when_the_smart_one_is_late(runtime: PykkaRuntime, gate: Gate) -> None:
    """The answer says who had answered, and who was late; what comes late is counted, never used."""
    now = [0]
    starter = Starter(runtime, DECODER, lambda: now[0])
    starter.configure("wine", wanted("smart", "fast", deadline_ms=100.0))

    def late() -> None:
        now[0] = 150_000_000

    slots = slots_of(smart=FakeModel(100.0, during=gate.wait), fast=FakeModel())
    with when_it_has_answered(starter, "fast", late):
        done = starter.score(TWO, slots)
    assert answers(done) == [(0, 10.0), (1, 11.0)]
    said = account(done)
    assert (said.chosen, said.absent) == ("fast", {"smart": "late"})
    assert said.after_ms >= 100
    gate.open()
    health = starter.health("wine", "smart")
    wait_until(lambda: health.snapshot(0).late == 2, "the late answer to be counted")
    assert health.snapshot(0).lateness.count == 2
    assert starter.health("wine", "fast").snapshot(0).chosen == 2


def test_a_shorter_deadline_frees_the_records_that_wait(starter: Starter, gate: Gate) -> None:
    """Nobody waits for the end of the old one."""
    starter.configure("wine", wanted("smart", "fast", deadline_ms=600_000.0))
    slots = slots_of(smart=FakeModel(100.0, during=gate.wait), fast=FakeModel())
    shorter = wanted("smart", "fast", deadline_ms=1.0)
    with when_it_has_answered(starter, "fast", lambda: starter.configure("wine", shorter)):
        done = starter.score(TWO, slots)
    assert answers(done) == [(0, 10.0), (1, 11.0)]


def test_a_model_that_fails_harms_nobody(starter: Starter) -> None:
    """Its failure is in the account, and nobody waits for it: there is no deadline here."""
    starter.configure("wine", wanted("smart", "fast"))
    done = starter.score(TWO, slots_of(smart=FakeModel(error=RuntimeError("it broke")), fast=FakeModel()))
    assert answers(done) == [(0, 10.0), (1, 11.0)]
    assert account(done).absent == {"smart": "failed"}
    assert starter.health("wine", "smart").snapshot(0).failed == 2


def test_one_that_fails_too_often_is_left_out_and_asked_again_later(runtime: PykkaRuntime) -> None:
    """While it is left out it is not asked; after the pause it is, and takes part again."""
    now = [0]
    starter = Starter(runtime, DECODER, lambda: now[0])
    starter.configure("wine", wanted("smart", "fast", patience=2, pause_ms=1000.0))
    bad = FakeModel(error=RuntimeError("it broke"))
    slots = slots_of(smart=bad, fast=FakeModel())
    for _ in range(4):
        done = starter.score(TWO, slots)
    assert bad.batches == [2, 2]
    assert account(done).absent == {"smart": "left out"}
    assert starter.health("wine", "smart").snapshot(0).left_out == 4
    slots.swap(served_by(FakeModel(100.0), "mended", "smart"))
    now[0] = 1_000_000_000
    wait_until(lambda: answers(starter.score(TWO, slots)) == [(0, 1000.0), (1, 1100.0)], "it to take part")
    assert not starter.health("wine", "smart").snapshot(now[0]).waits


def test_the_only_one_is_asked_however_often_it_failed(starter: Starter) -> None:
    """Whoever is late is better than nobody."""
    starter.configure("wine", wanted("smart", patience=1))
    model = FakeModel(error=RuntimeError("it broke"))
    for _ in range(3):
        done = starter.score(TWO, slots_of(smart=model))
    assert model.batches == [2, 2, 2]
    assert [letter.offset for letter in done.dead] == [0, 1]


def test_where_nobody_answers_there_is_a_dead_letter_that_says_why_or_the_fallback(starter: Starter) -> None:
    """Each record has its answer or its dead letter."""
    slots = slots_of(smart=FakeModel(error=RuntimeError("it broke")))
    starter.configure("wine", wanted("smart", "fast"))
    (first, _) = starter.score(TWO, slots).dead
    assert "smart failed (it broke)" in first.reason
    assert "fast no model" in first.reason
    starter.configure("wine", wanted("smart", "fast", fallback=4.0))
    done = starter.score(TWO, slots)
    assert answers(done) == [(0, 4.0), (1, 4.0)]
    assert account(done).chosen == ""


def test_a_row_that_one_model_cannot_score_is_anothers(starter: Starter) -> None:
    """Record by record: the smart model's problem with one costs the other nothing."""
    starter.configure("wine", wanted("smart", "fast"))
    slots = slots_of(smart=FakeModel(100.0, problems={1: "missing"}), fast=FakeModel())
    assert answers(starter.score(TWO, slots)) == [(0, 1000.0), (1, 11.0)]


def test_of_three_the_median_is_taken(starter: Starter) -> None:
    """The answer is nobody's own, and says so."""
    starter.configure("wine", wanted("a", "b", "c", decider="consensus"))
    done = starter.score(TWO, slots_of(a=FakeModel(1.0), b=FakeModel(2.0), c=FakeModel(50.0)))
    assert answers(done) == [(0, 20.0), (1, 22.0)]
    assert {(one.model_name, one.model_digest) for one in done.scored} == {("the median of 3", "")}


def test_of_three_labels_the_one_that_most_gave_is_the_answer(starter: Starter) -> None:
    """Labels are answers as numbers are; the header says the label, too."""
    starter.configure("wine", wanted("a", "b", "c", decider="consensus"))
    slots = ModelSlots()
    for name, label in (("a", "good"), ("b", "bad"), ("c", "good")):
        slots.swap(served_by(cast("FakeModel", Labels(label)), name, name))
    done = starter.score(TWO, slots)
    assert [one.answer for one in done.scored] == ["good", "good"]
    assert (account(done).label, account(done).why) == ("good", "2 of 3 agree")


def test_the_surer_model_answers_and_what_it_says_beside_its_answer_is_kept(starter: Starter) -> None:
    """A model's own probability is its confidence; of two that are as good, the surer one's outputs are published."""
    starter.configure("wine", wanted("a", "b", decider="quality"))
    slots = ModelSlots()
    for name, label, sure in (("a", "good", 0.6), ("b", "bad", 0.9)):
        slots.swap(served_by(cast("FakeModel", Labels(label, sure)), name, name))
    done = starter.score(TWO, slots)
    assert [one.answer for one in done.scored] == ["bad", "bad"]
    assert [dict(one.outputs) for one in done.scored] == [{"probabilities": pytest.approx((0.9, 0.1))}] * 2
    assert account(done).why == "the highest quality and confidence"


def test_truths_that_come_move_who_is_chosen(starter: Starter) -> None:
    """The settings think more of the first one; what turned out to be true does not. Another model begins anew."""
    settings = SpeculativeSettings("wine", (ParticipantSettings("a", 0.9), ParticipantSettings("b", 0.6)), 0, "quality")
    starter.configure("wine", settings)
    slots = slots_of(a=FakeModel(), b=FakeModel(100.0))
    assert account(starter.score(TWO, slots)).chosen == "a"
    for truth in (1.0, 2.0) * 20:
        starter.tracker.add("wine", "digest of a-model", 50.0, truth)
    assert account(starter.score(TWO, slots)).chosen == "b"
    assert starter.configured == {"wine": settings}
    slots.swap(served_by(FakeModel(), "better", "a"))
    assert account(starter.score(TWO, slots)).chosen == "a"


class Labels:
    """A model that answers the same label for each record, and is quite sure unless told otherwise."""

    inputs = ("alcohol",)

    def __init__(self, label: str, sure: float | None = None) -> None:
        self._label = label
        self._sure = sure

    def score(self, records: Sized) -> Scores:
        """Answer."""
        count = len(records)
        beside = {} if self._sure is None else {"probabilities": np.array([[self._sure, 1 - self._sure]] * count)}
        labels = np.array([self._label] * count, dtype=object)
        return Scores(np.full(count, np.nan), labels=labels, outputs=beside)

    def close(self) -> None:
        """Nothing is held."""


def test_garbage_and_types_without_a_model_cost_the_others_nothing(starter: Starter) -> None:
    """Every message is scored, dead or skipped, exactly as with one model."""
    done = starter.score(Batch(messages([wine(), b"\xff", wine("beer"), wine()])), slots_of(wine=FakeModel()))
    assert [one.offset for one in done.scored] == [0, 3]
    assert [(letter.offset, letter.stage) for letter in done.dead] == [(1, "decode")]
    assert (done.skipped, done.skipped_types) == (1, ("beer",))


def test_a_large_batch_is_scored_in_pieces(starter: Starter) -> None:
    """So that of a model that is too slow for all of it, some answers come in time."""
    starter.configure("wine", wanted("wine", deadline_ms=600_000.0))
    model = FakeModel()
    done = starter.score(Batch(messages([wine()] * 600)), slots_of(wine=model))
    assert len(done.scored) == 600
    assert sum(model.batches) == 600
    assert model.batches[0] == 256


def test_the_models_statistics_are_told(starter: Starter) -> None:
    """As of any server: who scored how many, and how long that took."""
    starter.configure("wine", wanted("smart", "fast", decider="consensus, best"))
    done = starter.score(TWO, slots_of(smart=FakeModel(), fast=FakeModel()))
    assert sorted((share.served.info.name, share.count) for share in done.shares) == [
        ("fast-model", 2),
        ("smart-model", 2),
    ]


def test_nobody_waits_for_a_model_when_the_server_ends(starter: Starter, gate: Gate) -> None:
    """There is no deadline, and its service is away: the records have no answer, and come again."""
    starter.configure("wine", wanted("smart"))
    stop = threading.Event()

    def answer() -> None:
        stop.set()
        gate.wait()

    with stoppable(stop), pytest.raises(StopWaiting):
        starter.score(TWO, slots_of(smart=FakeModel(during=answer)))
