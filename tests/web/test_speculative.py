"""What the face says of several models that are asked about each record."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from modelserving.actors import PykkaRuntime
from modelserving.datasets import default_schemas
from modelserving.records.decoder import RecordDecoder
from modelserving.serving.messages import Batch
from modelserving.speculative.settings import ParticipantSettings, SpeculativeSettings
from modelserving.speculative.starter import Starter
from modelserving.web.speculative import speculative_router
from tests.fakes import FakeModel, FakeServer, messages, served_by, wine
from tests.web.test_app import get


@dataclass(slots=True)
class FakeSpeculative(FakeServer):
    """A server that only stands there, with a starter."""

    runtime: PykkaRuntime = field(default_factory=PykkaRuntime)
    starter: Starter = field(init=False)

    def __post_init__(self) -> None:
        self.starter = Starter(self.runtime, RecordDecoder(default_schemas()))


@pytest.fixture
def view() -> Iterator[FakeSpeculative]:
    """Two models, of which one fails."""
    made = FakeSpeculative()
    made.slots.swap(served_by(FakeModel(error=RuntimeError("it broke")), "smart-model", "smart"))
    made.slots.swap(served_by(FakeModel(), "fast-model", "fast"))
    yield made
    made.runtime.close()
    made.slots.close()


def test_it_tells_what_is_wanted_and_how_each_participant_does(view: FakeSpeculative) -> None:
    """The settings, and for each model what became of its answers."""
    participants = (ParticipantSettings("smart", 0.9), ParticipantSettings("fast", slowed_ms=1.0))
    view.starter.configure("wine", SpeculativeSettings("wine", participants, fallback=5.0))
    view.starter.score(Batch(messages([wine(), wine()])), view.slots)
    router = speculative_router(view)
    found = get(view, "/speculative/wine", router).json()
    assert (found["data_type"], found["configured"], found["decider"], found["fallback"]) == ("wine", True, "best", 5.0)
    smart, fast = found["participants"]
    assert (smart["name"], smart["model"], smart["quality"], smart["asked"], smart["failed"]) == (
        "smart",
        "smart-model",
        0.9,
        2,
        2,
    )
    assert (fast["slowed_ms"], fast["in_time"], fast["chosen"], fast["waits"]) == (1.0, 2, 2, False)
    assert fast["took_p50_ms"] >= 1.0
    view.starter.tracker.add("wine", "digest of smart-model", "good", "bad")
    smart, fast = get(view, "/speculative/wine", router).json()["participants"]
    assert (smart["quality"], round(smart["tracked_quality"], 3), fast["tracked_quality"]) == (0.9, 0.818, None)
    assert [one["data_type"] for one in get(view, "/speculative", router).json()] == ["wine"]


def test_where_nothing_is_set_the_one_model_is_shown(view: FakeSpeculative) -> None:
    """A data type without settings has one participant; one without a model, too, is not known."""
    router = speculative_router(view)
    found = get(view, "/speculative/fast", router).json()
    assert (found["configured"], [one["name"] for one in found["participants"]]) == (False, ["fast"])
    missing = get(view, "/speculative/beer", router)
    assert missing.status_code == 404
    assert "fast, smart" in missing.json()["detail"]
