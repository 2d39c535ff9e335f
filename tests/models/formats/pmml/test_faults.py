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
IS_A = '<SimplePredicate field="c" operator="equal" value="a"/>'


def schema(target: str, *inputs: str) -> str:
    fields = "".join(f'<MiningField name="{name}"/>' for name in inputs)
    return f'<MiningSchema><MiningField name="{target}" usageType="target"/>{fields}</MiningSchema>'


def score(data: bytes, parameters: Mapping[str, str] | None = None, **columns: Any) -> Scores:
    model = PmmlModel(data, parameters or {})
    try:
        return model.score(pa.RecordBatch.from_pydict(columns))
    finally:
        model.close()


def field_of(name: str) -> str:
    return f'<FieldRef field="{name}"/>'


TWENTY = '<Constant dataType="double">20</Constant>'
IF_LOW = f'<Apply function="lessThan">{field_of("x")}<Constant dataType="double">1</Constant></Apply>'
CHOICES: dict[str, Any] = {"x": [0.5, 0.5, 2.0, None], "w": [5.0, None, None, 5.0], "z": [30.0] * 4}


def expressed(expression: str) -> bytes:
    """A model whose answer is a derived number."""
    return pmml(
        FIELDS + field("w") + field("z"),
        f'<RegressionModel functionName="regression">{schema("y", "x", "w", "z")}<LocalTransformations><DerivedField '
        f'name="d" optype="continuous" dataType="double">{expression}</DerivedField></LocalTransformations>'
        '<RegressionTable intercept="0"><NumericPredictor name="d" coefficient="1"/></RegressionTable>'
        "</RegressionModel>",
    )


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


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('<Apply function="if" defaultValue="7">{asked}{y}{twenty}</Apply>', [5.0, 7.0, 20.0, np.nan]),
        ('<Apply function="if" mapMissingTo="8">{asked}{y}{twenty}</Apply>', [5.0, 8.0, 20.0, np.nan]),
        ('<Apply function="if" defaultValue="7">{asked}{y}</Apply>', [5.0, 7.0, 7.0, np.nan]),
        (
            '<Apply function="if"><Apply function="lessThan" defaultValue="true">{x}{twenty}</Apply>{y}{x}</Apply>',
            [5.0, np.nan, np.nan, 5.0],
        ),
        ('<Apply function="sum"><Apply function="if">{asked}{y}</Apply>{twenty}</Apply>', [25.0, 20.0, 20.0, 20.0]),
        (
            '<Apply function="max"><Apply function="if">{asked}{y}{twenty}</Apply>{twenty}</Apply>',
            [20.0, 20.0, 20.0, 20.0],
        ),
        (
            '<Apply function="min"><Apply function="if">{asked}{y}{twenty}</Apply><FieldRef field="z"/></Apply>',
            [5.0, 30.0, 20.0, 30.0],
        ),
    ],
)
def test_what_stands_in_for_a_missing_value_stands_in_for_no_condition(expression: str, expected: list[float]) -> None:
    """The branch that is taken counts, not the other one; what a condition cannot know, no branch answers."""
    values = score(
        expressed(expression.format(asked=IF_LOW, x=field_of("x"), y=field_of("w"), twenty=TWENTY)), **CHOICES
    ).values
    assert values.tolist() == pytest.approx(expected, nan_ok=True)


def test_replacements_that_engines_understand_differently_are_refused() -> None:
    """One in another one, and those of what is yes or no by yes and no."""
    inner = f'<Apply function="if" defaultValue="1">{IF_LOW}{field_of("w")}</Apply>'
    with pytest.raises(ModelRefused, match="of the function if around that of another one"):
        read_pmml(expressed(f'<Apply function="if" mapMissingTo="1">{IF_LOW}{inner}{TWENTY}</Apply>'))
    both = f'<Apply function="and" defaultValue="true">{IF_LOW}{IF_LOW}</Apply>'
    with pytest.raises(ModelRefused, match="a defaultValue of the function and"):
        read_pmml(expressed(f'<Apply function="if">{both}{TWENTY}{TWENTY}</Apply>'))


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


def test_a_regression_without_a_reference_is_refused() -> None:
    """The engine would take the last label for it, and leave out its coefficients."""
    cells = "".join(f'<PCell targetCategory="{label}" parameterName="p0" beta="1"/>' for label in ("no", "yes"))
    with pytest.raises(ModelRefused, match="targetReferenceCategory"):
        read_pmml(
            pmml(
                FIELDS,
                f'<GeneralRegressionModel modelType="multinomialLogistic" functionName="classification">'
                f'{schema("k", "x")}<ParameterList><Parameter name="p0"/></ParameterList><ParamMatrix>{cells}'
                "</ParamMatrix></GeneralRegressionModel>",
            )
        )


def compared(condition: str) -> bytes:
    """A model whose answer is 1 where a condition on ``x`` holds, and 2 where it does not."""
    chosen = f'<Apply function="if">{condition}<Constant>1.0</Constant><Constant>2.0</Constant></Apply>'
    return pmml(
        FIELDS,
        f'<RegressionModel functionName="regression">{schema("y", "x")}<LocalTransformations><DerivedField name="d" '
        f'optype="continuous" dataType="double">{chosen}</DerivedField></LocalTransformations>'
        '<RegressionTable intercept="0"><NumericPredictor name="d" coefficient="1"/></RegressionTable>'
        "</RegressionModel>",
    )


LESS = '<Apply function="lessThan"><FieldRef field="x"/><Constant dataType="double">1</Constant></Apply>'
MISSING = '<Apply function="isMissing"><FieldRef field="x"/></Apply>'


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (LESS, [1.0, 2.0, np.nan]),
        (f'<Apply function="not">{LESS}</Apply>', [2.0, 1.0, np.nan]),
        (f'<Apply function="if">{MISSING}{MISSING}{LESS}</Apply>', [1.0, 2.0, 1.0]),
        ('<Apply function="isIn"><FieldRef field="x"/><Constant>0.0</Constant></Apply>', [1.0, 2.0, 2.0]),
        ('<Apply function="isNotIn"><FieldRef field="x"/><Constant>0.0</Constant></Apply>', [2.0, 1.0, 1.0]),
    ],
    ids=["less", "not less", "asked before", "in", "not in"],
)
def test_what_is_missing_is_neither_less_nor_not(condition: str, expected: list[float]) -> None:
    """The engine alone takes an unknown comparison for false; where the document asks first, its answer counts."""
    assert score(compared(condition), x=[0.0, 3.0, None]).values.tolist() == pytest.approx(expected, nan_ok=True)


def grown(strategy: str, second: str) -> bytes:
    """A tree whose second branch asks another field than its first one."""
    return pmml(
        FIELDS + field("z"),
        f'<TreeModel functionName="regression" missingValueStrategy="{strategy}">{schema("y", "x", "z")}'
        '<Node score="9"><True/><Node score="1"><SimplePredicate field="x" operator="lessThan" value="1"/></Node>'
        f'<Node score="2"><SimplePredicate field="{second}" operator="greaterOrEqual" value="1"/></Node></Node>'
        "</TreeModel>",
    )


def test_an_unknown_branch_is_not_passed_by() -> None:
    """The engine alone goes on to the next branch, which another field decides, or none: here the last answer stays."""
    assert score(grown("lastPrediction", "x"), x=[None, 0.0], z=[5.0, 5.0]).values.tolist() == [9.0, 1.0]
    assert score(grown("lastPrediction", "z"), x=[None, 0.0], z=[5.0, 5.0]).values.tolist() == [9.0, 1.0]
    assert score(grown("lastPrediction", "z"), x=[2.0, 2.0], z=[5.0, None]).values.tolist() == [2.0, 9.0]
    second = b'<SimplePredicate field="z" operator="greaterOrEqual" value="1" />'
    always = grown("lastPrediction", "z").replace(second.replace(b" />", b"/>"), b"<True/>")
    assert score(always, x=[None, 2.0], z=[5.0, 5.0]).values.tolist() == [9.0, 2.0]
    nothing = score(grown("nullPrediction", "z"), x=[None, 0.0, 0.0, 2.0], z=[5.0, 5.0, None, None])
    assert list(nothing.problems) == [0, 3]  # the first branch that is unknown ends it, not one that is never reached
    assert nothing.values[1:3].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("kind", ["", 'dataType="integer"', 'dataType="double"', 'dataType="string"'])
@pytest.mark.parametrize("field_kind", ["double", "float", "integer"])
def test_a_number_is_equal_to_a_constant_of_any_type(kind: str, field_kind: str) -> None:
    """The engine alone takes 1 and 1.0 for different numbers."""
    for function, expected in (("equal", [1.0, 2.0]), ("notEqual", [2.0, 1.0]), ("isIn", [1.0, 2.0])):
        condition = f'<Apply function="{function}"><FieldRef field="x"/><Constant {kind}>1</Constant></Apply>'
        typed = field("x").replace("double", field_kind).encode()
        assert score(compared(condition).replace(field("x").encode(), typed), x=[1.0, 2.0]).values.tolist() == expected


def with_whole_number(condition: str, optype: str = "continuous") -> bytes:
    """The same with a text ``c`` and a whole number ``n``."""
    whole = f'<DataField name="n" optype="{optype}" dataType="integer"/>'
    document = compared(condition).replace(schema("y", "x").encode(), schema("y", "c", "n").encode())
    return document.replace(FIELDS.encode(), (FIELDS + whole).encode())


LENGTH = '<Apply function="stringLength"><FieldRef field="c"/></Apply>'
WHOLE, N = '<Constant dataType="integer">1</Constant>', '<FieldRef field="n"/>'


@pytest.mark.parametrize(
    "left",
    [
        LENGTH,
        f'<Apply function="if"><Apply function="isMissing"><FieldRef field="c"/></Apply>{WHOLE}{LENGTH}</Apply>',
        f'<Apply function="if"><Apply function="isMissing"><FieldRef field="n"/></Apply>{WHOLE}{N}</Apply>',
    ],
    ids=["length", "length of a branch", "field of a branch"],
)
@pytest.mark.parametrize("right", [WHOLE, N, "<Constant>1.0</Constant>"])
def test_a_whole_number_that_is_computed_is_equal_to_another(left: str, right: str) -> None:
    """Those of fields are doubles to the engine, those of functions and constants are not; all are numbers."""
    document = with_whole_number(f'<Apply function="equal">{left}{right}</Apply>')
    assert score(document, c=["a"], n=[1.0]).values.tolist() == [1.0]


@pytest.mark.parametrize("kind", ["", 'dataType="integer"', 'dataType="double"', 'dataType="string"'])
@pytest.mark.parametrize("optype", ["continuous", "categorical"])
def test_a_number_that_a_function_is_given_is_equal_to_its_constant(kind: str, optype: str) -> None:
    """What is handed over stays what it is, whatever the parameter is said to be."""
    defined = (
        '<TransformationDictionary><DefineFunction name="one" optype="categorical" dataType="boolean">'
        f'<ParameterField name="p" {kind}/><Apply function="equal"><FieldRef field="p"/>{WHOLE}</Apply>'
        "</DefineFunction></TransformationDictionary>"
    )
    document = with_whole_number('<Apply function="one"><FieldRef field="n"/></Apply>', optype)
    document = document.replace(b"<RegressionModel", defined.encode() + b"<RegressionModel", 1)
    whole = [1.0, 2.0] if optype == "continuous" else ["1", "2"]
    assert score(document, c=["a", "a"], n=whole).values.tolist() == [1.0, 2.0]


def test_a_number_and_a_text_are_not_compared() -> None:
    """Of one type the engine says something; of two it always says no."""
    for other in ('<FieldRef field="c"/>', "<Constant>one</Constant>"):
        with pytest.raises(ModelRefused, match="Let it compare values of one type"):
            read_pmml(compared(f'<Apply function="equal"><FieldRef field="x"/>{other}</Apply>'))


@pytest.mark.parametrize(
    ("optype", "expected"), [("continuous", [1.0, 2.0, 9.0]), ("categorical", [1.0, 2.0, 9.0]), ("ordinal", [1.0, 2.0])]
)
def test_a_whole_number_that_is_missing_is_missing(optype: str, expected: list[float]) -> None:
    """The engine alone takes it for the smallest number that there is; where it has to, the record is a problem."""
    whole = f'<DataField name="n" optype="{optype}" dataType="integer"/>'
    nodes = "".join(
        f'<Node score="{answer}"><SimplePredicate field="n" operator="{operator}" value="1"/></Node>'
        for answer, operator in ((1, "equal"), (2, "notEqual"))
    )
    data = pmml(
        FIELDS + whole,
        f'<TreeModel functionName="regression" noTrueChildStrategy="returnLastPrediction">{schema("y", "n")}'
        f'<Node score="9"><True/>{nodes}</Node></TreeModel>',
    )
    scores = score(data, n=[1, 2, None] if optype != "categorical" else ["1", "2", None])
    assert scores.values[: len(expected)].tolist() == expected
    assert list(scores.problems) == list(range(len(expected), 3))


def test_a_sum_with_a_whole_number_that_is_missing_has_no_answer() -> None:
    """Nor has one with a number that the engine would round."""
    data = pmml(
        FIELDS + '<DataField name="n" optype="continuous" dataType="integer"/>',
        f'<RegressionModel functionName="regression">{schema("y", "n")}<RegressionTable intercept="1">'
        '<NumericPredictor name="n" coefficient="2"/></RegressionTable></RegressionModel>',
    )
    scores = score(data, n=pa.array([3, None, 2**53 + 1]))
    assert list(scores.problems) == [1, 2]
    assert scores.problems[1].endswith("; the record has no n")
    assert scores.values[0] == 7.0


PARTS = "".join(f'<SimplePredicate field="{name}" operator="greaterThan" value="1"/>' for name in "xz")


def branching(strategy: str, predicate: str) -> bytes:
    """A tree whose answer is 1 where a predicate is true, 2 where it is false, and else what the strategy says."""
    return pmml(
        FIELDS + field("z"),
        f'<TreeModel functionName="regression" missingValueStrategy="{strategy}">{schema("y", "x", "z", "c")}'
        f'<Node score="9"><True/><Node score="1">{predicate}</Node><Node score="2"><True/></Node></Node></TreeModel>',
    )


def compound(operator: str, inside: str) -> str:
    return f'<CompoundPredicate booleanOperator="{operator}">{inside}</CompoundPredicate>'


@pytest.mark.parametrize("strategy", ["lastPrediction", "nullPrediction"])
@pytest.mark.parametrize(
    ("predicate", "x", "z", "c", "expected"),
    [
        (compound("and", PARTS), None, 0.0, None, 2),
        (compound("and", PARTS), None, 5.0, None, 9),
        (compound("or", PARTS), None, 5.0, None, 1),
        (compound("or", PARTS), None, 0.0, None, 9),
        (compound("surrogate", PARTS), None, 5.0, None, 1),
        (compound("surrogate", PARTS), None, None, None, 9),
        (compound("and", compound("or", PARTS) + IS_A), None, 5.0, "a", 1),
        (compound("and", compound("or", PARTS) + IS_A), None, 0.0, "b", 2),
        (compound("and", compound("or", PARTS) + IS_A), None, 0.0, "a", 9),
        (compound("or", compound("surrogate", PARTS) + IS_A), None, 0.0, "b", 2),
        (compound("or", compound("surrogate", PARTS) + IS_A), None, None, "b", 9),
    ],
)
def test_a_branch_of_several_fields_may_be_known_without_one(
    strategy: str, predicate: str, x: Any, z: Any, c: Any, expected: float
) -> None:
    """An "and" is false if one of its parts is, an "or" is true; what is left open gives the last answer, or none."""
    columns = {"x": pa.array([x], pa.float64()), "z": pa.array([z], pa.float64()), "c": pa.array([c], pa.string())}
    scores = score(branching(strategy, predicate), **columns)
    if expected == 9 and strategy == "nullPrediction":
        assert list(scores.problems) == [0]
    else:
        assert scores.values.tolist() == [expected]


def test_a_node_without_counts_answers_its_label() -> None:
    """Where the last prediction is that of a node that has a score and no distribution, as JPMML does."""
    share = "".join(f'<ScoreDistribution value="{label}" recordCount="2"/>' for label in ("no", "yes"))
    data = pmml(
        FIELDS + field("z"),
        f'<TreeModel functionName="classification" missingValueStrategy="lastPrediction">{schema("k", "x", "z")}'
        f'<Node score="no"><True/><Node score="yes"><SimplePredicate field="x" operator="lessThan" value="1"/>{share}'
        f'</Node><Node score="yes"><SimplePredicate field="z" operator="lessThan" value="1"/>{share}</Node></Node>'
        "</TreeModel>",
    )
    labels = score(data, x=[None, 0.0], z=[0.0, None]).labels
    assert labels is not None
    assert labels.tolist() == ["no", "yes"]


def test_of_two_labels_the_second_is_what_the_first_is_not() -> None:
    """As in JPMML: the engine alone asks the second table of a logistic regression, too."""
    tables = "".join(
        f'<RegressionTable intercept="{intercept}" targetCategory="{label}"/>'
        for label, intercept in (("no", 1), ("yes", 2))
    )
    data = pmml(
        FIELDS,
        f'<RegressionModel functionName="classification" normalizationMethod="logit">{schema("k", "x")}{tables}'
        "</RegressionModel>",
    )
    scores = score(data, {"outputs": "*"}, x=[0.0])
    assert scores.labels is not None
    assert scores.labels.tolist() == ["no"]
    assert scores.outputs["probability_no"].tolist() == pytest.approx([1 / (1 + np.exp(-1))])


@pytest.mark.parametrize("link", ["probit", "cloglog", "loglog", "cauchit", "exp"])
def test_a_link_for_more_than_two_labels_is_refused(link: str) -> None:
    """JPMML answers none, and the engine would say that an input lies outside; the model says what is wrong, once."""
    tables = "".join(f'<RegressionTable intercept="{n}" targetCategory="{n}"/>' for n in "012")
    body = f'<RegressionModel functionName="classification" normalizationMethod="{link}">{schema("k", "x")}{tables}'
    with pytest.raises(ModelRefused, match=f"3 labels with normalizationMethod {link}"):
        read_pmml(pmml(FIELDS, f"{body}</RegressionModel>"))


def test_each_of_three_labels_against_all_others() -> None:
    """The engine alone has no answer to logit for more than two: each label's own share, divided by their sum."""
    tables = "".join(f'<RegressionTable intercept="{n}" targetCategory="l{n}"/>' for n in range(3))
    three = LABELS.replace('"k"', '"t"').replace("<Value", '<Value value="l0"/><Value value="l1"/><Value', 1)
    body = f'<RegressionModel functionName="classification" normalizationMethod="logit">{schema("t", "x")}{tables}'
    data = pmml(FIELDS + three.replace('"no"', '"l2"'), f"{body}</RegressionModel>")
    scores = score(data, {"outputs": "*"}, x=[0.0])
    assert scores.labels is not None
    assert scores.labels.tolist() == ["l2"]
    shares = 1 / (1 + np.exp(-np.arange(3)))
    assert [scores.outputs[f"probability_l{n}"][0] for n in range(3)] == pytest.approx(shares / shares.sum())


def test_a_label_that_no_one_has_seen_is_one_of_its_own() -> None:
    """Where a field takes what is invalid as it is, an unseen category differs from those that are listed."""
    mining = '<MiningSchema><MiningField name="y" usageType="target"/><MiningField name="c" {}/></MiningSchema>'
    data = pmml(
        FIELDS,
        '<TreeModel functionName="regression"><Node score="9"><True/><Node score="1"><SimplePredicate field="c" '
        'operator="notEqual" value="a"/></Node></Node></TreeModel>',
    ).decode()
    asis = data.replace("<Node", mining.format('invalidValueTreatment="asIs"') + "<Node", 1)
    assert score(asis.encode(), c=["b", "never seen", "a"]).values[:2].tolist() == [1.0, 1.0]


def test_what_the_outermost_model_refuses_no_segment_sees() -> None:
    """R's forests refuse an unseen category, and take it as it is in their trees, which are never asked then."""
    outer, inner = ' invalidValueTreatment="returnInvalid"', ' invalidValueTreatment="asIs"'
    mining = '<MiningSchema><MiningField name="k" usageType="target"/><MiningField name="c"{}/></MiningSchema>'
    data = pmml(
        FIELDS,
        f'<MiningModel functionName="classification">{mining.format(outer)}<Segmentation '
        'multipleModelMethod="majorityVote"><Segment><True/><TreeModel functionName="classification" '
        f'noTrueChildStrategy="returnLastPrediction">{mining.format(inner)}<Node score="no"><True/>'
        f'<Node score="yes">{IS_A}</Node></Node></TreeModel></Segment></Segmentation></MiningModel>',
    )
    assert list(score(data, c=["a", "never seen"]).problems) == [1]


def voting(method: str, *segments: tuple[str, str, str], output: str = "") -> bytes:
    """An ensemble of trees with one branch each: its weight, its label, and what it asks."""
    mining = schema("k", "c", "x").replace('"c"/>', '"c" invalidValueTreatment="asIs"/>')
    trees = "".join(
        f'<Segment weight="{weight}"><True/><TreeModel functionName="classification">{mining}<Node><True/>'
        f'<Node score="{label}">{asked}</Node></Node></TreeModel></Segment>'
        for weight, label, asked in segments
    )
    return pmml(
        FIELDS,
        f'<MiningModel functionName="classification">{mining}{output}<Segmentation multipleModelMethod="{method}">'
        f"{trees}</Segmentation></MiningModel>",
    )


IS_B = IS_A.replace('"a"', '"b"')
HIGH, LOW = (
    f'<SimplePredicate field="x" operator="{operator}" value="1"/>' for operator in ("greaterThan", "lessThan")
)


def test_trees_that_have_no_answer_vote_for_none() -> None:
    """No answer is given if most trees have none; else each label has its share of the votes that were cast."""
    shares = "".join(
        f'<OutputField name="P_{label}" optype="continuous" dataType="double" feature="probability" value="{label}"/>'
        for label in ("no", "yes")
    )
    votes = (("1", "no", IS_A), ("1", "yes", IS_B), *[("1", "no", HIGH)] * 3, ("1", "yes", LOW))
    data = voting("majorityVote", *votes, output=f"<Output>{shares}</Output>")
    scores = score(data, {"outputs": "*"}, c=["a", "never seen", "b", "b"], x=[5.0, None, 5.0, None])
    assert list(scores.problems) == [1, 3]
    assert "no answer" in scores.problems[1]
    assert scores.labels is not None
    assert scores.labels[[0, 2]].tolist() == ["no", "no"]
    assert scores.outputs["P_no"][[0, 2]].tolist() == pytest.approx([1, 3 / 4])
    assert scores.outputs["P_yes"][[0, 2]].tolist() == pytest.approx([0, 1 / 4])


@pytest.mark.parametrize(
    ("kind", "no", "yes"), [("integer", "0", "1"), ("double", "0", "1"), ("boolean", "false", "true")]
)
def test_a_vote_for_none_is_no_label_that_is_a_number(kind: str, no: str, yes: str) -> None:
    """The engine reads labels by their type, and none as 0: there, what trees need may not be missing."""
    labels = LABELS.replace("string", kind).replace('"no"', f'"{no}"').replace('"yes"', f'"{yes}"')
    data = voting("majorityVote", ("1", no, LOW), ("1", yes, HIGH), ("1", yes, HIGH)).decode().replace(LABELS, labels)
    scores = score(data.encode(), c=["a"] * 2, x=[5.0, None])
    assert [*scores.problems] == [1]
    assert scores.labels is not None
    assert str(scores.labels[0]).lower() in {"1", "1.0", "true"}


def test_one_declared_probability_stays_where_each_tree_votes() -> None:
    """A share of the votes that were cast needs all labels only where a tree may cast none."""
    share = '<OutputField name="P_yes" optype="continuous" dataType="double" feature="probability" value="yes"/>'
    data = voting("majorityVote", *[("1", "yes", HIGH)] * 3, output=f"<Output>{share}</Output>").decode()
    data = data.replace("<TreeModel ", '<TreeModel noTrueChildStrategy="returnLastPrediction" ')
    data = data.replace("<Node><True/>", '<Node score="no"><True/>')
    assert score(data.encode(), {"outputs": "P_yes"}, c=["a"] * 2, x=[5.0, 0.0]).outputs["P_yes"].tolist() == [1.0, 0.0]


def test_what_is_invalid_among_fractions_is_missing_where_the_document_says_so() -> None:
    """Else a text in such a category is a problem."""
    values = '<Value value="0.0"/><Value value="1.0"/>'
    field = f'<DataField name="f" optype="categorical" dataType="double">{values}</DataField>'
    mining = (
        '<MiningSchema><MiningField name="y" usageType="target"/>'
        '<MiningField name="f" missingValueReplacement="1.0"{}/></MiningSchema>'
    )
    tree = (
        '<TreeModel functionName="regression" noTrueChildStrategy="returnLastPrediction">{}<Node score="9"><True/>'
        '<Node score="1"><SimplePredicate field="f" operator="equal" value="1.0"/></Node></Node></TreeModel>'
    )
    for treatment, problems in ((' invalidValueTreatment="asMissing"', []), ("", [1])):
        data = pmml(FIELDS + field, tree.format(mining.format(treatment)))
        scores = score(data, f=["1.0", "oops", "0.0"])
        assert [*scores.problems] == problems
        assert scores.values[[0, 2]].tolist() == [1.0, 9.0]


def test_of_labels_with_equally_heavy_votes_the_first_wins() -> None:
    """However much each of its votes weighs."""
    votes = (("0.5", "yes", HIGH), ("1", "no", HIGH), ("0.5", "no", HIGH), ("1", "yes", HIGH))
    labels = score(voting("weightedMajorityVote", *votes), c=["a"], x=[5.0]).labels
    assert labels is not None
    assert labels.tolist() == ["yes"]


def test_a_text_among_categories_that_are_numbers_is_a_problem() -> None:
    """Spark's naive Bayes has fractions for categories; the engine would take a text as missing, and answer."""
    values = '<Value value="0.0"/><Value value="1.0"/>'
    fraction = f'<DataField name="f" optype="categorical" dataType="double">{values}</DataField>'
    data = pmml(
        FIELDS + fraction,
        f'<TreeModel functionName="regression" noTrueChildStrategy="returnLastPrediction">{schema("y", "f")}'
        '<Node score="9"><True/><Node score="1"><SimplePredicate field="f" operator="equal" value="1.0"/></Node></Node>'
        "</TreeModel>",
    )
    scores = score(data, f=["1", "never seen", "0.0", "2.0"])
    assert list(scores.problems) == [1, 3]
    assert "'never seen'" in scores.problems[1]
    assert scores.values[[0, 2]].tolist() == [1.0, 9.0]


def test_a_target_that_is_taken_as_it_is_keeps_its_labels() -> None:
    """KNIME marks every field so, its target too: without its labels, the last one would never be the answer."""
    cells = "".join(
        f'<PCell targetCategory="no" parameterName="p{index}" beta="{beta}"/>' for index, beta in enumerate((1, -1))
    )
    data = pmml(
        FIELDS,
        '<GeneralRegressionModel modelType="multinomialLogistic" functionName="classification">'
        + schema("k", "x").replace("/>", ' invalidValueTreatment="asIs"/>')
        + '<ParameterList><Parameter name="p0"/><Parameter name="p1"/></ParameterList><FactorList/><CovariateList>'
        '<Predictor name="x"/></CovariateList><PPMatrix><PPCell value="1" predictorName="x" parameterName="p1"/>'
        f"</PPMatrix><ParamMatrix>{cells}</ParamMatrix></GeneralRegressionModel>",
    )
    labels = score(data, x=[0.0, 5.0]).labels
    assert labels is not None
    assert labels.tolist() == ["no", "yes"]


def test_a_document_may_say_where_its_schema_is() -> None:
    """R writes that in each, in a namespace that it declares; declared twice, no engine would read it."""
    data = branching("none", IS_A).replace(
        b"<PMML ",
        b'<PMML xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
        b'xsi:schemaLocation="http://www.dmg.org/PMML-4_1 http://www.dmg.org/v4-1/pmml-4-1.xsd" ',
        1,
    )
    assert score(data, x=[1.0], z=[1.0], c=["a"]).values.tolist() == [1.0]


def test_a_column_that_no_one_reads_may_hold_anything() -> None:
    """An unseen category costs a record its answer only where the model asks for it; the engine looks at all fields."""
    body = '<RegressionTable intercept="1"><NumericPredictor name="x" coefficient="2"/>{}</RegressionTable>'
    model = f'<RegressionModel functionName="regression">{schema("y", "x", "c")}{body}</RegressionModel>'
    seen = '<CategoricalPredictor name="c" value="a" coefficient="5"/>'
    columns: dict[str, Any] = {"x": [1.0, 1.0, 1.0], "c": ["a", "never seen", None]}
    assert score(pmml(FIELDS, model.format("")), **columns).values.tolist() == [3.0, 3.0, 3.0]
    assert list(score(pmml(FIELDS, model.format(seen)), **columns).problems) == [1]


def test_quotes_inside_of_a_set_are_read() -> None:
    """A category may have quotes and spaces; the engine alone misreads such a set."""
    values = "".join(f'<Value value="{value}"/>' for value in ("say &quot;hi&quot;", "New York", "b"))
    cities = f'<DataField name="city" optype="categorical" dataType="string">{values}</DataField>'
    data = pmml(
        FIELDS + cities,
        f'<TreeModel functionName="regression" noTrueChildStrategy="returnLastPrediction">{schema("y", "city")}'
        '<Node score="9"><True/><Node score="1"><SimpleSetPredicate field="city" booleanOperator="isIn">'
        '<Array type="string" n="2">"say \\"hi\\"" "New York"</Array></SimpleSetPredicate></Node></Node></TreeModel>',
    )
    assert score(data, city=['say "hi"', "New York", "b"]).values.tolist() == [1.0, 1.0, 9.0]


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (
            (
                '<RuleSetModel functionName="classification"><RuleSet><RuleSelectionMethod criterion="weightedMax"/>'
                '<SimpleRule score="a" weight="2"><True/></SimpleRule></RuleSet></RuleSetModel>'
            ),
            "Max",
        ),
        ('<NeuralNetwork functionName="regression" activationFunction="radialBasis"/>', "radial basis"),
        ('<MiningModel functionName="regression"><Segmentation multipleModelMethod="selectAll"/></MiningModel>', "all"),
        (
            compared(
                '<Apply function="equal"><Apply function="/"><Constant>7</Constant><Constant>2</Constant></Apply>'
                "<Constant>3</Constant></Apply>"
            ).decode(),
            "divides whole numbers",
        ),
        (
            '<TreeModel functionName="regression"><SimplePredicate field="c" operator="lessThan"/></TreeModel>',
            "has no order",
        ),
    ],
    ids=["weighted rules", "radial basis", "all answers", "whole numbers", "order of texts"],
)
def test_what_engines_read_differently_is_refused(model: str, reason: str) -> None:
    """With the reason: no answer is better than one that another engine would not give."""
    with pytest.raises(ModelRefused, match=reason):
        read_pmml(model.encode() if model.startswith("<?xml") else pmml(FIELDS, model))


def test_a_vector_machine_plays_for_labels_that_the_dictionary_does_not_list() -> None:
    """R's e1071 writes its target without values; the labels are those that its machines name."""
    pairs = (("r", "s", "-1"), ("r", "t", "-2"), ("s", "t", "-3"))
    machines = "".join(
        f'<SupportVectorMachine targetCategory="{one}" alternateTargetCategory="{other}"><SupportVectors>'
        f'<SupportVector vectorId="v"/></SupportVectors><Coefficients absoluteValue="{bias}"><Coefficient value="1"/>'
        "</Coefficients></SupportVectorMachine>"
        for one, other, bias in pairs
    )
    data = pmml(
        f'<DataField name="k" optype="categorical" dataType="string"/>{field("x")}',
        '<SupportVectorMachineModel functionName="classification" classificationMethod="OneAgainstOne">'
        f'{schema("k", "x")}<LinearKernelType/><VectorDictionary><VectorFields><FieldRef field="x"/></VectorFields>'
        '<VectorInstance id="v"><REAL-SparseArray n="1"><Indices>1</Indices><REAL-Entries>1</REAL-Entries>'
        f"</REAL-SparseArray></VectorInstance></VectorDictionary>{machines}</SupportVectorMachineModel>",
    )
    labels = score(data, x=[0.5, 2.5, 4.0]).labels
    assert labels is not None
    assert [str(label) for label in labels] == ["r", "s", "t"]


def test_a_regression_chooses_of_labels_that_the_dictionary_does_not_list() -> None:
    """Spark writes its target without values, and its document without a version."""
    data = pmml(
        f'<DataField name="k" optype="categorical" dataType="string"/>{field("x")}',
        f'<RegressionModel functionName="classification" normalizationMethod="logit">{schema("k", "x")}'
        '<RegressionTable intercept="-1" targetCategory="1"><NumericPredictor name="x" coefficient="1"/>'
        '</RegressionTable><RegressionTable intercept="-0.0" targetCategory="0"/></RegressionModel>',
        "4.2",
    )
    labels = score(data.replace(b' version="4.2"', b""), x=[0.0, 3.0]).labels
    assert labels is not None
    assert labels.tolist() == ["0", "1"]


def test_a_factor_is_missing_if_what_it_is_made_of_is() -> None:
    """A general regression takes no effect of a factor that is missing: the record's field may not be, then."""
    derived = (
        '<LocalTransformations><DerivedField name="high" optype="continuous" dataType="double"><Apply function="if">'
        '<Apply function="greaterThan"><FieldRef field="x"/><Constant dataType="integer">40</Constant></Apply>'
        '<Constant dataType="integer">1</Constant><Constant dataType="integer">0</Constant></Apply></DerivedField>'
        "</LocalTransformations>"
    )
    data = (
        general("generalizedLinear", "regression", "y").decode().replace("<ParameterList>", f"{derived}<ParameterList>")
    )
    data = data.replace('predictorName="x"', 'predictorName="high"').replace(
        'Predictor name="x"', 'Predictor name="high"'
    )
    assert list(score(data.encode(), x=[50.0, None], c=["a", "a"]).problems) == [1]
    largest = '<Apply function="max"><FieldRef field="x"/><Constant>0</Constant></Apply></DerivedField>'
    hinge = data[: data.index('<Apply function="if">')] + largest + data[data.index("</LocalTransformations>") :]
    assert not score(hinge.encode(), x=[50.0, None], c=["a", "a"]).problems


def boosted(field_of_last: str) -> bytes:
    """As JPMML's converters write what XGBoost and LightGBM boost for labels: a margin, and what it says of them."""
    return pmml(
        FIELDS,
        f'<MiningModel functionName="classification">{schema("k", "x")}<Segmentation multipleModelMethod="modelChain" '
        'missingPredictionTreatment="returnMissing"><Segment><True/><RegressionModel functionName="regression">'
        '<MiningSchema><MiningField name="x"/></MiningSchema><Output><OutputField name="margin" optype="continuous" '
        'dataType="double" isFinalResult="false"/></Output><RegressionTable intercept="-1"><NumericPredictor name="x" '
        'coefficient="1"/></RegressionTable></RegressionModel></Segment><Segment><True/><RegressionModel '
        'functionName="classification" normalizationMethod="logit"><MiningSchema><MiningField name="k" '
        f'usageType="target"/>{field_of_last}</MiningSchema><RegressionTable intercept="0" targetCategory="yes">'
        '<NumericPredictor name="margin" coefficient="1"/></RegressionTable><RegressionTable intercept="0" '
        'targetCategory="no"/></RegressionModel></Segment></Segmentation></MiningModel>',
    )


def test_a_chain_that_ends_in_a_regression_on_its_segments_has_no_answer_if_one_of_them_has_none() -> None:
    """That is what returnMissing asks for, so that such a chain is answered."""
    scores = score(boosted('<MiningField name="margin"/>'), x=[0.5, None, 2.0])
    assert scores.labels is not None
    assert [str(scores.labels[row]) for row in (0, 2)] == ["no", "yes"]
    assert set(scores.problems) == {1}


def test_an_output_made_of_the_answer_is_missing_where_the_engine_took_another_of_equally_likely_labels() -> None:
    """Spark declares the number of its label so: a wrong one beside the right label would be worse than none."""
    number = (
        '<Output><OutputField name="label" feature="predictedValue" isFinalResult="false"/><OutputField name="number" '
        'optype="continuous" dataType="double" feature="transformedValue"><MapValues outputColumn="out" '
        'dataType="double"><FieldColumnPair field="label" column="in"/><InlineTable><row><in>no</in><out>0</out></row>'
        "<row><in>yes</in><out>1</out></row></InlineTable></MapValues></OutputField></Output>"
    )
    shares = "".join(f'<OutputField name="{label}" feature="probability" value="{label}"/>' for label in ("no", "yes"))
    data = boosted('<MiningField name="margin"/>').replace(b"<Segmentation ", number.encode() + b"<Segmentation ", 1)
    start = data.index(b'<RegressionTable intercept="0"')
    data = data[:start] + f"<Output>{shares}</Output>".encode() + data[start:]
    scores = score(data, {"outputs": "number"}, x=[0.5, 1.0, 2.0])
    assert scores.labels is not None
    assert [str(label) for label in scores.labels] == ["no", "yes", "yes"]
    np.testing.assert_equal(scores.outputs["number"], [0.0, np.nan, 1.0])


def test_a_chain_that_goes_on_without_a_segment_is_refused_if_it_may_not() -> None:
    """Its last model replaces what is missing, where returnMissing wants no answer."""
    with pytest.raises(ModelRefused, match="missingPredictionTreatment for a modelChain"):
        read_pmml(boosted('<MiningField name="margin" missingValueReplacement="0"/>'))


def test_a_model_with_a_number_and_a_label_for_its_answer_is_refused_when_it_is_loaded() -> None:
    """The engine gives no answer to any record, and its reason would send one to look at the inputs."""
    fields = schema("k", "x").replace("</MiningSchema>", '<MiningField name="y" usageType="target"/></MiningSchema>')
    model = f'<NearestNeighborModel functionName="mixed" numberOfNeighbors="3">{fields}</NearestNeighborModel>'
    with pytest.raises(ModelRefused, match="a number and a label for its answer"):
        read_pmml(pmml(FIELDS, model))


def test_what_would_have_to_be_written_again_and_again_is_refused() -> None:
    """What is asked before each function of a list is written into the one around it: up to seven times as much."""

    def nested(depth: int) -> bytes:
        inner = f'<Apply function="if">{IF_LOW}{TWENTY}{field_of("w")}</Apply>'
        for function in ("max", "min", "sum", "avg", "max", "min")[:depth]:
            inner = f'<Apply function="{function}">{field_of("w")}{inner}</Apply>'
        return expressed(inner)

    assert len(read_pmml(nested(4)).text) < 500_000
    with pytest.raises(ModelRefused, match="more than 4 of avg, concat"):
        read_pmml(nested(5))
