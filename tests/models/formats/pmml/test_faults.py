"""What the engine answers wrongly by itself: put right, or refused. The right answers are JPMML's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelserving.errors import ModelRefused
from modelserving.models.formats.pmml.document import read_pmml
from modelserving.models.formats.pmml.model import PmmlModel
from modelserving.models.model import Scores
from tests.models.samples import field, pmml

LABELS = (
    '<DataField name="k" optype="categorical" dataType="string"><Value value="no"/><Value value="yes"/></DataField>'
)
TEXT = '<DataField name="c" optype="categorical" dataType="string"><Value value="a"/><Value value="b"/></DataField>'
FIELDS = field("y") + field("x") + TEXT + LABELS


def schema(target: str, *inputs: str) -> str:
    fields = "".join(f'<MiningField name="{name}"/>' for name in inputs)
    return f'<MiningSchema><MiningField name="{target}" usageType="target"/>{fields}</MiningSchema>'


def score(data: bytes, parameters: Mapping[str, str] | None = None, **columns: Any) -> Scores:
    model = PmmlModel(data, parameters or {})
    try:
        return model.score(pa.RecordBatch.from_pydict(columns))
    finally:
        model.close()


def discretized(attributes: str, margin: str = 'rightMargin="9.5"') -> bytes:
    """A model whose answer is 1 in the first bin."""
    bins = f'<DiscretizeBin binValue="1"><Interval closure="openClosed" {margin}/></DiscretizeBin>'
    derived = f'<Discretize field="x" dataType="double" {attributes}>{bins}</Discretize>'
    return pmml(
        FIELDS,
        f'<RegressionModel functionName="regression">{schema("y", "x")}<LocalTransformations><DerivedField name="d" '
        f'optype="continuous" dataType="double">{derived}</DerivedField></LocalTransformations>'
        '<RegressionTable intercept="0"><NumericPredictor name="d" coefficient="1"/></RegressionTable>'
        "</RegressionModel>",
    )


def general(kind: str, function: str, target: str, category: str = "", beta: float = 0.3) -> bytes:
    """A general regression on ``x`` and the factor ``c``."""
    betas = {"p0": 0.5, "p1": beta, "p2": -0.7}
    cells = "".join(f'<PCell {category} parameterName="{name}" beta="{value}"/>' for name, value in betas.items())
    return pmml(
        FIELDS,
        f'<GeneralRegressionModel modelType="{kind}" functionName="{function}" linkFunction="logit" '
        f'cumulativeLink="loglog">{schema(target, "x", "c")}<ParameterList><Parameter name="p0"/><Parameter name="p1"/>'
        '<Parameter name="p2"/></ParameterList><FactorList><Predictor name="c"/></FactorList><CovariateList>'
        '<Predictor name="x"/></CovariateList><PPMatrix><PPCell value="1" predictorName="x" parameterName="p1"/>'
        '<PPCell value="a" predictorName="c" parameterName="p2"/></PPMatrix>'
        f"<ParamMatrix>{cells}</ParamMatrix></GeneralRegressionModel>",
    )


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ('defaultValue="9" mapMissingTo="8"', [1.0, 9.0, 8.0]),
        ('defaultValue="9"', [1.0, 9.0, np.nan]),
    ],
)
def test_a_value_in_no_bin_gets_the_default(attributes: str, expected: list[float]) -> None:
    """And what is missing gets what is missing's: the engine alone mixes them up."""
    values = score(discretized(attributes), x=[9.0, 10.0, None]).values
    assert values.tolist() == pytest.approx(expected, nan_ok=True)


def test_gaps_between_bins_without_a_default_are_refused() -> None:
    """The engine would take a value in a gap as missing; with no gap there is nothing to mistake."""
    with pytest.raises(ModelRefused, match="gaps between its bins"):
        read_pmml(discretized('mapMissingTo="8"'))
    assert score(discretized('mapMissingTo="8"', ""), x=[9.0, None]).values.tolist() == [1.0, 8.0]


def test_a_logistic_regression_as_r_writes_it_answers_labels() -> None:
    """The engine alone answers a probability in place of the label; the reference label has the rest of it."""
    scores = score(
        general("generalizedLinear", "classification", "k", 'targetCategory="yes"'),
        {"outputs": "*"},
        x=[1.0, -3.0],
        c=["b", "a"],
    )
    assert scores.labels is not None
    assert scores.labels.tolist() == ["yes", "no"]
    expected = [1 / (1 + np.exp(-margin)) for margin in (0.8, -1.1)]
    assert scores.outputs["probability_yes"] == pytest.approx(expected)


def test_a_general_regression_has_no_answer_without_a_factor() -> None:
    """The engine alone takes a missing factor as one without effect."""
    scores = score(general("generalizedLinear", "regression", "y"), x=[1.0, 1.0], c=["b", None])
    assert scores.problems == {1: "c is missing, and may not be"}
    assert scores.values[0] == pytest.approx(1 / (1 + np.exp(-0.8)))


def segments(method: str, function: str) -> str:
    tree = (
        f'<TreeModel functionName="{function}"><MiningSchema><MiningField name="x"/></MiningSchema>'
        '<Node score="yes"><True/></Node></TreeModel>'
    )
    return (
        f'<MiningModel functionName="{function}">{schema("k", "x")}<Segmentation multipleModelMethod="{method}">'
        f"<Segment><True/>{tree}</Segment></Segmentation></MiningModel>"
    )


ORDERED = LABELS.replace('"k" optype="categorical"', '"o" optype="ordinal"')
TABLES = '<RegressionTable intercept="1" targetCategory="no"/><RegressionTable intercept="0" targetCategory="yes"/>'


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (segments("median", "classification"), "median of its segments"),
        (segments("max", "classification"), "max of its segments"),
        (segments("majorityVote", "clustering"), "an ensemble of clusterings"),
        (f'<AssociationModel functionName="associationRules">{schema("k", "x")}</AssociationModel>', "association"),
        (
            (
                f'<RegressionModel functionName="classification" normalizationMethod="logit">{schema("o", "x")}{TABLES}'
                "</RegressionModel>"
            ),
            "labels that have an order",
        ),
        (
            (
                f'<NearestNeighborModel functionName="regression" continuousScoringMethod="weightedAverage" '
                f'numberOfNeighbors="3">{schema("y", "x")}</NearestNeighborModel>'
            ),
            "weighted average of nearest neighbours",
        ),
    ],
)
def test_what_cannot_be_put_right_is_refused(model: str, reason: str) -> None:
    """With what it is, and what to do."""
    with pytest.raises(ModelRefused, match=reason):
        read_pmml(pmml(FIELDS + ORDERED, model))


@pytest.mark.parametrize(
    ("kind", "function", "target", "reason"),
    [
        ("CoxRegression", "regression", "y", "Cox regression"),
        ("ordinalMultinomial", "classification", "k", "cumulative link loglog"),
        ("generalizedLinear", "classification", "k", "no logistic one of two labels"),
    ],
)
def test_general_regressions_that_the_engine_cannot_do_are_refused(
    kind: str, function: str, target: str, reason: str
) -> None:
    """Cox regressions, one of the links, and a classification that does not say which label it is about."""
    with pytest.raises(ModelRefused, match=reason):
        read_pmml(general(kind, function, target))
