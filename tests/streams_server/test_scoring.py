"""What the scoring processor counts: what was committed, once, also when a task begins again."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from modelserving.errors import ServerError
from modelserving.kstreams.bridge.collector import Columns
from modelserving.kstreams.bridge.partition import SamePartition
from modelserving.records import encode_wine
from modelserving.serving import Counts
from modelserving.streams_server.scoring import ScoringProcessor, Tally
from modelserving.system.stopping import pause
from tests.fakes import FakeModel, served_by, wine
from tests.streams_server.ready import ReadyModels


@pytest.fixture
def tally() -> Tally:
    """The counts."""
    return Tally()


@pytest.fixture
def processor(models: ReadyModels, tally: Tally) -> ScoringProcessor:
    """The processor of a task that has begun."""
    made = ScoringProcessor("records", models, tally, SamePartition(1), 10, 1.0)
    made.init(task())
    return made


def task() -> Any:
    """The engine, as far as this processor needs it."""
    store = SimpleNamespace(get=lambda _: None, put=lambda _key, _value: None)
    return SimpleNamespace(
        partition=lambda: 0, getStateStore=lambda _: store, forward_values=lambda *_: None, forward=lambda *_: None
    )


def score(processor: ScoringProcessor, count: int) -> None:
    """Let it score so many records."""
    processor.process_batch(
        Columns(
            list(range(count)), [0] * count, [None] * count, cast("list[bytes | None]", [encode_wine(wine())] * count)
        )
    )


def test_two_commits_may_be_told_as_one(processor: ScoringProcessor, tally: Tally) -> None:
    """What belonged to a commit that nobody told of belongs to the next; what came after it does not, yet."""
    score(processor, 2)
    processor.before_commit()
    score(processor, 3)
    processor.before_commit()
    score(processor, 4)
    assert tally.counts == Counts()
    processor.after_commit()
    assert tally.counts == Counts(scored=5)


def test_a_task_that_begins_again_forgets_what_was_not_committed(processor: ScoringProcessor, tally: Tally) -> None:
    """Its records come again, and are counted then."""
    score(processor, 2)
    processor.before_commit()
    score(processor, 3)
    processor.close()
    processor.init(task())
    score(processor, 5)
    processor.before_commit()
    processor.after_commit()
    assert tally.counts == Counts(scored=5)


def test_nothing_of_a_batch_whose_model_waits_is_committed_when_the_engine_ends(
    models: ReadyModels, processor: ScoringProcessor, tally: Tally
) -> None:
    """Its service is away: no answers, and no dead letters."""
    tally.ending.set()
    models.slots.swap(served_by(FakeModel(during=lambda: pause(3600)), "far"))
    with pytest.raises(ServerError, match="the engine ends"):
        score(processor, 2)
    processor.before_commit()
    processor.after_commit()
    assert tally.counts == Counts()
