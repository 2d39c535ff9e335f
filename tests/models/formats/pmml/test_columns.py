"""PMML on columns of any type: texts, categories, booleans, what is missing; labels and named outputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelserving.errors import ModelFormatError, ModelInputError
from modelserving.models.formats.pmml.model import PmmlModel
from modelserving.models.model import NO_PARAMETERS, Scores
from modelserving.records import Column, ColumnType
from tests.models.samples import field, pmml

DICTIONARY = (
    field("age")
    + field("children", "integer")
    + '<DataField name="job" optype="categorical" dataType="string"><Value value="smith"/><Value value="baker"/>'
    '</DataField><DataField name="cylinders" optype="categorical" dataType="integer"><Value value="4"/>'
    '<Value value="8"/></DataField><DataField name="member" optype="categorical" dataType="boolean"/>'
    '<DataField name="risk" optype="categorical" dataType="string"><Value value="high"/><Value value="low"/>'
    "</DataField>"
)


def regression(inputs: str, terms: str) -> bytes:
    return pmml(
        DICTIONARY,
        f'<RegressionModel functionName="regression"><MiningSchema><MiningField name="y" usageType="target"/>{inputs}'
        f'</MiningSchema><RegressionTable intercept="10">{terms}</RegressionTable></RegressionModel>',
    ).replace(b"<DataDictionary>", b'<DataDictionary><DataField name="y" optype="continuous" dataType="double"/>')


def one_of(name: str, *values: str) -> str:
    return "".join(
        f'<CategoricalPredictor name="{name}" value="{value}" coefficient="{number}"/>'
        for number, value in enumerate(values, start=1)
    )


def score(data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS, *, columns: Mapping[str, Any]) -> Scores:
    model = PmmlModel(data, parameters)
    try:
        return model.score(pa.RecordBatch.from_pydict(columns))
    finally:
        model.close()


LOGISTIC = pmml(
    DICTIONARY,
    '<RegressionModel functionName="classification" normalizationMethod="softmax"><MiningSchema>'
    '<MiningField name="risk" usageType="target"/><MiningField name="age" missingValueReplacement="20"/>'
    '<MiningField name="job" invalidValueTreatment="asIs"/></MiningSchema>'
    '<Output><OutputField name="Predicted_risk" feature="predictedValue"/>'
    '<OutputField name="P_high" feature="probability" value="high"/>'
    '<OutputField name="P_low" feature="probability" value="low"/></Output>'
    '<RegressionTable intercept="-3" targetCategory="high"><NumericPredictor name="age" coefficient="0.1"/>'
    '<CategoricalPredictor name="job" value="smith" coefficient="1.5"/></RegressionTable>'
    '<RegressionTable intercept="0" targetCategory="low"/></RegressionModel>',
)


@pytest.mark.parametrize(
    ("name", "values", "cells", "expected"),
    [
        ("job", ("smith", "baker"), ["baker", "smith", None], [12.0, 11.0, 10.0]),
        ("cylinders", ("4", "8"), ["8", "4"], [12.0, 11.0]),
        ("cylinders", ("4", "8"), [8, 4], [12.0, 11.0]),
        ("member", ("true", "false"), [False, True, None], [12.0, 11.0, 10.0]),
        ("member", ("true", "false"), ["false", "true", None], [12.0, 11.0, 10.0]),
    ],
)
def test_categories_are_what_is_written(
    name: str, values: tuple[str, ...], cells: list[Any], expected: list[float]
) -> None:
    """Texts, numbers and booleans alike; a missing one counts for nothing, and is not taken for false."""
    scores = score(regression(f'<MiningField name="{name}"/>', one_of(name, *values)), columns={name: cells})
    assert scores.values.tolist() == expected


def test_labels_and_probabilities_have_the_documents_names() -> None:
    """The label is a text, its probabilities are outputs by the document's names, and a missing age is replaced."""
    scores = score(LOGISTIC, {"outputs": "*"}, columns={"age": [40.0, None, 10.0], "job": ["smith", "baker", "tailor"]})
    assert scores.labels is not None
    assert scores.labels.tolist() == ["high", "low", "low"]
    assert np.isnan(scores.values).all()
    assert list(scores.outputs) == ["Predicted_risk", "P_high", "P_low"]
    high = [1 / (1 + np.exp(-margin)) for margin in (2.5, -1.0, -2.0)]
    assert scores.outputs["P_high"] == pytest.approx(high)
    assert scores.outputs["P_low"] == pytest.approx([1 - p for p in high])
    assert scores.outputs["Predicted_risk"].tolist() == ["high", "low", "low"]


def test_an_output_can_be_chosen_as_the_answer() -> None:
    """By its name; one that is not there is refused with those that are."""
    scores = score(LOGISTIC, {"output": "P_low"}, columns={"age": [30.0], "job": ["baker"]})
    assert (scores.values.tolist(), scores.labels) == (pytest.approx([0.5]), None)
    with pytest.raises(ModelFormatError, match=r"no output 'P'.*It has: Predicted_risk, P_high, P_low"):
        PmmlModel(LOGISTIC, {"output": "P"})


def test_inputs_have_names_and_types() -> None:
    """A category is a text, whatever it looks like; columns that do not fit are refused by name and type."""
    model = PmmlModel(LOGISTIC)
    assert model.columns == (Column("age"), Column("job", ColumnType.STRING))
    with pytest.raises(ModelInputError, match=r"wants 'job', which the records do not have\. They have: age"):
        model.score(pa.RecordBatch.from_pydict({"age": [1.0]}))
    with pytest.raises(ModelInputError, match="'age' is string, and it takes double; 'job' is double, and it takes"):
        model.score(pa.RecordBatch.from_pydict({"age": ["x"], "job": [1.0]}))
    model.close()


def test_a_bad_cell_costs_only_its_record() -> None:
    """A fraction for a whole number, and an infinite one; what may not be missing says so."""
    data = regression('<MiningField name="children"/>', '<NumericPredictor name="children" coefficient="1"/>')
    scores = score(data, columns={"children": [1.0, 1.5, float("inf"), 2.0]})
    assert list(scores.problems) == [1, 2]
    assert scores.values[[0, 3]].tolist() == [11.0, 12.0]
    model = PmmlModel(data)
    schema = pa.schema([pa.field("children", pa.float64(), nullable=False)])
    scores = model.score(pa.RecordBatch.from_arrays([pa.array([1.0, float("nan")])], schema=schema))
    assert scores.problems == {1: "children is missing, and may not be"}
    model.close()


def test_a_field_that_is_a_date_is_refused() -> None:
    """Records have no dates, and the message says what to do."""
    dictionary = DICTIONARY.replace('name="age" optype="continuous" dataType="double"', 'name="age" dataType="date"')
    data = regression('<MiningField name="age"/>', "").decode().replace(DICTIONARY, dictionary).encode()
    with pytest.raises(ModelFormatError, match="reads 'age', which is a date"):
        PmmlModel(data)
