"""Shadows on the records whose truth has come; without a broker."""

from __future__ import annotations

import pytest

from modelserving.datasets import default_schemas
from modelserving.errors import KafkaError
from modelserving.monitoring.monitor.shadows import ShadowJudge
from modelserving.monitoring.replay.answers import RecordPosition
from modelserving.monitoring.truth.join import Judged
from modelserving.records import ModelDescriptor
from modelserving.serving import ModelKey
from tests.contract.servers import constant_model
from tests.fakes import FakeMessage, messages, wine

SERVED = ModelKey("wine", "line", "1", "abc")
LOG = messages([wine(), wine(), wine(), b"\xff"])


def judged(*offsets: int, truth: float = 6.0) -> list[Judged]:
    """Wines that were answered 5, by the model that served."""
    return [Judged(SERVED, 5.0, truth, RecordPosition(0, offset)) for offset in offsets]


class Pipeline:
    """A log, and the models that are shadows now."""

    def __init__(self, *shadows: ModelDescriptor) -> None:
        self.shadows = shadows
        self.asked: list[object] = []
        self.away = False

    def read(self, window: object) -> list[FakeMessage]:
        """The stretch of the log is all of it."""
        self.asked.append(window)
        if self.away:
            raise KafkaError("away")
        return LOG

    def judge(self) -> ShadowJudge:
        """A judge of it."""
        return ShadowJudge(default_schemas(), lambda: self.shadows, self.read)


def test_a_shadow_is_judged_on_the_records_whose_truth_has_come_and_beside_what_was_served() -> None:
    """Each record once; what it cannot score has no pair; the gain is taken pair by pair."""
    pipeline = Pipeline(constant_model(5.75, "near"))
    judge = pipeline.judge()
    judge.add(judged(0, 1, 3))
    judge.judge()
    judge.judge()
    judge.add(judged(2, truth=5.0))
    judge.judge()
    (key,) = judge.found()
    found = judge.found()[key]
    assert (key.name, found.quality.pairs) == ("near", 3)
    assert found.quality.mean_absolute_error == pytest.approx((0.25 + 0.25 + 0.75) / 3)
    assert found.improvement.gain == pytest.approx((0.75 + 0.75 - 0.75) / 3)
    assert pipeline.asked == [{0: (0, 4)}, {0: (2, 3)}]


def test_a_shadow_that_comes_later_is_asked_about_what_was_judged_before_and_one_that_goes_is_forgotten() -> None:
    """So that two shadows, one after the other, are judged on the same records."""
    pipeline = Pipeline()
    judge = pipeline.judge()
    judge.add(judged(0, 1))
    judge.judge()
    assert judge.found() == {}
    pipeline.shadows = (constant_model(6.0, "right"),)
    judge.judge()
    assert [one.quality.pairs for one in judge.found().values()] == [2]
    pipeline.shadows = ()
    judge.judge()
    assert judge.found() == {}


def test_what_cannot_be_read_now_is_judged_later_and_counted_once() -> None:
    """The broker was away."""
    pipeline = Pipeline(constant_model(6.0, "right"))
    judge = pipeline.judge()
    judge.add(judged(0, 1))
    pipeline.away = True
    with pytest.raises(KafkaError):
        judge.judge()
    pipeline.away = False
    judge.judge()
    assert [one.quality.pairs for one in judge.found().values()] == [2]


def test_a_shadow_that_cannot_be_built_is_logged_once_and_disturbs_no_other(caplog: pytest.LogCaptureFixture) -> None:
    """As on a server, which would refuse it."""
    broken = ModelDescriptor("broken", "", "wine", constant_model(1.0, "x").type, b"<PMML/>", version="1")
    judge = Pipeline(broken, constant_model(6.0, "right")).judge()
    judge.add(judged(0))
    judge.judge()
    judge.judge()
    assert [key.name for key in judge.found()] == ["right"]
    assert caplog.text.count("the shadow broken is not judged") == 1
