"""scikit-learn's estimators by ONNX, on columns of several types: labels and probabilities are its own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, GradientBoostingClassifier, RandomForestClassifier, StackingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier

from tests.models.formats.onnx.test_pipelines import NUMBERS, TEXTS, batch, export, labels_of, load, people

CLASSIFIERS = {
    "logistic regression": LogisticRegression(max_iter=500),
    "forest": RandomForestClassifier(12, random_state=0),
    "gradient boosting": GradientBoostingClassifier(n_estimators=12, random_state=0),
    "naive Bayes": GaussianNB(var_smoothing=1e-3),
    "nearest neighbours": KNeighborsClassifier(5),
    "vector machine": SVC(probability=True, random_state=0),
    "network": MLPClassifier((6,), max_iter=60, random_state=0),
    "bagging": BaggingClassifier(DecisionTreeClassifier(max_depth=4, random_state=0), 4, random_state=0),
    "stacking": StackingClassifier([("tree", DecisionTreeClassifier(max_depth=3, random_state=0))], cv=2),
    "one against all": OneVsRestClassifier(LogisticRegression(max_iter=500)),
}
ENCODERS = {
    "one-hot": OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    "ordinal": OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
}
"""Both take what they have not seen for another."""


def piped(estimator: Any, encoder: Any) -> Pipeline:
    numbers = make_pipeline(SimpleImputer(strategy="mean"), StandardScaler())
    return make_pipeline(ColumnTransformer([("n", numbers, list(NUMBERS)), ("t", encoder, list(TEXTS))]), estimator)


def single(table: pd.DataFrame) -> pd.DataFrame:
    """Numbers that single precision holds, so that what is compared is the model."""
    return table.assign(**{name: table[name].astype(np.float32).astype(float) for name in NUMBERS})


@pytest.fixture(scope="module")
def train() -> pd.DataFrame:
    return single(people(150))


@pytest.fixture(scope="module")
def strangers() -> pd.DataFrame:
    """People of whom numbers are missing, and some of whose towns no model has seen."""
    table = single(people(60, seed=2))
    table.loc[::7, "town"] = "Oslo"
    return table


@pytest.mark.parametrize("encoder", ENCODERS)
@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.filterwarnings("ignore")
def test_a_classifier_agrees(name: str, encoder: str, train: pd.DataFrame, strangers: pd.DataFrame) -> None:
    """Labels are equal, probabilities within a hundred-thousandth."""
    fitted = piped(CLASSIFIERS[name], ENCODERS[encoder]).fit(train, labels_of(train))
    scores = load(export(fitted, options={"zipmap": False}), {"outputs": "*"}).score(batch(strangers))
    assert not scores.problems
    assert scores.labels is not None
    assert list(scores.labels) == list(fitted.predict(strangers))
    got = np.stack([scores.outputs[f"probabilities({label})"] for label in fitted.classes_], axis=1)
    assert got == pytest.approx(fitted.predict_proba(strangers), abs=1e-5)


@pytest.mark.parametrize("encoder", ENCODERS)
def test_a_regression_and_a_clustering_agree(encoder: str, train: pd.DataFrame, strangers: pd.DataFrame) -> None:
    """Ridge's numbers, and the numbers of clusters."""
    ridge = piped(Ridge(), ENCODERS[encoder]).fit(train, train["income"].fillna(1800) / 100)
    assert load(export(ridge)).score(batch(strangers)).values == pytest.approx(ridge.predict(strangers), rel=1e-5)
    clusters = piped(KMeans(3, random_state=0, n_init=2), ENCODERS[encoder]).fit(train)
    found = load(export(clusters), {"output": "label"}).score(batch(strangers))
    assert list(found.values) == list(clusters.predict(strangers))


def test_what_rounding_leaves_below_zero_is_zero(train: pd.DataFrame) -> None:
    """A forest that is sure answers 1 + 1e-7 and -1e-7 in single precision; margins below zero stay what they are."""
    import onnxruntime

    sure = np.where(train["town"] == "Ulm", "swabian", "other")
    data = export(
        piped(RandomForestClassifier(20, random_state=0, max_features=None), ENCODERS["one-hot"]).fit(train, sure),
        options={"zipmap": False},
    )
    fed = {name: train[[name]].to_numpy(np.float32 if name in NUMBERS else object) for name in (*NUMBERS, *TEXTS)}
    assert -1e-6 < onnxruntime.InferenceSession(data).run(["probabilities"], fed)[0].min() < 0
    outputs = load(data, {"outputs": "*"}).score(batch(train)).outputs
    assert min(column.min() for column in outputs.values()) == 0
    margins = piped(LogisticRegression(), ENCODERS["one-hot"]).fit(train, sure)
    raw = {"options": {id(margins[-1]): {"zipmap": False, "raw_scores": True}}}
    scores = load(export(margins, **raw), {"outputs": "*"}).score(batch(train)).outputs
    assert min(column.min() for column in scores.values()) < -1
