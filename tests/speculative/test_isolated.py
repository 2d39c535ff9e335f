"""A model in a process of its own: it answers as here, and its process may hang or die without harm."""

from __future__ import annotations

from collections.abc import Iterator

import psutil
import pytest

from modelserving.errors import ScoringError
from modelserving.models.lifecycle.build import build_candidate
from modelserving.records import ModelDescriptor, ModelType
from modelserving.speculative.isolated import ProcessModel, build_isolated
from tests.contract.servers import constant_model, regression, wine

MODEL = ModelDescriptor("linear", "", "wine", ModelType.PMML, regression(1.0, alcohol=0.5))
BATCH = [wine(alcohol=10.0), wine(alcohol=12.0)]


@pytest.fixture(scope="module")
def apart() -> Iterator[ProcessModel]:
    """One for all tests here: its engine takes a second to start."""
    served = build_isolated(MODEL)
    assert isinstance(served.model, ProcessModel)
    assert served.info.name == "linear"
    yield served.model
    served.close()
    assert served.model.pid is None


def test_it_answers_as_in_this_process(apart: ProcessModel) -> None:
    """Values, inputs and bytes are the model's own."""
    here = build_candidate(MODEL)
    assert apart.score(BATCH).values.tolist() == here.model.score(BATCH).values.tolist() == [6.0, 7.0]
    assert apart.inputs == here.model.inputs
    assert apart.to_bytes() == MODEL.data
    here.close()


def test_a_process_that_was_killed_fails_one_batch_and_is_started_again(apart: ProcessModel) -> None:
    """The error says so; the next batch has its answers."""
    assert apart.pid is not None
    child = psutil.Process(apart.pid)
    child.kill()
    with pytest.raises(ScoringError, match="process of model 'linear' ended"):
        apart.score(BATCH)
    assert apart.score(BATCH).values.tolist() == [6.0, 7.0]
    assert not child.is_running()


@pytest.mark.slow
def test_a_batch_that_takes_too_long_ends_the_process(apart: ProcessModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that hangs is not waited for."""
    assert apart.pid is not None
    child = psutil.Process(apart.pid)
    child.suspend()
    monkeypatch.setattr(apart, "_seconds", 0.2)
    with pytest.raises(ScoringError, match=r"took more than 0\.2 s"):
        apart.score(BATCH)
    assert not child.is_running()
    monkeypatch.undo()
    assert apart.score(BATCH).values.tolist() == [6.0, 7.0]


def test_only_those_that_are_named_get_a_process() -> None:
    """The others stay here, where they are faster."""
    served = build_isolated(constant_model(5.0, "five", "fast"), ("smart",))
    assert not isinstance(served.model, ProcessModel)
    served.close()
