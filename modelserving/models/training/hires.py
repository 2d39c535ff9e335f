"""Models of bicycle hires: scikit-learn pipelines that take texts and missing values; as PMML, and as ONNX."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from modelserving.datasets import HIRE_ANSWERS, HIRE_SCHEMA, HIRES_FILE
from modelserving.errors import SetupError
from modelserving.models.store.bundled import write_catalog
from modelserving.models.training.estimators import settle_thresholds
from modelserving.models.training.onnx import export_columns
from modelserving.models.training.pmml import export_pmml, import_tools
from modelserving.records import Column, ColumnType, ModelDescriptor, ModelType
from modelserving.records.tables import read_table

_NUMBERS = ("hour", "temperature", "humidity", "wind", "age")
_CATEGORIES = ("workday", "weather", "station", "bike")
_STEPS = (1.0, 0.1, 1.0, 0.1, 1.0)
"""Of the numbers: how finely each is written down."""
_WEATHER = ("temperature", "humidity", "wind")
_HELD_OUT, _SEED = 4, 5
_VERSION, _ABSENT = "1.0", "none"


def train_hires(
    data: Path, target: Path, report: Callable[[str], None] = lambda _: None
) -> tuple[ModelDescriptor, ...]:
    """Train the models of hires, measure them on the fourth that they did not learn from, and write them.

    Args:
        data: the folder with the hires.
        target: the folder for the models and their catalog.
        report: is called with a line of text for each model.

    Raises:
        SetupError: the hires or a tool of development are missing, or the target cannot be written.
        ModelFormatError: a model cannot be exported.
    """
    table = load_hires(data / HIRES_FILE)
    held_out = np.arange(len(table)) % _HELD_OUT == 0
    models = []
    for recipe in (_riders, _minutes, _weather):
        for model in recipe(table[~held_out], table[held_out]):
            report(
                f"{model.name}: {len(model.data):,} bytes; {', '.join(f'{k} {v:g}' for k, v in model.metrics.items())}"
            )
            models.append(model)
    write_catalog(target, models)
    return tuple(models)


def load_hires(path: Path) -> Any:
    """The hires as a pandas table: categories are texts, an empty one where it is missing; numbers may be NaN.

    Raises:
        SetupError: they are missing, or pandas is.
        RecordError: they cannot be read.
    """
    if not path.is_file():
        raise SetupError(f"{path} is missing. Make it with `modelserving data make`.")
    import_tools()
    import pyarrow as pa

    answers = (Column(HIRE_ANSWERS[0], ColumnType.STRING), Column(HIRE_ANSWERS[1]))
    texts = tuple(Column(name, ColumnType.STRING) for name in _CATEGORIES)
    numbers = tuple(Column(name) for name in _NUMBERS)
    assert {one.name for one in (*texts, *numbers)} == set(HIRE_SCHEMA.names)
    table = pa.Table.from_batches(read_table(path, (*numbers, *texts, *answers))).to_pandas()
    return table.astype(dict.fromkeys(_CATEGORIES, object)).fillna(dict.fromkeys(_CATEGORIES, ""))


def _riders(train: Any, unseen: Any) -> Iterator[ModelDescriptor]:
    """Who hires: as a forest in PMML, and as a logistic regression in ONNX."""
    from sklearn.ensemble import RandomForestClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    answers = train["rider"].to_numpy(object)
    settings = {"n_estimators": 12, "max_depth": 6, "min_samples_leaf": 10}
    forest = _pipeline(train, RandomForestClassifier(**settings, random_state=_SEED), absent=_ABSENT)
    forest.fit(train[_INPUTS], answers)
    for tree in forest[-1].estimators_:
        settle_thresholds(tree, _steps(forest))
    about = "Bicycle hire: member or casual rider, random forest by scikit-learn"
    yield _describe(
        "hire-rider-forest", about, ModelType.PMML, _pmml(forest, "rider"), _right(forest, unseen), settings
    )

    fit = {"C": 1.0, "max_iter": 500}
    logistic = _pipeline(train, LogisticRegression(**fit), StandardScaler()).fit(train[_INPUTS], answers)
    scaler = logistic[0].named_transformers_["numbers"][-1]
    scaler.mean_, scaler.scale_ = np.round(scaler.mean_, 6), np.round(scaler.scale_, 6)
    logistic[-1].coef_ = np.round(logistic[-1].coef_, 6)
    logistic[-1].intercept_ = np.round(logistic[-1].intercept_, 6)
    about = "Bicycle hire: member or casual rider, logistic regression by scikit-learn, as ONNX"
    data = export_columns(logistic, _NUMBERS, _CATEGORIES)
    yield _describe("hire-rider-logistic", about, ModelType.ONNX, data, _right(logistic, unseen), fit)


def _minutes(train: Any, unseen: Any) -> Iterator[ModelDescriptor]:
    """How long: boosted trees in PMML."""
    from sklearn.ensemble import GradientBoostingRegressor

    settings = {"n_estimators": 40, "max_depth": 3, "min_samples_leaf": 20}
    model = _pipeline(train, GradientBoostingRegressor(**settings, random_state=_SEED), absent=_ABSENT)
    model.fit(train[_INPUTS], train["minutes"])
    for tree in model[-1].estimators_.ravel():
        settle_thresholds(tree, _steps(model))
    errors = np.abs(model.predict(unseen[_INPUTS]) - unseen["minutes"])
    base = np.abs(train["minutes"].mean() - unseen["minutes"])
    metrics = {"mae": round(float(errors.mean()), 4), "baseline_mae": round(float(base.mean()), 4)}
    about = "Bicycle hire: how many minutes, gradient boosting by scikit-learn"
    yield _describe("hire-minutes-boosting", about, ModelType.PMML, _pmml(model, "minutes"), metrics, settings)


def _weather(train: Any, unseen: Any) -> Iterator[ModelDescriptor]:
    """What kind of weather: clusters in PMML."""
    from sklearn.cluster import KMeans
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    columns = list(_WEATHER)
    settings = {"n_clusters": 4, "n_init": 4}
    model = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), KMeans(**settings, random_state=_SEED))
    model.fit(train[columns])
    model[1].mean_, model[1].scale_ = np.round(model[1].mean_, 6), np.round(model[1].scale_, 6)
    model[-1].cluster_centers_ = np.round(model[-1].cluster_centers_, 6)
    distances = model.transform(unseen[columns]).min(axis=1)
    metrics = {"mean_distance": round(float(distances.mean()), 4)}
    about = "Bicycle hire: four kinds of weather, k-means by scikit-learn"
    data = export_pmml(model, _WEATHER, ())
    yield _describe("hire-weather-clusters", about, ModelType.PMML, data, metrics, settings)


_INPUTS = [*_NUMBERS, *_CATEGORIES]


def _pipeline(train: Any, estimator: Any, *scaler: Any, absent: str = "") -> Any:
    """Numbers get the median where they are missing; a category that is missing or unseen is none of the known ones.

    PMML has to be told that: a tree that asks for a missing category has no answer there, so ``absent`` stands for it.
    """
    from sklearn.compose import ColumnTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder

    known = [sorted(set(train[name]) - {""}) for name in _CATEGORIES]
    encoder = OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False)
    numbers = make_pipeline(SimpleImputer(strategy="median"), *scaler)
    named = SimpleImputer(missing_values=None, strategy="constant", fill_value=absent)
    categories = make_pipeline(named, encoder) if absent else encoder
    return make_pipeline(
        ColumnTransformer([("numbers", numbers, list(_NUMBERS)), ("categories", categories, list(_CATEGORIES))]),
        estimator,
    )


def _steps(model: Any) -> Sequence[float]:
    """Of what the trees look at: numbers, and zeros and ones."""
    others = len(model[0].get_feature_names_out()) - len(_STEPS)
    return (*_STEPS, *[1.0] * others)


def _right(model: Any, unseen: Any) -> dict[str, float]:
    truth = unseen["rider"].to_numpy(object)
    most = max((float((truth == one).mean()) for one in set(truth)), default=0.0)
    found = float((model.predict(unseen[_INPUTS]) == truth).mean())
    return {"accuracy": round(found, 4), "baseline_accuracy": round(most, 4)}


def _pmml(model: Any, answer: str) -> bytes:
    return export_pmml(model, _INPUTS, (answer,))


def _describe(
    name: str, about: str, kind: ModelType, data: bytes, metrics: dict[str, float], settings: dict[str, Any]
) -> ModelDescriptor:
    parameters = MappingProxyType({key: str(value) for key, value in settings.items()})
    return ModelDescriptor(
        name,
        about,
        HIRE_SCHEMA.name,
        kind,
        data,
        version=_VERSION,
        sha256=hashlib.sha256(data).hexdigest(),
        parameters=parameters,
        metrics=MappingProxyType(metrics),
    )
