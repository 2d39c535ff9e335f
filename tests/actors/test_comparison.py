"""The table that sets the actors beside the custom stage."""

from __future__ import annotations

from dataclasses import replace

import pytest

from modelserving.actors import PykkaRuntime
from modelserving.actors.comparison import Side, compare, tabulate
from modelserving.client import load_dataset
from modelserving.config import data_folder
from modelserving.records import ScoredRecord
from tests.fakes import messages

SWITCHES = (700, 1, 1_599)


@pytest.fixture(scope="module", params=SWITCHES, ids=lambda switch: f"switch at {switch}")
def sides(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Side, Side, int]:
    """All red wines through both, with the second model from an offset on."""
    supply = load_dataset(data_folder())
    assert len(supply.records) == 1_600
    first, second = [model for model in supply.models if model.type.slug == "pmml"][:2]
    with PykkaRuntime() as runtime:
        folder = tmp_path_factory.mktemp("state")
        both = compare(messages(supply.records), first, second, request.param, folder, runtime)
    return *both, request.param


def test_both_give_the_same_answers(sides: tuple[Side, Side, int]) -> None:
    """The same records in the same order, with the same scores, of the same models."""
    stage, actors, _ = sides
    assert [one.offset for one in stage.scored] == list(range(1_600))
    assert [(one.offset, one.prediction, one.model_digest) for one in stage.scored] == [
        (one.offset, one.prediction, one.model_digest) for one in actors.scored
    ]


def test_both_change_the_model_at_the_same_record(sides: tuple[Side, Side, int]) -> None:
    """At the record before which the second model was given to them: no record earlier, none later."""
    stage, actors, switch_at = sides
    assert stage.switched_at == actors.switched_at == switch_at
    for side in (stage, actors):
        first, second = ({one.model_name for one in part} for part in _cut(side, switch_at))
        assert len(first) == len(second) == 1
        assert first != second


def test_the_table_is_filled_from_a_run(sides: tuple[Side, Side, int]) -> None:
    """Scores and place of the switch are those that were measured; time and code are numbers that can be."""
    stage, actors, switch_at = sides
    rows = {name: (one, other) for name, one, other in tabulate(stage, actors)}
    assert rows["records scored"] == (1_600, 1_600)
    assert rows["scores"] == ("the same", "the same")
    assert rows["second model from offset"] == (switch_at, switch_at)
    assert rows["microseconds per record"] == (stage.us_per_record, actors.us_per_record)
    assert min(stage.us_per_record, actors.us_per_record) > 0
    assert rows["lines of code"] == (stage.lines, actors.lines)
    assert 50 < stage.lines < actors.lines


def test_the_table_says_how_far_scores_are_apart(sides: tuple[Side, Side, int]) -> None:
    """It does not call the same what is not."""
    stage, actors, _ = sides
    first, *others = actors.scored
    wrong = replace(actors, scored=(first._replace(prediction=first.prediction + 0.25), *others))
    assert tabulate(stage, wrong)[1] == ("scores", "up to 0.25 apart", "up to 0.25 apart")


def _cut(side: Side, switch_at: int) -> tuple[tuple[ScoredRecord, ...], tuple[ScoredRecord, ...]]:
    """The answers before the switch, and those after it."""
    return side.scored[:switch_at], side.scored[switch_at:]
