"""The serving actor's lives: what it keeps of one for the next, and what it does where that is not enough."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from modelserving.actors import ServingActor, ServingSettings, StateFolder
from modelserving.actors.messages import (
    Answers,
    Committed,
    Confirm,
    Describe,
    Part,
    Restore,
    Routed,
    SaveWhenDue,
    ScoreBatch,
    SetSlots,
)
from modelserving.actors.state.persistence import SavedState
from modelserving.actors.state.shadowing import ShadowQueue
from modelserving.actors.state.transfer import PackedModel, pack
from modelserving.models.formats.inputs import to_batch
from modelserving.models.info import LoadedModel, ModelInfo, Slots
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.lifecycle.shadow import ShadowWork
from modelserving.models.lifecycle.slots import ModelSlot
from modelserving.models.lifecycle.state import ServingState
from modelserving.records import ModelDescriptor, ModelType
from modelserving.statistics import Statistics
from tests.contract.servers import constant_model
from tests.fakes import FakeModel, messages, served_by, wine

FIVE, SIX, SEVEN = (
    constant_model(float(n), name, version=str(n)) for n, name in ((5, "five"), (6, "six"), (7, "seven"))
)
BATCH = ScoreBatch(tuple(messages([wine()] * 3)))
WHOLE_SLOTS = ("current", "previous", "shadow")


@pytest.fixture
def settings(tmp_path: Path) -> ServingSettings:
    """Statistics are saved at most once in an hour."""
    return ServingSettings(tmp_path / "state", save_every_s=3_600)


def built(*models: ModelDescriptor) -> list[LoadedModel]:
    return [build_candidate(model) for model in models]


def have(actor: ServingActor, *slots: Slots[LoadedModel]) -> None:
    for each in slots:
        actor.receive(SetSlots(each.map(lambda model: model)))


def describe(actor: ServingActor) -> ServingState:
    state = actor.receive(Describe())
    assert isinstance(state, ServingState)
    return state


def scored(actor: ServingActor) -> set[str]:
    """Who answers."""
    answers = actor.receive(BATCH)
    assert isinstance(answers, Answers)
    assert answers.skipped == 0
    return {one.model_name for one in answers.scored}


def broken(name: str) -> PackedModel:
    """A model whose bytes arrived whole, and make no model here."""
    data = f"<html>{name}</html>".encode()
    who = ModelInfo(name, "", "wine", ModelType.PMML, "1", hashlib.sha256(data).hexdigest())
    return PackedModel(who, data)


def three(current: PackedModel, previous: PackedModel, shadow: PackedModel) -> SavedState:
    """A state in which every slot is taken."""
    return SavedState("wine", 77, 4, Slots(current, previous, shadow, 100.0))


def test_a_state_that_could_not_be_saved_is_saved_when_there_is_room_again(tmp_path: Path) -> None:
    """One full disk does not leave the old state there for ever."""
    (tmp_path / "state").write_text("in the way")
    actor = ServingActor("wine", ServingSettings(tmp_path / "state", save_every_s=0))
    have(actor, Slots(served_by()))
    (tmp_path / "state").unlink()
    actor.receive(SaveWhenDue())
    assert list(tmp_path.glob("state/*/state"))


def test_records_wait_for_a_model_that_was_lost_with_the_actor(settings: ServingSettings) -> None:
    """Nothing of it was saved: they are not skipped, since they have a model; they come again until it is there."""
    (five,) = built(FIVE)
    actor = ServingActor("wine", settings)
    actor.restarted()
    assert actor.receive(BATCH) == Routed((Part(BATCH.messages, None),))
    expected = Confirm(Slots(five.info))
    assert actor.receive(expected) is False
    actor.receive(Restore(SavedState("wine", 77, 4, Slots(pack(five)))))
    assert actor.receive(expected) is True
    assert (describe(actor).since_ms, describe(actor).swaps) == (77, 4)
    assert scored(actor) == {"five"}
    saved = StateFolder(settings.folder, "wine").peek()
    assert saved is not None
    assert saved.slots.current is not None
    actor.close()


@pytest.mark.parametrize("told", [Confirm(Slots()), SetSlots(Slots())])
def test_where_there_is_no_model_any_more_records_are_skipped_again(settings: ServingSettings, told: object) -> None:
    """As soon as it is sure, nobody waits for a model that is not to come."""
    actor = ServingActor("wine", settings)
    actor.restarted()
    assert isinstance(actor.receive(BATCH), Routed)
    assert actor.receive(told)
    assert actor.receive(BATCH) == Answers(skipped=3, skipped_types=("wine",))


def test_an_actor_that_comes_back_with_an_older_model_is_given_the_newer_one(settings: ServingSettings) -> None:
    """The newer one could not be saved. Slots that are right are left alone, and go on counting."""
    five, seven, six = built(FIVE, SEVEN, SIX)
    actor = ServingActor("wine", settings)
    have(actor, Slots(five))
    desired = Slots(seven, five, six, 50.0)
    expected = Confirm(desired.map(lambda loaded: loaded.info))
    assert actor.receive(expected) is False
    wanted = SavedState("wine", 77, 2, desired.map(pack))
    actor.receive(Restore(wanted))
    assert actor.receive(expected) is True
    assert scored(actor) == {"seven"}
    answers = actor.receive(BATCH)
    assert isinstance(answers, Answers)
    actor.receive(Committed(answers.works))
    actor.receive(Restore(wanted))
    assert describe(actor).statistics.count == 3
    actor.receive(Restore(SavedState("wine")))
    assert actor.receive(Confirm(Slots())) is True
    actor.close()


@pytest.mark.parametrize("slot", WHOLE_SLOTS)
def test_a_model_that_cannot_be_built_costs_no_other_its_slot(settings: ServingSettings, slot: str) -> None:
    """Its bytes are set aside, not deleted."""
    parts = dict(zip(WHOLE_SLOTS, map(pack, built(FIVE, SIX, SEVEN)), strict=True)) | {slot: broken(slot)}
    folder = StateFolder(settings.folder, "wine")
    folder.save(three(**parts))
    actor = ServingActor("wine", settings)
    actor.restarted()
    found = actor._slot.slots
    assert {name for name in WHOLE_SLOTS if getattr(found, name)} == {*WHOLE_SLOTS} - {slot}
    assert isinstance(actor.receive(BATCH), Routed if slot == "current" else Answers)
    assert [file.read_bytes() for file in folder.path.glob("*.model.set-aside-1")] == [parts[slot].data]
    actor.close()


def test_a_shadow_scores_each_batch_when_that_one_is_committed(settings: ServingSettings) -> None:
    """The next batch is scored already while one is committed; what was scored and never committed is forgotten."""
    beside = FakeModel(2.0)
    actor = ServingActor("wine", settings)
    have(actor, Slots(served_by(), shadow=served_by(beside, "beside"), percent=100))
    first, second, lost, last = (actor.receive(ScoreBatch(tuple(messages([wine()] * count)))) for count in (1, 2, 3, 4))
    for answers, compared in ((first, [1]), (second, [1, 2]), (last, [1, 2, 4]), (lost, [1, 2, 4])):
        assert isinstance(answers, Answers)
        actor.receive(Committed(answers.works))
        assert beside.batches == compared
    actor.close()


def test_batches_that_are_never_committed_do_not_fill_the_memory() -> None:
    """A broker that takes nothing for a night costs a bounded number of batches; another actor's are not ours."""
    queue, other = ShadowQueue(most=3), ShadowQueue()
    work = ShadowWork(ModelSlot(), to_batch([wine()]), [0], [0], np.zeros(1))
    names = [queue.keep((work,)) for _ in range(5)]
    assert len(set(names)) == 5
    assert len(queue) == 3
    assert queue.keep(()) == ""
    queue.on_commit({other.keep((work,))})
    assert len(queue) == 3
    queue.on_commit({names[-1]})
    assert len(queue) == 0


def counted(model: PackedModel, count: int) -> PackedModel:
    """The same, counted."""
    statistics = Statistics()
    statistics.record(1_000, count)
    return PackedModel(model.info, model.data, statistics.encode())


def test_an_ordinary_restart_loses_no_counts_and_no_slots(settings: ServingSettings) -> None:
    """The topics bring each model in its turn: it is counted on from the disk, once, and serves since it did."""
    packed = [counted(pack(model), 10 + index) for index, model in enumerate(built(FIVE, SIX, SEVEN))]
    folder = StateFolder(settings.folder, "wine")
    folder.save(three(*packed))
    actor = ServingActor("wine", settings)
    five, six, seven = built(FIVE, SIX, SEVEN)
    have(actor, Slots(five))
    state = describe(actor)
    assert (state.since_ms, state.swaps, state.statistics.count) == (77, 4, 10)
    assert folder.peek() == three(*packed)
    have(actor, Slots(five, six), Slots(five, six, seven, 100.0))
    assert [served.statistics.snapshot().count for served in (six, seven)] == [11, 12]
    assert folder.peek() == three(*packed)
    (again,) = built(FIVE)
    have(actor, Slots(again, five, seven, 100.0))
    assert describe(actor).statistics.count == 0
    assert describe(actor).swaps == 5
    actor.close()


def test_what_served_before_the_restart_is_counted_on_as_the_previous_one(settings: ServingSettings) -> None:
    """A newer model came while nobody served: the older one keeps what it had; later on, models begin at nothing."""
    folder = StateFolder(settings.folder, "wine")
    folder.save(SavedState("wine", 77, 4, Slots(counted(pack(*built(FIVE)), 10), counted(pack(*built(SIX)), 9))))
    actor = ServingActor("wine", settings)
    seven, five, six = built(SEVEN, FIVE, SIX)
    have(actor, Slots(seven), Slots(seven, five))
    assert describe(actor).since_ms > 77
    assert five.statistics.snapshot().count == 10
    have(actor, Slots(six, seven))
    assert describe(actor).statistics.count == 0
    actor.close()
