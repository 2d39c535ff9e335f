"""Models on texts, categories and missing values answer as scikit-learn does, and are trained again to the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from modelserving.config import data_folder
from modelserving.datasets import HIRE_ANSWERS, HIRES_FILE
from modelserving.models.admin.score import score_table
from modelserving.models.store.bundled import model_file, read_catalog
from modelserving.models.training import hires
from modelserving.records import ModelDescriptor

DATA = data_folder()
MODELS = {model.name: model for model in read_catalog(DATA / "models" / "hire")}


def answers(model: ModelDescriptor) -> list[Any]:
    """Of the engine that serves, to all hires."""
    path = DATA / "models" / "hire" / model_file(model)
    return [row.prediction for row in score_table(path, DATA / HIRES_FILE).rows]


@pytest.mark.parametrize("name", ["hire-rider-forest", "hire-rider-logistic"])
def test_each_hire_has_a_label(name: str) -> None:
    """Whatever is missing in it; as often right as the catalog says, on hires that the model did not learn from."""
    truth = hires.load_hires(DATA / HIRES_FILE)[HIRE_ANSWERS[0]].to_numpy(object)
    found = np.array(answers(MODELS[name]), object)
    assert set(found) == {"member", "casual"}
    held_out = np.arange(len(truth)) % 4 == 0
    assert (found == truth)[held_out].mean() == pytest.approx(MODELS[name].metrics["accuracy"], abs=1e-4)


def test_minutes_and_clusters_are_numbers() -> None:
    """Each hire has some."""
    truth = hires.load_hires(DATA / HIRES_FILE)[HIRE_ANSWERS[1]].to_numpy()
    minutes = np.array(answers(MODELS["hire-minutes-boosting"]), float)
    held_out = np.arange(len(truth)) % 4 == 0
    error = np.abs(minutes - truth)[held_out].mean()
    assert error == pytest.approx(MODELS["hire-minutes-boosting"].metrics["mae"], abs=1e-3)
    assert {float(one) for one in answers(MODELS["hire-weather-clusters"])} == {0.0, 1.0, 2.0, 3.0}


@pytest.mark.slow
def test_training_again_gives_the_same_models(tmp_path: Path) -> None:
    """By their metrics on any machine; by their bytes on one."""
    trained = hires.train_hires(DATA, tmp_path)
    assert {one.name: dict(one.metrics) for one in trained} == {
        name: pytest.approx(dict(model.metrics), abs=0.01) for name, model in MODELS.items()
    }
    assert read_catalog(tmp_path) == trained
