"""Small PMML documents, one for each element that the engine is given, with records to answer."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any, TypeAlias

from tests.models.samples import field, pmml

Rows: TypeAlias = list[dict[str, Any]]

NUMBERS: Rows = [{"x1": a, "x2": b, "c": "a"} for a, b in product((-2.0, 0.0, 1.0, 2.5, 9.5), (-1.0, 0.5, 1.0, 4.0))]
MISSING: Rows = [{"x1": None, "x2": 1.0, "c": "a"}, {"x1": 1.0, "x2": None, "c": "b"}]
TEXTS: Rows = [{"x1": x, "x2": 0.0, "c": c} for x, c in product((-1.0, 2.0), ("a", "b", "k", None))]


def categories(name: str, *values: str, optype: str = "categorical") -> str:
    listed = "".join(f'<Value value="{value}"/>' for value in values)
    return f'<DataField name="{name}" optype="{optype}" dataType="string">{listed}</DataField>'


FIELDS = field("y") + field("x1") + field("x2") + categories("c", "a", "b", "k") + categories("k", "p", "q", "r")
LABELS = (
    '<Output><OutputField name="label" feature="predictedValue" optype="categorical" dataType="string"/>'
    + "".join(
        f'<OutputField name="P_{label}" feature="probability" value="{label}" optype="continuous" dataType="double"/>'
        for label in "pqr"
    )
    + "</Output>"
)
LABEL = LABELS[: LABELS.index("/>") + 2] + "</Output>"


def schema(target: str = "y", **attributes: str) -> str:
    inputs = "".join(f'<MiningField name="{name}" {attributes.get(name, "")}/>' for name in ("x1", "x2", "c"))
    return f'<MiningSchema><MiningField name="{target}" usageType="target"/>{inputs}</MiningSchema>'


def bare() -> str:
    return schema().replace('<MiningField name="y" usageType="target"/>', "")


def number(name: str, coefficient: float) -> str:
    return f'<NumericPredictor name="{name}" coefficient="{coefficient}"/>'


def regression(terms: str, inside: str = "", normalization: str = "none", mining: str = "") -> str:
    return (
        f'<RegressionModel functionName="regression" normalizationMethod="{normalization}">{mining or schema()}{inside}'
        f'<RegressionTable intercept="1">{terms}</RegressionTable></RegressionModel>'
    )


def softmax(normalization: str) -> str:
    tables = "".join(
        f'<RegressionTable intercept="{intercept}" targetCategory="{label}">{terms}</RegressionTable>'
        for label, intercept, terms in (("p", 0.2, number("x1", 0.3)), ("q", 0.1, number("x2", 0.2)), ("r", 0, ""))
    )
    return (
        f'<RegressionModel functionName="classification" normalizationMethod="{normalization}">{schema("k")}{LABELS}'
        f"{tables}</RegressionModel>"
    )


def derived(expression: str) -> str:
    """A model whose answer is one more than a derived field."""
    inside = f'<DerivedField name="d" optype="continuous" dataType="double">{expression}</DerivedField>'
    return regression(number("d", 1), f"<LocalTransformations>{inside}</LocalTransformations>")


def apply(function: str, *arguments: str) -> str:
    return f'<Apply function="{function}">{"".join(arguments)}</Apply>'


def reference(name: str) -> str:
    return f'<FieldRef field="{name}"/>'


def constant(value: float) -> str:
    return f'<Constant dataType="double">{value}</Constant>'


def leaf(label: str, predicate: str, *counts: int, inside: str = "", attributes: str = "") -> str:
    listed = "".join(
        f'<ScoreDistribution value="{known}" recordCount="{count}"/>'
        for known, count in zip("pqr", counts, strict=False)
    )
    return f'<Node score="{label}" recordCount="{sum(counts)}" {attributes}>{predicate}{listed}{inside}</Node>'


def compare(name: str, operator: str, value: object) -> str:
    return f'<SimplePredicate field="{name}" operator="{operator}" value="{value}"/>'


def tree(strategy: str) -> str:
    low = leaf("r", compare("x2", "lessThan", 1), 1, 2, 5, attributes='id="3"')
    high = leaf("q", compare("x2", "greaterOrEqual", 1), 1, 4, 1, attributes='id="4"')
    left = leaf("q", compare("x1", "lessOrEqual", 1), 2, 6, 6, inside=low + high, attributes='id="2" defaultChild="4"')
    right = leaf("p", compare("x1", "greaterThan", 1), 9, 1, 0, attributes='id="5"')
    root = leaf("p", "<True/>", 11, 7, 6, inside=left + right, attributes='id="1" defaultChild="5"')
    return (
        f'<TreeModel functionName="classification" missingValueStrategy="{strategy}" missingValuePenalty="0.8">'
        f"{schema('k')}{LABELS}{root}</TreeModel>"
    )


def ensemble(method: str, models: Iterable[str], target: str = "y", output: str = "") -> str:
    function = "regression" if target == "y" else "classification"
    segments = "".join(
        f'<Segment id="{number}" weight="{number}"><True/>{model}</Segment>' for number, model in enumerate(models, 1)
    )
    return (
        f'<MiningModel functionName="{function}">{schema(target)}{output}<Segmentation multipleModelMethod="{method}">'
        f"{segments}</Segmentation></MiningModel>"
    )


def stump(name: str, limit: float, low: tuple[int, int, int], high: tuple[int, int, int]) -> str:
    nodes = "".join(
        leaf("pqr"[counts.index(max(counts))], compare(name, operator, limit), *counts)
        for operator, counts in (("lessOrEqual", low), ("greaterThan", high))
    )
    return (
        f'<TreeModel functionName="classification" missingValueStrategy="none">{bare()}<Node><True/>{nodes}</Node>'
        "</TreeModel>"
    )


STUMPS = (
    stump("x1", 1, (3, 1, 0), (0, 4, 1)),
    stump("x2", 1, (1, 2, 2), (5, 0, 1)),
    stump("x1", 3, (0, 0, 4), (2, 2, 1)),
)
LINES = tuple(regression(terms, mining=bare()) for terms in (number("x1", 2), number("x2", 3), number("x1", -1)))


def clusters(measure: str) -> str:
    fields = "".join(f'<ClusteringField field="{name}" compareFunction="absDiff"/>' for name in ("x1", "x2"))
    centres = "".join(
        f'<Cluster id="{number}" name="cluster {number}"><Array n="2" type="real">{centre}</Array></Cluster>'
        for number, centre in enumerate(("0 0", "3 3", "5 -2"), 1)
    )
    return (
        f'<ClusteringModel functionName="clustering" modelClass="centerBased" numberOfClusters="3">{bare()}{LABEL}'
        f'<ComparisonMeasure kind="distance">{measure}</ComparisonMeasure>{fields}{centres}</ClusteringModel>'
    )


def rules(criterion: str) -> str:
    fired = (
        f'<SimpleRule id="1" score="q" confidence="0.9" weight="0.3">{compare("x1", "greaterThan", 0)}</SimpleRule>'
        f'<SimpleRule id="2" score="r" confidence="0.6" weight="0.9">{compare("x2", "greaterThan", 0)}</SimpleRule>'
    )
    return (
        f'<RuleSetModel functionName="classification">{schema("k")}{LABEL}<RuleSet defaultScore="p" '
        f'defaultConfidence="0.3"><RuleSelectionMethod criterion="{criterion}"/>{fired}</RuleSet></RuleSetModel>'
    )


BINS = '<DiscretizeBin binValue="1"><Interval closure="openClosed" rightMargin="1"/></DiscretizeBin>'
TABLE = "<InlineTable><row><i>a</i><o>1</o></row><row><i>b</i><o>2</o></row></InlineTable>"
CATEGORY = "".join(
    f'<CategoricalPredictor name="c" value="{value}" coefficient="{coefficient}"/>'
    for value, coefficient in (("a", 2), ("b", 3))
)
MODELS: Mapping[str, tuple[str, Rows]] = {
    **{f"regression {n}": (regression(number("x1", 0.1), "", n), NUMBERS) for n in ("none", "softmax", "exp")},
    **{f"classification {n}": (softmax(n), NUMBERS) for n in ("softmax", "simplemax", "logit")},
    "categories": (regression(CATEGORY), TEXTS),
    "invalid as missing": (
        regression(CATEGORY, mining=schema(c='invalidValueTreatment="asMissing" missingValueReplacement="b"')),
        [*TEXTS, {"x1": 1.0, "x2": 0.0, "c": "never seen"}],
    ),
    "discretize": (derived(f'<Discretize field="x1" defaultValue="9" mapMissingTo="8">{BINS}</Discretize>'), NUMBERS),
    "map values": (
        derived(
            '<MapValues outputColumn="o" defaultValue="9" mapMissingTo="8"><FieldColumnPair field="c" column="i"/>'
            f"{TABLE}</MapValues>"
        ),
        TEXTS,
    ),
    "norm continuous": (
        derived(
            '<NormContinuous field="x1" outliers="asExtremeValues"><LinearNorm orig="0" norm="0"/>'
            '<LinearNorm orig="2" norm="1"/></NormContinuous>'
        ),
        NUMBERS,
    ),
    "norm discrete": (derived('<NormDiscrete field="c" value="a" mapMissingTo="0.3"/>'), TEXTS),
    **{
        f"function {name}": (derived(apply(name, reference("x1"), reference("x2"))), NUMBERS)
        for name in ("+", "-", "*", "/", "min", "max", "sum", "avg")
    },
    **{
        f"function {name}": (derived(apply(name, reference("x1"))), NUMBERS)
        for name in ("exp", "abs", "floor", "ceil", "round", "sqrt")
    },
    **{
        f"if {name}": (derived(apply("if", apply(name, reference("x1")), constant(1), constant(2))), NUMBERS + MISSING)
        for name in ("isMissing", "isNotMissing")
    },
    **{
        f"tree {strategy}": (tree(strategy), NUMBERS + MISSING)
        for strategy in ("none", "lastPrediction", "nullPrediction", "defaultChild", "weightedConfidence")
    },
    **{
        f"numbers by {method}": (ensemble(method, LINES), NUMBERS)
        for method in ("average", "weightedAverage", "median", "sum", "selectFirst")
    },
    **{
        f"labels by {method}": (ensemble(method, STUMPS, "k", LABELS), NUMBERS)
        for method in ("majorityVote", "weightedMajorityVote", "average", "weightedAverage")
    },
    **{f"clusters {m}": (clusters(f"<{m}/>"), NUMBERS) for m in ("squaredEuclidean", "euclidean", "cityBlock")},
    **{f"rules {criterion}": (rules(criterion), NUMBERS) for criterion in ("firstHit", "weightedSum")},
}
"""By name: the model element, and the records."""
DOCUMENTS: Mapping[str, tuple[bytes, Rows]] = {
    name: (pmml(FIELDS, model, "4.4"), rows) for name, (model, rows) in MODELS.items()
}
