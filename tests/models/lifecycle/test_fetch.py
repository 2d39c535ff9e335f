"""The real models on the real records, against references that share nothing with the engines' Python side.

The PMML of these models is simple enough to be evaluated by the few lines below: sums, and walks down a tree.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

import numpy as np
import pytest

from modelserving.models.admin.score import score_table
from modelserving.models.formats.tensorflow.engine import load_tensorflow
from modelserving.records import FEATURES, WineRecord, read_wines

Q = "{http://www.dmg.org/PMML-4_3}"
COMPARE: dict[str, Callable[[float, float], bool]] = {
    "lessOrEqual": lambda value, limit: value <= limit,
    "lessThan": lambda value, limit: value < limit,
    "greaterThan": lambda value, limit: value > limit,
    "greaterOrEqual": lambda value, limit: value >= limit,
}


def value_of(wine: WineRecord, name: str) -> float:
    return float(getattr(wine, name.replace(" ", "_")))


def evaluate(model: Element, wine: WineRecord) -> float:
    """What a linear, generalised linear (identity) or tree model answers."""
    if model.tag == f"{Q}RegressionModel":
        [table] = model.iter(f"{Q}RegressionTable")
        terms = (float(p.get("coefficient", "")) * value_of(wine, p.get("name", "")) for p in table)
        return float(table.get("intercept", "0")) + math.fsum(terms)
    if model.tag == f"{Q}GeneralRegressionModel":
        cells = {cell.get("parameterName"): cell.get("predictorName", "") for cell in model.iter(f"{Q}PPCell")}
        return math.fsum(
            float(cell.get("beta", ""))
            * (value_of(wine, cells[p]) if (p := cell.get("parameterName")) in cells else 1.0)
            for cell in model.iter(f"{Q}PCell")
        )
    return walk(model.find(f"{Q}Node"), wine)


def walk(node: Element | None, wine: WineRecord) -> float:
    while node is not None and (below := [child for child in node.iterfind(f"{Q}Node") if holds(child, wine)]):
        node = below[0]
    assert node is not None
    return float(node.get("score", "nan"))


def holds(node: Element, wine: WineRecord) -> bool:
    predicate = node.find(f"{Q}SimplePredicate")
    if predicate is None:
        return node.find(f"{Q}True") is not None
    compare = COMPARE[predicate.get("operator", "")]
    return compare(value_of(wine, predicate.get("field", "")), float(predicate.get("value", "")))


def documents() -> Iterator[str]:
    yield "winequalityDecisionTreeClassification.pmml"
    yield "winequalityDesisionTreeRegression.pmml"
    yield "winequalityGeneralizedLinearRegressionGaussian.pmml"
    yield "winequalityLinearRegression.pmml"


@pytest.fixture
def real_wines(shared: Path) -> list[WineRecord]:
    return [wine for wine, _ in read_wines(shared / "winequality_red.csv")]


def predictions(model: Path, shared: Path) -> dict[int, float | str | None]:
    """Of all real wines, by row."""
    return {scored.row: scored.prediction for scored in score_table(model, shared / "winequality_red.csv").rows}


@pytest.mark.parametrize("name", documents())
def test_real_pmml_scores_every_real_record_right(name: str, shared: Path, real_wines: list[WineRecord]) -> None:
    """All 1,599 rows, labels exactly and values to the last few bits."""
    scores = predictions(shared / name, shared)
    model = next(element for element in ElementTree.parse(shared / name).getroot() if element.tag.endswith("Model"))
    assert list(scores) == list(range(1599))
    assert list(scores.values()) == pytest.approx([evaluate(model, wine) for wine in real_wines], rel=1e-13)


def test_the_real_graph_scores_every_real_record_right(shared: Path, real_wines: list[WineRecord]) -> None:
    """All 1,599 rows answer the index of the largest output, as a plain session has it."""
    tf = load_tensorflow()
    path = shared / "optimized_WineQuality.pb"
    scores = predictions(path, shared)
    matrix = np.array([[getattr(wine, name) for name in FEATURES] for wine in real_wines], dtype=np.float32)
    with tf.Graph().as_default(), tf.compat.v1.Session() as session:
        tf.import_graph_def(tf.compat.v1.GraphDef.FromString(path.read_bytes()), name="")
        outputs = session.run("dense_3/Sigmoid:0", {"dense_1_input:0": matrix})
    assert outputs.shape == (1599, 9)
    assert list(scores.values()) == outputs.argmax(axis=1).tolist()
