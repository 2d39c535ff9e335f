"""scikit-learn pipelines on columns of several types: ONNX answers as scikit-learn does, whatever is missing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingRegressor, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from modelserving.errors import ModelFormatError, ModelInputError
from modelserving.models.formats import factory
from modelserving.models.model import NO_PARAMETERS, Model
from modelserving.records import ModelType

NUMBERS = ("age", "income")
TEXTS = ("town", "job")


def people(count: int, seed: int = 0) -> pd.DataFrame:
    """Made-up people; an age or an income in ten is missing."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "age": rng.normal(40, 12, count).round(1),
            "income": rng.gamma(2, 900, count).round(1),
            "town": rng.choice(["Ulm", "Bern", "Graz"], count),
            "job": rng.choice(["baker", "nurse"], count),
        }
    )
    for name in NUMBERS:
        table.loc[rng.random(count) < 0.1, name] = np.nan
    return table


def export(pipeline: Pipeline, **options: Any) -> bytes:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    types = [(name, FloatTensorType([None, 1])) for name in NUMBERS]
    types += [(name, StringTensorType([None, 1])) for name in TEXTS]
    data: bytes = to_onnx(pipeline, initial_types=types, target_opset=18, **options).SerializeToString()
    return data


def pipeline(estimator: Any, handle_unknown: str = "ignore") -> Pipeline:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    encoder = OneHotEncoder(handle_unknown=handle_unknown)
    return make_pipeline(ColumnTransformer([("n", numbers, list(NUMBERS)), ("t", encoder, list(TEXTS))]), estimator)


def load(data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> Model:
    return factory.restore(ModelType.ONNX, data, parameters)


def batch(table: pd.DataFrame) -> Any:
    return pa.RecordBatch.from_pandas(table, preserve_index=False)


def labels_of(table: pd.DataFrame) -> Any:
    rich = table["income"].fillna(1800) + 20 * table["age"].fillna(40) > 2500
    return np.where(rich, "rich", np.where(table["town"] == "Ulm", "swabian", "poor"))


@pytest.fixture
def unseen() -> pd.DataFrame:
    """People whom no model has seen, some from a town that none has seen."""
    table = people(120, seed=1)
    table.loc[::7, "town"] = "Oslo"
    return table


@pytest.mark.parametrize("estimator", [LogisticRegression(), RandomForestClassifier(20, random_state=0)])
@pytest.mark.parametrize("zipmap", [True, False])
def test_a_classifier_gives_labels_and_probabilities(estimator: Any, zipmap: bool, unseen: pd.DataFrame) -> None:
    """Both are scikit-learn's own, for missing numbers and unseen towns, too; probabilities are named by class."""
    train = people(300)
    fitted = pipeline(estimator).fit(train, labels_of(train))
    data = export(fitted, options={"zipmap": zipmap})
    scores = load(data, {"outputs": "*"}).score(batch(unseen))
    assert not scores.problems
    assert scores.labels is not None
    assert (scores.labels == fitted.predict(unseen)).mean() == 1.0
    name = "output_probability" if zipmap else "probabilities"
    got = np.stack([scores.outputs[f"{name}({label})"] for label in fitted.classes_], axis=1)
    assert got == pytest.approx(fitted.predict_proba(unseen), abs=2e-6)
    assert not load(data).score(batch(unseen)).outputs


def test_a_regression_and_a_clustering_agree(unseen: pd.DataFrame) -> None:
    """Numbers and the number of a cluster, as scikit-learn has them."""
    train = people(300)
    target = train["income"].fillna(1800) / 100 + 3 * (train["job"] == "nurse")
    regression = pipeline(GradientBoostingRegressor(random_state=0)).fit(train, target)
    scores = load(export(regression)).score(batch(unseen))
    agree = np.isclose(scores.values, regression.predict(unseen), rtol=1e-5)
    assert agree.mean() > 0.98  # single precision may take the other side of a threshold on which a value lies
    clusters = pipeline(KMeans(3, random_state=0, n_init=3)).fit(train)
    assert load(export(clusters), {"output": "label"}).score(batch(unseen)).values.tolist() == list(
        clusters.predict(unseen)
    )


def test_columns_are_found_by_name_and_type(unseen: pd.DataFrame) -> None:
    """Their order and their kind of number do not matter; a column that is absent or of another type is named."""
    train = people(300)
    fitted = pipeline(LogisticRegression()).fit(train, labels_of(train))
    model = load(export(fitted))
    assert model.inputs == ("age", "income", "town", "job")
    shuffled = batch(unseen[["job", "income", "town", "age"]].assign(job=unseen["job"].astype("category")))
    scores = model.score(shuffled)
    assert scores.labels is not None
    assert list(scores.labels) == list(fitted.predict(unseen))
    with pytest.raises(ModelInputError, match="'town', which the records do not have"):
        model.score(batch(unseen.drop(columns="town")))
    with pytest.raises(ModelInputError, match=r"'age' is (large_)?string"):
        model.score(batch(unseen.assign(age="old")))


def test_an_unseen_category_costs_only_its_record_where_the_model_refuses_it(unseen: pd.DataFrame) -> None:
    """An encoder that fails on what it has not seen fails for that record alone."""
    train = people(300)
    fitted = pipeline(LogisticRegression(), handle_unknown="error").fit(train, labels_of(train))
    scores = load(export(fitted)).score(batch(unseen))
    strangers = list(np.flatnonzero(unseen["town"] == "Oslo"))
    assert list(scores.problems) == strangers
    assert "Unknown Category" in scores.problems[0]
    known = unseen["town"] != "Oslo"
    assert scores.labels is not None
    assert list(scores.labels[known]) == list(fitted.predict(unseen[known]))


def test_what_is_missing_goes_to_the_model_only_where_it_has_a_treatment() -> None:
    """A missing text is as unseen where those are passed over; without an imputer a missing number is a problem."""
    train = people(300).dropna()
    numbers = make_pipeline(
        ColumnTransformer(
            [("n", StandardScaler(), list(NUMBERS)), ("t", OneHotEncoder(handle_unknown="ignore"), list(TEXTS))]
        ),
        LogisticRegression(),
    ).fit(train, labels_of(train))
    table = train.head(4).reset_index(drop=True)
    table.loc[1, "age"] = np.nan
    table.loc[2, "town"] = None
    scores = load(export(numbers)).score(batch(table))
    assert list(scores.problems) == [1]
    assert "age is missing" in scores.problems[1]
    assert scores.labels is not None
    assert scores.labels[2] == numbers.predict(table.assign(age=40, town=table["town"].fillna("nowhere")))[2]


def test_float16_is_told_with_the_way_out() -> None:
    """Half precision is no type of records: the text says what to export instead."""
    from onnx import TensorProto

    from tests.models.onnx_samples import onnx_model, operator

    model = onnx_model([operator("Identity", "alcohol", output="quality")], inputs={"alcohol": 1})
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    with pytest.raises(ModelFormatError, match="float16: export it in single or double"):
        load(model.SerializeToString())
