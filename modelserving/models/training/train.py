"""From wine files to a folder of models."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

from modelserving.models.store.bundled import model_file, write_catalog
from modelserving.models.training.examine import TOLERANCE, choose_golden, measure
from modelserving.models.training.recipes import RECIPES, Product, Recipe
from modelserving.models.training.sample import Sample, load_sample
from modelserving.models.training.trained import Trained
from modelserving.records import ModelDescriptor

PUBLISHED = (
    "wine-linear-regression",
    "white-regression-tree",
    "wine-decision-tree",
    "wine-network-saved",
    "wine-random-forest",
    "wine-perceptron",
    "wine-network-frozen",
    "white-linear-regression",
    "wine-random-forest-onnx",
    "white-regression-tree-onnx",
)
"""The order in which the client publishes: one that loads at once first, and neighbours of different kinds."""

_VERSION = "1.0"


def train_models(
    data: Path, target: Path, report: Callable[[str], None] = lambda _: None
) -> tuple[ModelDescriptor, ...]:
    """Train all models, measure them, and write them with their catalog.

    Args:
        data: the folder with the wine files.
        target: the folder for the models; what is there under the same names is replaced when all are trained.
        report: is called with a line of text for each model.

    Returns:
        The models, in the order of ``PUBLISHED``.

    Raises:
        SetupError: a wine file or a tool of development is missing, or the target cannot be written.
        RecordError: a wine file cannot be read.
        ModelFormatError: a model cannot be exported.
    """
    trained: list[ModelDescriptor] = []
    for recipe in RECIPES:
        models = train_recipe(recipe, data)
        for model in models:
            report(_summary(model, target / model_file(model)))
        trained.extend(models)
    ordered = tuple(sorted(trained, key=lambda model: PUBLISHED.index(model.name)))
    write_catalog(target, ordered)
    return ordered


def train_recipe(recipe: Recipe, data: Path) -> tuple[ModelDescriptor, ...]:
    """Train the models of one recipe.

    Args:
        recipe: one of ``RECIPES``.
        data: the folder with the wine files.

    Raises:
        As ``train_models``.
    """
    sample = load_sample(data / recipe.wines.file, recipe.wines.data_type)
    products = zip(recipe.products, recipe.train(sample), strict=True)
    return tuple(_describe(product, sample, trained) for product, trained in products)


def _describe(product: Product, sample: Sample, trained: Trained) -> ModelDescriptor:
    return ModelDescriptor(
        name=product.name,
        description=product.description,
        data_type=sample.records[0].data_type,
        type=trained.type,
        data=trained.data,
        version=_VERSION,
        sha256=hashlib.sha256(trained.data).hexdigest(),
        golden=choose_golden(sample, trained),
        tolerance=TOLERANCE,
        parameters=MappingProxyType(dict(trained.parameters)),
        metrics=MappingProxyType(dict(measure(sample, trained))),
    )


def _summary(model: ModelDescriptor, file: Path) -> str:
    metrics = model.metrics
    before = file.read_bytes() if file.is_file() else None
    news = "new" if before is None else "same bytes as before" if before == model.data else "changed"
    return (
        f"{model.name}: {len(model.data):,} bytes, {news}; right on {metrics['accuracy']:.1%} of unseen wines "
        f"(baseline {metrics['baseline_accuracy']:.1%}), R² {metrics['r2']:.2f}"
    )
