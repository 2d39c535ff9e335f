"""The table that sets the actors beside the custom stage."""

from __future__ import annotations

from pathlib import Path

from modelserving.actors import PykkaRuntime
from modelserving.actors.comparison import compare
from modelserving.client import load_supply
from modelserving.config import data_folder
from tests.fakes import messages


def test_both_answer_the_same_and_change_the_model_at_the_same_record(tmp_path: Path) -> None:
    """The same records, scores and models; what differs is the time, and how much code it takes."""
    supply = load_supply(data_folder())
    first, second = [model for model in supply.models if model.type.slug == "pmml"][:2]
    with PykkaRuntime() as runtime:
        stage, actors = compare(messages(supply.records), first, second, 700, tmp_path, runtime)
    assert [(a.offset, a.prediction, a.model_name) for a in stage.scored] == [
        (a.offset, a.prediction, a.model_name) for a in actors.scored
    ]
    assert len(stage.scored) == len(supply.records)
    assert stage.switched_at == actors.switched_at == 700
    assert stage.us_per_record > 0
    assert actors.us_per_record > 0
    assert 50 < stage.lines < actors.lines
