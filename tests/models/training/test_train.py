"""Training again gives the models that are committed."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from defusedxml.ElementTree import fromstring
from numpy.typing import NDArray

from modelserving.errors import SetupError
from modelserving.models.formats import factory
from modelserving.models.store.bundled import read_catalog
from modelserving.models.training import PUBLISHED, RECIPES, Recipe, Sample, load_sample, train_models
from modelserving.models.training.trained import Trained
from modelserving.records import FEATURES, ModelDescriptor, ModelType

# One process trains all of it, once; another one would train again.
pytestmark = pytest.mark.xdist_group("training")

DATA = Path(__file__).resolve().parents[3] / "data"
COMMITTED = {model.name: model for model in read_catalog(DATA / "models")}
PMML = [model for model in COMMITTED.values() if model.type is ModelType.PMML]


@dataclass(frozen=True, slots=True)
class Training:
    """A recipe, its wines, and what came out."""

    recipe: Recipe
    sample: Sample
    trained: tuple[Trained, ...]

    def models(self) -> list[ModelDescriptor]:
        """What came out, as a server gets it."""
        return [
            ModelDescriptor(product.name, product.description, self.recipe.wines.data_type, trained.type, trained.data)
            for product, trained in zip(self.recipe.products, self.trained, strict=True)
        ]


RECIPES_AS_PARAMETERS = [
    pytest.param(recipe, marks=[pytest.mark.slow] if number else [], id=recipe.products[0].name)
    for number, recipe in enumerate(RECIPES)
]


@pytest.fixture(scope="module", params=RECIPES_AS_PARAMETERS)
def training(request: pytest.FixtureRequest) -> Training:
    """One recipe, trained once for all tests of this module."""
    recipe: Recipe = request.param
    return Training(recipe, _sample(recipe), _train(recipe))


@cache
def _train(recipe: Recipe) -> tuple[Trained, ...]:
    return recipe.train(_sample(recipe))


def _same(recipe: Recipe) -> Callable[[Sample], tuple[Trained, ...]]:
    """A recipe's training that is done once, whoever asks for it."""
    return lambda _: _train(recipe)


def _score(model: ModelDescriptor, sample: Sample) -> NDArray[np.float64]:
    """The answers of the engine that serves; shape ``(n,)``."""
    built = factory.create(model)
    try:
        return built.score(sample.records).values
    finally:
        built.close()


def _sample(recipe: Recipe) -> Sample:
    return load_sample(DATA / recipe.wines.file, recipe.wines.data_type)


def test_a_model_is_made_again_score_for_score(training: Training) -> None:
    """Trained again, a model answers for all 1,600 wines as the committed one does."""
    for model in training.models():
        scores = _score(model, training.sample)
        np.testing.assert_allclose(scores, _score(COMMITTED[model.name], training.sample), rtol=0, atol=1e-9)
        assert model.type is not ModelType.ONNX or model.data == COMMITTED[model.name].data


def test_the_engine_that_serves_answers_as_the_library_that_trained(training: Training) -> None:
    """For all 1,600 wines: the same grades, and numbers alike to nine decimals, to six in ONNX (single precision)."""
    for model, trained in zip(training.models(), training.trained, strict=True):
        near = 1e-6 if model.type is ModelType.ONNX else 1e-9
        np.testing.assert_allclose(_score(model, training.sample), trained.predictions, rtol=0, atol=near)


@pytest.mark.slow
def test_one_command_makes_all_models_and_their_catalog(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The folder that training fills reads back as what was trained, and each model is reported."""
    once = tuple(replace(recipe, train=_same(recipe)) for recipe in RECIPES)
    monkeypatch.setattr("modelserving.models.training.train.RECIPES", once)
    said: list[str] = []

    trained = train_models(DATA, tmp_path / "models", said.append)

    assert read_catalog(tmp_path / "models") == trained
    assert tuple(model.name for model in trained) == PUBLISHED
    assert {line.split(":")[0] for line in said} == set(PUBLISHED)
    assert all("new; right on" in line for line in said)
    for model in trained:
        committed = COMMITTED[model.name]
        assert (model.metrics, model.parameters) == (committed.metrics, committed.parameters)
        assert [g.record for g in model.golden] == [g.record for g in committed.golden]


@pytest.mark.parametrize("model", PMML, ids=lambda model: model.name)
def test_no_wine_lies_so_near_a_threshold_that_rounding_decides(model: ModelDescriptor) -> None:
    """scikit-learn's trees compare in single precision and PMML4S in double: for our wines that must not matter."""
    sample = _sample(next(r for r in RECIPES if r.wines.data_type == model.data_type))
    questions = [node for node in fromstring(model.data).iter() if node.tag.endswith("SimplePredicate")]

    for question in questions:
        values = sample.features[:, FEATURES.index(question.get("field", ""))]
        threshold = float(question.get("value", "nan"))
        np.testing.assert_array_equal(values <= threshold, values.astype(np.float32) <= np.float32(threshold))
        assert (np.abs(values - threshold) > 1e-6 * np.abs(threshold)).all(), (question.attrib, threshold)

    assert bool(questions) == ("tree" in model.name or "forest" in model.name)


@pytest.mark.parametrize("missing", ["sklearn", "sklearn2pmml"])
def test_a_tool_that_is_missing_is_named_with_the_command_that_installs_it(
    missing: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Who has only the product installed reads what to run, and nothing is written."""
    monkeypatch.setitem(sys.modules, missing, None)

    with pytest.raises(SetupError, match=rf"training needs {missing}.*make setup-dev"):
        train_models(DATA, tmp_path / "models")

    assert not (tmp_path / "models").exists()


def test_wines_that_are_missing_are_named_with_the_command_that_makes_them(tmp_path: Path) -> None:
    """An empty data folder is told from a broken one."""
    with pytest.raises(SetupError, match=r"wine_red\.csv is missing.*modelserving data make"):
        train_models(tmp_path, tmp_path / "models")
