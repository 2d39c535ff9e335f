"""Which models there are, and how each of them is made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from modelserving.datasets import RED_WINES, WHITE_WINES, WineSet
from modelserving.models.training.estimators import (
    train_decision_tree,
    train_linear,
    train_perceptron,
    train_random_forest,
    train_regression_tree,
)
from modelserving.models.training.neural import train_network
from modelserving.models.training.sample import Sample
from modelserving.models.training.trained import Trained


@dataclass(frozen=True, slots=True)
class Product:
    """A model that comes out of a recipe.

    Args:
        name: what people call it.
        description: one line about it.
    """

    name: str
    description: str


@dataclass(frozen=True, slots=True)
class Recipe:
    """One training.

    Args:
        wines: from which it learns, and which it scores.
        train: trains and exports; gives one ``Trained`` for each product, in their order.
        products: the models that come out.
    """

    wines: WineSet
    train: Callable[[Sample], tuple[Trained, ...]]
    products: tuple[Product, ...]


RECIPES = (
    Recipe(
        RED_WINES,
        train_linear,
        (Product("wine-linear-regression", "Red wine: linear regression by scikit-learn"),),
    ),
    Recipe(
        WHITE_WINES,
        train_regression_tree,
        (
            Product("white-regression-tree", "White wine: regression tree by scikit-learn"),
            Product("white-regression-tree-onnx", "White wine: the same regression tree, as ONNX"),
        ),
    ),
    Recipe(
        RED_WINES,
        train_decision_tree,
        (Product("wine-decision-tree", "Red wine: decision tree by scikit-learn, answers a grade"),),
    ),
    Recipe(
        RED_WINES,
        train_network,
        (
            Product("wine-network-saved", "Red wine: neural network by Keras, as a SavedModel, answers a grade"),
            Product("wine-network-frozen", "Red wine: neural network by Keras, as a frozen graph, answers a grade"),
        ),
    ),
    Recipe(
        RED_WINES,
        train_random_forest,
        (
            Product("wine-random-forest", "Red wine: random forest by scikit-learn, answers a grade"),
            Product("wine-random-forest-onnx", "Red wine: the same random forest, as ONNX, answers a grade"),
        ),
    ),
    Recipe(
        RED_WINES,
        train_perceptron,
        (Product("wine-perceptron", "Red wine: multilayer perceptron by scikit-learn"),),
    ),
    Recipe(
        WHITE_WINES,
        train_linear,
        (Product("white-linear-regression", "White wine: linear regression by scikit-learn"),),
    ),
)
