"""The serving actor, called by hand: it is a plain class."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from modelserving.actors import ServingActor, ServingSettings, StateFolder
from modelserving.actors.messages import (
    Answers,
    Applied,
    Committed,
    Describe,
    IsPrepared,
    Prepare,
    Restore,
    ScoreBatch,
    SetPrepared,
    SetSlots,
)
from modelserving.actors.state.transfer import PackedModel, pack
from modelserving.client import load_dataset
from modelserving.config import data_folder
from modelserving.errors import ActorError
from modelserving.models.info import Slots
from modelserving.models.lifecycle.build import build_candidate
from tests.contract.servers import constant_model
from tests.fakes import FakeModel, messages, served_by, wine
from tests.waiting import wait_until

FIVE, SEVEN = constant_model(5.0, "five"), constant_model(7.0, "seven", version="2")


@pytest.fixture
def settings(tmp_path: Path) -> ServingSettings:
    """Statistics are saved at most once in an hour."""
    return ServingSettings(tmp_path, save_every_s=3_600)


def score(actor: ServingActor, records: int = 3) -> Answers:
    answers = actor.receive(ScoreBatch(tuple(messages([wine()] * records))))
    assert isinstance(answers, Answers)
    return answers


def count(actor: ServingActor) -> int:
    state = actor.receive(Describe())
    return state.statistics.count if state else 0  # type: ignore[attr-defined]


def test_only_what_is_committed_counts(settings: ServingSettings) -> None:
    """A batch that was scored and thrown away is in no statistics, and no shadow is compared for it."""
    actor = ServingActor("wine", settings)
    beside = FakeModel(2.0)
    actor.receive(SetSlots(Slots(served_by(), shadow=served_by(beside, "beside"), percent=100)))
    score(actor)
    assert (count(actor), beside.batches) == (0, [])
    done = score(actor, 2)
    actor.receive(Committed(done.works))
    assert (count(actor), beside.batches) == (2, [2])


def test_every_change_is_saved_at_once_and_statistics_at_the_end(settings: ServingSettings, tmp_path: Path) -> None:
    """A model just received is there after ``kill -9``; counts are at most as old as was agreed."""
    actor = ServingActor("wine", settings)
    actor.receive(SetSlots(Slots(build_candidate(FIVE))))
    actor.receive(Committed(score(actor).works))
    saved = StateFolder(tmp_path, "wine").load()
    assert saved is not None
    assert saved.slots.current is not None
    assert saved.slots.current.info.name == "five"
    heir = ServingActor("wine", settings)
    heir.restarted()
    assert count(heir) == 0
    actor.close()
    heir = ServingActor("wine", settings)
    assert heir.receive(Restore()) is not None
    assert count(heir) == 3


def test_statistics_go_on_when_the_topic_brings_the_same_model(settings: ServingSettings) -> None:
    """The models topic wins; what was counted for its model is not forgotten, what was counted for another is."""
    actor = ServingActor("wine", settings)
    actor.receive(SetSlots(Slots(build_candidate(FIVE))))
    actor.receive(Committed(score(actor).works))
    actor.close()
    same, other = ServingActor("wine", settings), ServingActor("wine", settings)
    same.receive(SetSlots(Slots(build_candidate(FIVE))))
    assert count(same) == 3
    other.receive(SetSlots(Slots(build_candidate(SEVEN))))
    assert count(other) == 0


def test_a_full_disk_does_not_end_the_scoring(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """It is said, and what can be done about it; the model serves."""
    (tmp_path / "file").write_text("in the way")
    actor = ServingActor("wine", ServingSettings(tmp_path / "file"))
    with caplog.at_level(logging.WARNING):
        applied = actor.receive(SetSlots(Slots(served_by())))
    assert isinstance(applied, Applied)
    assert not applied.problem
    assert "cannot be written" in caplog.text
    assert len(score(actor).scored) == 3


def test_a_model_that_came_as_bytes_is_built_beside_the_scoring(settings: ServingSettings) -> None:
    """The old one scores on; the new one takes its slot when the actor is told so. What is there is not built again."""
    actor, five = ServingActor("wine", settings), build_candidate(FIVE)
    actor.receive(SetSlots(Slots(five)))
    assert actor.receive(IsPrepared(1)) is None
    actor.receive(Prepare(1, Slots(pack(build_candidate(SEVEN)), pack(five))))
    wait_until(lambda: actor.receive(IsPrepared(1)), "the new model")
    assert {scored.model_name for scored in score(actor).scored} == {"five"}
    applied = actor.receive(SetPrepared(1))
    assert isinstance(applied, Applied)
    assert not applied.problem
    assert {scored.model_name for scored in score(actor).scored} == {"seven"}
    assert actor._slot.previous is five


def test_a_model_that_cannot_be_built_here_leaves_the_old_one_in_its_slot(settings: ServingSettings) -> None:
    """An engine that is missing in another process is no reason to lose the model that serves."""
    actor = ServingActor("wine", settings)
    actor.receive(SetSlots(Slots(build_candidate(FIVE))))
    broken = PackedModel(served_by().info, b"<html/>")
    actor.receive(Prepare(1, Slots(broken)))
    wait_until(lambda: actor.receive(IsPrepared(1)), "the end of the attempt")
    applied = actor.receive(SetPrepared(1))
    assert isinstance(applied, Applied)
    assert "cannot be built" in applied.problem
    assert {scored.model_name for scored in score(actor).scored} == {"five"}


# The engine of the slow ones takes seconds to load; how a model is written and read back is the same for all formats.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(model.name, marks=[pytest.mark.slow] if "tensorflow" in model.type.slug else [])
        for model in load_dataset(data_folder(), ("wine", "white")).models
    ],
)
def test_every_model_of_the_workbook_comes_back_from_disk_with_the_same_answers(name: str, tmp_path: Path) -> None:
    """Its bytes and its parameters are all that it takes."""
    supply = load_dataset(data_folder(), ("wine", "white"))
    model = next(model for model in supply.models if model.name == name)
    records = [record for record in supply.records if record.data_type == model.data_type][:50]
    settings = ServingSettings(tmp_path)
    batch = ScoreBatch(tuple(messages(records)))
    actor = ServingActor(model.data_type, settings)
    actor.receive(SetSlots(Slots(build_candidate(model))))
    before = actor.receive(batch)
    actor.close()
    heir = ServingActor(model.data_type, settings)
    heir.restarted()
    after = heir.receive(batch)
    assert isinstance(before, Answers)
    assert isinstance(after, Answers)
    assert [scored.prediction for scored in after.scored] == [scored.prediction for scored in before.scored]
    assert len(after.scored) == 50
    heir.close()


def test_a_message_that_it_does_not_know_is_an_error(settings: ServingSettings) -> None:
    """Not silence."""
    with pytest.raises(ActorError, match="str"):
        ServingActor("wine", settings).receive("hello")
