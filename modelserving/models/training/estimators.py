"""The scikit-learn models. Each function trains one on a sample and exports it to PMML, and some to ONNX, too.

Coefficients are rounded before they are written. The last bits of a sum differ between processors, and rounding keeps
that out of the files: the same model is the same bytes on another machine.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from modelserving.models.training.onnx import export_onnx
from modelserving.models.training.pmml import export_pmml, import_tools
from modelserving.models.training.sample import Sample
from modelserving.models.training.trained import Trained
from modelserving.records import ModelType

Estimator: TypeAlias = Any
"""A scikit-learn estimator; the library brings no types."""

_SEED = 3


def train_linear(sample: Sample) -> tuple[Trained, ...]:
    """Linear regression: a weight for each measurement."""
    import_tools()
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(sample.lessons, sample.answers)
    model.coef_ = np.round(model.coef_, 8)
    model.intercept_ = float(np.round(model.intercept_, 8))
    return _regression(model, sample, {"algorithm": "linear regression"})


def train_regression_tree(sample: Sample) -> tuple[Trained, ...]:
    """A tree of questions whose leaves are mean qualities; as PMML, and as ONNX."""
    import_tools()
    from sklearn.tree import DecisionTreeRegressor

    settings = {"max_depth": 6, "min_samples_leaf": 20}
    model = DecisionTreeRegressor(**settings, random_state=_SEED).fit(sample.lessons, sample.answers)
    settle_thresholds(model, _steps(sample))
    return _twice(model, _regression(model, sample, _parameters("regression tree", settings)))


def train_decision_tree(sample: Sample) -> tuple[Trained, ...]:
    """A tree of questions whose leaves are shares of grades."""
    import_tools()
    from sklearn.tree import DecisionTreeClassifier

    settings = {"max_depth": 6, "min_samples_leaf": 20}
    model = DecisionTreeClassifier(**settings, random_state=_SEED).fit(sample.lessons, sample.answers)
    settle_thresholds(model, _steps(sample))
    return _classification(model, sample, _parameters("decision tree", settings))


def train_random_forest(sample: Sample) -> tuple[Trained, ...]:
    """Ten trees, each from other wines and other measurements; their shares are averaged. As PMML, and as ONNX."""
    import_tools()
    from sklearn.ensemble import RandomForestClassifier

    settings = {"n_estimators": 10, "max_depth": 5, "min_samples_leaf": 30}
    model = RandomForestClassifier(**settings, random_state=_SEED).fit(sample.lessons, sample.answers)
    for tree in model.estimators_:
        settle_thresholds(tree, _steps(sample))
    return _twice(model, _classification(model, sample, _parameters("random forest", settings)))


def train_perceptron(sample: Sample) -> tuple[Trained, ...]:
    """A multilayer perceptron with one hidden layer; its scaler is a part of the exported model."""
    import_tools()
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    # Sixty steps are as good as four hundred. With each one the last bits, which differ between processors, weigh more.
    settings = {"hidden_layer_sizes": (8,), "activation": "tanh", "solver": "lbfgs", "alpha": 10.0, "max_iter": 60}
    scaler, perceptron = StandardScaler(), MLPRegressor(**settings, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = make_pipeline(scaler, perceptron).fit(sample.lessons, sample.answers)
    scaler.mean_, scaler.scale_ = np.round(scaler.mean_, 6), np.round(scaler.scale_, 6)
    perceptron.coefs_ = [np.round(layer, 6) for layer in perceptron.coefs_]
    perceptron.intercepts_ = [np.round(layer, 6) for layer in perceptron.intercepts_]
    return _regression(model, sample, _parameters("multilayer perceptron", settings))


def settle_thresholds(model: Estimator, steps: Sequence[float] | NDArray[np.float64]) -> None:
    """Move each threshold of a tree to the middle between two neighbouring values that can be written down.

    scikit-learn compares in single precision, PMML engines in double. A threshold that lies on a value which a record
    can have would be decided by the last bit, and so not by all engines alike.

    Args:
        model: a fitted tree.
        steps: for each of its features, how far neighbouring values are apart.
    """
    tree = model.tree_
    questions = tree.feature >= 0
    step = np.asarray(steps)[tree.feature[questions]]
    below = np.floor(tree.threshold[questions] / step + 0.01)
    tree.threshold[questions] = np.round((below + 0.5) * step, 8)


def _steps(sample: Sample) -> NDArray[np.float64]:
    """Of each measurement: the last digit that a laboratory writes down."""
    steps: NDArray[np.float64] = 10.0 ** -np.array([_decimals(column) for column in sample.features.T])
    return steps


def _decimals(values: NDArray[np.float64]) -> int:
    return next(decimals for decimals in range(17) if (np.round(values, decimals) == values).all())


def _regression(model: Estimator, sample: Sample, parameters: Mapping[str, str]) -> tuple[Trained, ...]:
    predictions: NDArray[np.float64] = model.predict(sample.features)
    return (Trained(ModelType.PMML, export_pmml(model), predictions, np.ones(len(predictions)), parameters),)


def _classification(model: Estimator, sample: Sample, parameters: Mapping[str, str]) -> tuple[Trained, ...]:
    ranked = np.sort(model.predict_proba(sample.features), axis=1)
    predictions = model.predict(sample.features).astype(np.float64)
    return (Trained(ModelType.PMML, export_pmml(model), predictions, ranked[:, -1] - ranked[:, -2], parameters),)


def _twice(model: Estimator, trained: tuple[Trained, ...]) -> tuple[Trained, ...]:
    """What was exported to PMML, and the same as ONNX."""
    return (*trained, *(replace(one, type=ModelType.ONNX, data=export_onnx(model)) for one in trained))


def _parameters(algorithm: str, settings: Mapping[str, object]) -> Mapping[str, str]:
    return {"algorithm": algorithm, **{name: str(value) for name, value in settings.items()}}
