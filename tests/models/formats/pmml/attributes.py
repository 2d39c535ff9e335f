"""PMML documents for one attribute each, of models, fields and outputs, also with numbers that are very large."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product

from tests.models.formats.pmml import makers
from tests.models.formats.pmml.documents import (
    CATEGORY,
    FIELDS,
    LABEL,
    LABELS,
    LINES,
    STUMPS,
    TABLE,
    TEXTS,
    Rows,
    apply,
    bare,
    categories,
    clusters,
    compare,
    constant,
    derived,
    ensemble,
    number,
    reference,
    regression,
    schema,
    softmax,
    tree,
)
from tests.models.formats.pmml.makers import (
    ALL,
    BY_TEXT,
    GRID,
    HIGH,
    IS_A,
    KERNELS,
    LOW,
    TWO,
    UNSEEN,
    X1,
    X2,
    bayes,
    branches,
    chosen,
    counts,
    machine,
    network,
    target,
    within,
)
from tests.models.samples import field, pmml

LARGE: Rows = [
    *ALL,
    *(
        {"x1": a, "x2": b, "c": c}
        for a, b, c in ((1000.0, 5.0, "a"), (-1000.0, 5.0, "b"), (4000.0, 4000.0, "a"), (-2.5, 1.5, "a"))
    ),
]
MIXED: Rows = [*LARGE, *TEXTS]
ORDERED = FIELDS.replace(categories("c", "a", "b", "k"), categories("c", "k", "a", "b", optype="ordinal"))
IN_ORDER = FIELDS.replace(categories("k", "p", "q", "r"), categories("k", "p", "q", "r", optype="ordinal"))
CHOOSING = ("selectFirst", "modelChain")
ALWAYS, FIRST = "<True/>", '<MiningField name="x1" '
SOMETIMES = (compare("x1", "greaterThan", 0), compare("x2", "greaterThan", 0.6), IS_A)


def declared(inside: str) -> str:
    """The fields, of which the first says more of its values."""
    number = f'<DataField name="x1" optype="continuous" dataType="double">{inside}</DataField>'
    return FIELDS.replace(field("x1"), number)


def output(name: str, feature: str, more: str = 'optype="continuous" dataType="double"', inside: str = "") -> str:
    return f'<OutputField name="{name}" feature="{feature}" {more}>{inside}</OutputField>'


def outputs(*fields: str) -> str:
    return f"<Output>{''.join(fields)}</Output>"


TEXT = 'optype="categorical" dataType="string"'
PREDICTED = output("label", "predictedValue", TEXT)


def segments(method: str, models: Iterable[str], predicates: Iterable[str], of: str = "y", inside: str = "") -> str:
    listed = "".join(
        f'<Segment id="{number}" weight="{number}">{predicate}{model}</Segment>'
        for number, (model, predicate) in enumerate(zip(models, predicates, strict=True), 1)
    )
    function = "regression" if of == "y" else "classification"
    return (
        f'<MiningModel functionName="{function}">{schema(of)}{inside}<Segmentation multipleModelMethod="{method}">'
        f"{listed}</Segmentation></MiningModel>"
    )


def rule(name: int, label: str, confidence: float, weight: float, predicate: str) -> str:
    known = f'id="{name}" score="{label}" confidence="{confidence}" weight="{weight}"'
    return f"<SimpleRule {known}>{predicate}</SimpleRule>"


def rules(criterion: str, fired: str) -> str:
    shown = outputs(PREDICTED, output("sure", "confidence"))
    return (
        f'<RuleSetModel functionName="classification">{schema("k")}{shown}<RuleSet defaultScore="p" '
        f'defaultConfidence="0.3"><RuleSelectionMethod criterion="{criterion}"/>{fired}</RuleSet></RuleSetModel>'
    )


X2_HIGH, SELDOM = compare("x2", "greaterThan", 0), compare("x1", "greaterThan", -1)
FIRED = rule(1, "q", 0.9, 0.3, HIGH) + rule(2, "r", 0.6, 0.35, X2_HIGH) + rule(3, "q", 0.2, 0.1, IS_A)
RULES: Mapping[str, str] = {
    "several": FIRED,
    "equal": rule(1, "r", 0.5, 0.5, HIGH) + rule(2, "q", 0.5, 0.5, X2_HIGH) + rule(3, "p", 0.5, 0.5, IS_A),
    "within": f"<CompoundRule>{SELDOM}{FIRED}</CompoundRule>{rule(9, 'r', 0.1, 0.05, ALWAYS)}",
}


def scorecard(attributes: str, inside: str = "") -> str:
    gone = '<SimplePredicate field="x1" operator="isMissing"/>'
    parts = (
        (
            f'<Attribute partialScore="12">{gone}</Attribute><Attribute partialScore="5">{compare("x1", "lessThan", 1)}'
            f'</Attribute><Attribute partialScore="20.5">{compare("x1", "greaterOrEqual", 1)}</Attribute>'
        ),
        (
            f'<Attribute partialScore="3">{LOW}</Attribute><Attribute>{compare("x2", "greaterThan", 1)}'
            f"<ComplexPartialScore>{apply('*', X2, constant(2))}</ComplexPartialScore></Attribute>"
        ),
        (
            f'<Attribute partialScore="1">{IS_A}</Attribute><Attribute partialScore="2">{within("c", "isIn", "b k")}'
            "</Attribute>"
        ),
    )
    listed = "".join(
        f'<Characteristic name="c{index}" reasonCode="r{index}" baselineScore="4">{part}</Characteristic>'
        for index, part in enumerate(parts)
    )
    return (
        f'<Scorecard functionName="regression" {attributes}>{schema()}{inside}<Characteristics>{listed}'
        "</Characteristics></Scorecard>"
    )


def one_number(activation: str, normalization: str) -> str:
    """A network whose output is a number."""
    inputs = "".join(
        f'<NeuralInput id="0,{index}"><DerivedField optype="continuous" dataType="double">{expression}</DerivedField>'
        "</NeuralInput>"
        for index, expression in enumerate((X1, '<NormDiscrete field="c" value="a"/>'))
    )
    return (
        f'<NeuralNetwork functionName="regression" activationFunction="{activation}">{schema()}<NeuralInputs>{inputs}'
        '</NeuralInputs><NeuralLayer><Neuron id="1,0" bias="0.1"><Con from="0,0" weight="0.5"/><Con from="0,1" '
        'weight="0.3"/></Neuron></NeuralLayer><NeuralOutputs><NeuralOutput outputNeuron="1,0"><DerivedField '
        f'optype="continuous" dataType="double">{normalization}</DerivedField></NeuralOutput></NeuralOutputs>'
        "</NeuralNetwork>"
    )


def norm(name: str, *points: tuple[float, float], attributes: str = "") -> str:
    inside = "".join(f'<LinearNorm orig="{orig}" norm="{normed}"/>' for orig, normed in points)
    return f'<NormContinuous field="{name}" {attributes}>{inside}</NormContinuous>'


def machines(attributes: str, kernel: str, inside: str, of: str = "k", sparse: bool = False) -> str:
    dense = '<Array n="2" type="real">{} {}</Array>'
    thin = '<REAL-SparseArray n="2"><Indices>1 2</Indices><REAL-Entries>{} {}</REAL-Entries></REAL-SparseArray>'
    vectors = "".join(
        f'<VectorInstance id="v{index}">{(thin if sparse else dense).format(*values)}</VectorInstance>'
        for index, values in enumerate(((0, 1), (2, -1), (1, 3)))
    )
    function = "regression" if of == "y" else "classification"
    return (
        f'<SupportVectorMachineModel functionName="{function}" {attributes}>{schema(of)}{LABEL if of == "k" else ""}'
        f"{kernel}<VectorDictionary><VectorFields>{X1}{X2}</VectorFields>{vectors}</VectorDictionary>{inside}"
        "</SupportVectorMachineModel>"
    )


AGAINST_ALL = "".join(
    machine(f'targetCategory="{label}"', *values)
    for label, values in (
        ("p", (0.1, 1, -0.5, 0.2)),
        ("q", (-0.2, -0.3, 0.8, -0.4)),
        ("r", (0.3, 0.1, 0.1, -0.6)),
    )
)


def neighbours(attributes: str, measure: str, of: str = "y", count: int = 3) -> str:
    rows = ((0, 0, "p", 1), (1, 1, "q", 2), (2, 0.5, "q", 4), (-1, 4, "r", 8), (9, 1, "p", 16), (2.5, 4, "p", 64))
    listed = "".join(f"<row><a>{a}</a><b>{b}</b><l>{label}</l><v>{value}</v></row>" for a, b, label, value in rows)
    columns = "".join(
        f'<InstanceField field="{name}" column="{column}"/>'
        for name, column in (("x1", "a"), ("x2", "b"), ("k", "l"), ("y", "v"))
    )
    function = "regression" if of == "y" else "classification"
    return (
        f'<NearestNeighborModel functionName="{function}" numberOfNeighbors="{count}" {attributes}>{schema(of)}'
        f"<TrainingInstances><InstanceFields>{columns}</InstanceFields><InlineTable>{listed}</InlineTable>"
        f'</TrainingInstances><ComparisonMeasure kind="distance">{measure}</ComparisonMeasure><KNNInputs>'
        '<KNNInput field="x1" fieldWeight="3"/><KNNInput field="x2"/></KNNInputs></NearestNeighborModel>'
    )


def general(kind: str, attributes: str = "", of: str = "y", cells: str = "", inside: str = "", pairs: str = "") -> str:
    plain = "".join(f'<PCell parameterName="p{i}" beta="{beta}"/>' for i, beta in enumerate((0.5, 0.1, -0.2, 0.05)))
    pairs = pairs or (
        '<PPCell value="1" predictorName="x1" parameterName="p1"/><PPCell value="a" predictorName="c" '
        'parameterName="p2"/><PPCell value="1" predictorName="x2" parameterName="p3"/>'
    )
    function = "regression" if of == "y" else "classification"
    listed = "".join(f'<Parameter name="p{index}"/>' for index in range(4))
    return (
        f'<GeneralRegressionModel modelType="{kind}" functionName="{function}" {attributes}>{schema(of)}{inside}'
        f'<ParameterList>{listed}</ParameterList><FactorList><Predictor name="c"/></FactorList><CovariateList>'
        f'<Predictor name="x1"/><Predictor name="x2"/></CovariateList><PPMatrix>{pairs}</PPMatrix><ParamMatrix>'
        f"{cells or plain}</ParamMatrix></GeneralRegressionModel>"
    )


INTERACTION = (
    '<PPCell value="2" predictorName="x1" parameterName="p1"/><PPCell value="a" predictorName="c" parameterName="p2"/>'
    '<PPCell value="1" predictorName="x2" parameterName="p2"/><PPCell value="b" predictorName="c" parameterName="p3"/>'
)
BETAS = (0.5, 0.1, -0.2, 0.05)
OF_LABELS = "".join(
    f'<PCell targetCategory="{label}" parameterName="p{index}" beta="{beta * scale}"/>'
    for label, scale in (("p", 1), ("q", -2))
    for index, beta in enumerate(BETAS)
)
OF_ORDER = (
    '<PCell targetCategory="p" parameterName="p0" beta="-0.5"/><PCell targetCategory="q" parameterName="p0" '
    'beta="0.8"/>' + "".join(f'<PCell parameterName="p{index}" beta="{BETAS[index]}"/>' for index in (1, 2, 3))
)
LINKS = ("cloglog", "identity", "log", "logc", "logit", "loglog", "probit", 'oddspower" linkParameter="0.5')
MEASURES = ("euclidean", "squaredEuclidean", "cityBlock", "chebychev", 'minkowski p-parameter="3"')
CLUSTER = outputs(
    output("cluster", "predictedValue", TEXT),
    output("name", "predictedDisplayValue", TEXT),
    output("far", "affinity"),
    output("far from 2", "affinity", 'value="2" optype="continuous" dataType="double"'),
    output("id", "entityId", TEXT),
)


def transformed(kind: str, expression: str, optype: str = "categorical") -> str:
    field = f'<DerivedField name="d" optype="{optype}" dataType="{kind}">{expression}</DerivedField>'
    return f"<LocalTransformations>{field}</LocalTransformations>"


def tree_on(kind: str, expression: str, value: str, optype: str = "categorical") -> str:
    """A tree that asks what a derived field is."""
    return branches(compare("d", "equal", value)).replace("<Node", transformed(kind, expression, optype) + "<Node", 1)


IS_C = '<NormDiscrete field="c" value="a"/>'
TARGETS = (
    'castInteger="ceiling"',
    'castInteger="floor"',
    'min="0" max="2" rescaleFactor="2" rescaleConstant="-1" castInteger="floor"',
)
OUTLIERS = (
    'outliers="asMissingValues" lowValue="0" highValue="2" missingValueReplacement="5"',
    'outliers="asExtremeValues" lowValue="0"',
    'outliers="asExtremeValues" lowValue="0" highValue="2" missingValueReplacement="7"',
    'missingValueTreatment="returnInvalid"',
)
INVALID = (
    "",
    'invalidValueTreatment="asMissing"',
    'invalidValueTreatment="asIs"',
    'invalidValueTreatment="asMissing" missingValueReplacement="4"',
    'invalidValueTreatment="asValue" invalidValueReplacement="6"',
)
VALUES: Mapping[str, str] = {
    "interval": '<Interval closure="closedOpen" leftMargin="0" rightMargin="2.5"/>',
    "missing": '<Value value="-2" property="missing"/><Value value="1" property="invalid"/>',
    "listed": '<Value value="1"/><Value value="2.5"/>',
}
DEFAULTS = ("", 'defaultValue="9"', 'mapMissingTo="8"', 'defaultValue="9" mapMissingTo="8"')
IF_LOW = apply("lessThan", X1, constant(1))
CHOICES: Mapping[str, tuple[str, ...]] = {
    "constants": (IF_LOW, constant(10), constant(20)),
    "a field": (IF_LOW, X2, constant(20)),
    "another field": (IF_LOW, constant(10), X2),
    "one": (IF_LOW, constant(10)),
    "what is missing": (apply("isMissing", X1), constant(10), X2),
}
CLOSURES = ("openOpen", "openClosed", "closedOpen", "closedClosed")
TWO_COLUMNS = (
    '<FieldColumnPair field="c" column="i"/><FieldColumnPair field="x1" column="j"/><InlineTable><row><i>a</i><j>1</j>'
    "<o>5</o></row><row><i>a</i><j>2.5</j><o>6</o></row><row><i>b</i><j>0</j><o>7</o></row></InlineTable>"
)
IN_TREE = outputs(PREDICTED, output("id", "entityId", TEXT))
UNARY = ("log10", "ln", "expm1", "ln1p", "rint", "sin", "sinh", "cos", "tan", "atan", "tanh", "stdNormalCDF", "erf")


def binned(closure: str, attributes: str) -> str:
    inside = "".join(
        f'<DiscretizeBin binValue="{value}"><Interval closure="{closure}" {margins}/></DiscretizeBin>'
        for value, margins in (
            (1, 'leftMargin="0" rightMargin="1"'),
            (2, 'leftMargin="1" rightMargin="2.5"'),
            (3, 'leftMargin="9"'),
        )
    )
    return derived(f'<Discretize field="x1" {attributes}>{inside}</Discretize>')


MODELS: Mapping[str, tuple[str, Rows]] = {
    **{f"target {how}": (regression(number("x1", 0.75), target(how)), LARGE) for how in TARGETS},
    **{
        f"target of {method} {how}": (
            ensemble(method, LINES).replace("<Segmentation", f"{target(how)}<Segmentation"),
            LARGE,
        )
        for method, how in product(("average", "median", "weightedSum"), TARGETS)
    },
    **{
        f"target of a segment {how}": (
            ensemble("sum", [regression(number("x1", 0.75), f"<Targets><Target {how}/></Targets>", mining=bare())]),
            LARGE,
        )
        for how in TARGETS
    },
    **{f"large {method}": (softmax(method), LARGE) for method in ("softmax", "simplemax", "logit", "none")},
    **{
        f"large and turned {method}": (softmax(method).replace('"0.2"', '"0.9"'), LARGE)
        for method in ("softmax", "simplemax")
    },
    "exponents": (
        regression('<NumericPredictor name="x1" exponent="2" coefficient="3"/>' + number("x2", -1) + CATEGORY),
        MIXED,
    ),
    "terms": (regression(f'<PredictorTerm coefficient="2">{X1}{X2}</PredictorTerm>' + CATEGORY), MIXED),
    **{
        f"tree outputs {strategy} {without}": (
            tree(strategy)
            .replace(LABELS, IN_TREE)
            .replace("<TreeModel", f'<TreeModel noTrueChildStrategy="{without}"'),
            ALL,
        )
        for strategy, without in product(
            ("none", "lastPrediction", "defaultChild", "weightedConfidence"),
            ("returnLastPrediction", "returnNullPrediction"),
        )
    },
    **{f"mining {how}": (regression(number("x1", 2), mining=schema(x1=how)), LARGE) for how in OUTLIERS},
    **{
        f"mining of a segment {how}": (
            ensemble(
                "average", [line.replace('<MiningField name="x1" ', f'<MiningField name="x1" {how}') for line in LINES]
            ),
            LARGE,
        )
        for how in OUTLIERS
    },
    **{
        f"invalid in {name} {how}": (model.replace(schema(of), schema(of, c=how)), UNSEEN)
        for name, of, model in (
            ("a regression", "y", regression(CATEGORY)),
            ("a tree", "y", branches(compare("c", "notEqual", "a"))),
            ("a set", "y", branches(within("c", "isNotIn", "a b"))),
            ("naive Bayes", "k", bayes(BY_TEXT)),
            ("a norm", "y", derived(IS_C)),
            ("a general regression", "y", makers.general("logit")),
        )
        for how in (*INVALID[:3], 'invalidValueTreatment="asValue" invalidValueReplacement="b"')
    },
    **{f"function {name}": (derived(apply(name, X1)), LARGE) for name in UNARY},
    **{
        f"{name} compared": (
            derived(apply("if", apply("lessThan", apply(name, X1), constant(1)), constant(3), constant(4))),
            LARGE,
        )
        for name in ("ln", "log10", "sqrt", "asin", "acos", "ln1p")
    },
    **{f"function {name}": (derived(apply(name, X1, X2)), LARGE) for name in ("pow", "modulo", "product")},
    **{
        f"norm {how}": (derived(norm("x1", (0, 0), (1, 2), (2, 1), attributes=how)), LARGE)
        for how in (
            'outliers="asMissingValues"',
            'outliers="asExtremeValues" mapMissingTo="-7"',
            'outliers="asMissingValues" mapMissingTo="-7"',
        )
    },
    **{
        f"map {how}": (
            derived(f'<MapValues outputColumn="o" {how}><FieldColumnPair field="c" column="i"/>{TABLE}</MapValues>'),
            MIXED,
        )
        for how in DEFAULTS
    },
    **{
        f"choice of {name} {how}": (derived(apply("if", *parts).replace("<Apply ", f"<Apply {how} ", 1)), LARGE)
        for name, parts in CHOICES.items()
        for how in DEFAULTS
    },
    **{
        f"map of two {how}": (derived(f'<MapValues outputColumn="o" {how}>{TWO_COLUMNS}</MapValues>'), MIXED)
        for how in DEFAULTS
    },
    **{
        f"bins {closure} {how}": (binned(closure, how), LARGE)
        for closure, how in product(CLOSURES, DEFAULTS)
        if "mapMissingTo" not in how or "defaultValue" in how
    },
    **{
        f"tree on a number {kind} {optype} {value}": (tree_on(kind, IS_C, value, optype), MIXED)
        for kind, optype, value in product(("double", "float", "integer"), ("categorical", "ordinal"), ("1", "1.0"))
    },
    **{
        f"tree on yes {kind} {optype}": (tree_on(kind, apply("greaterThan", X1, constant(1)), "1", optype), LARGE[:7])
        for kind, optype in product(("double", "integer"), ("continuous", "categorical"))
    },
    "yes as a number": (
        regression(number("d", 2), transformed("integer", apply("isMissing", X1), "continuous")),
        LARGE,
    ),
    **{
        f"segments at times {method}": (segments(method, LINES, SOMETIMES), LARGE)
        for method in (
            "average",
            "sum",
            "weightedAverage",
            "weightedMedian",
            "weightedSum",
            "selectFirst",
            "modelChain",
        )
    },
    **{
        f"labels at times {method}": (segments(method, STUMPS, SOMETIMES, "k", LABEL), LARGE)
        for method in (
            "majorityVote",
            "weightedMajorityVote",
            "average",
            "weightedAverage",
            "selectFirst",
            "modelChain",
        )
    },
    **{
        f"rules {criterion} {name}": (rules(criterion, fired), LARGE)
        for criterion, (name, fired) in product(("firstHit", "weightedSum"), RULES.items())
    },
    "rules weightedMax": (rules("weightedMax", RULES["equal"]), LARGE),
    **{
        f"scorecard {how}": (scorecard(how, inside), MIXED)
        for how, inside in product(
            ('useReasonCodes="false"', 'initialScore="1.5" reasonCodeAlgorithm="pointsAbove"'),
            ("", target('rescaleFactor="2" castInteger="round"')),
        )
    },
    **{
        f"network {activation} {how}": (network(activation, how), LARGE)
        for activation, how in product(("exponential", "square", "Gauss", "identity"), ("none", "softmax"))
    },
    **{
        f"network of a number {name}": (one_number("logistic", how), MIXED)
        for name, how in (
            ("plain", reference("y")),
            ("norm", norm("y", (0, -1), (10, 1))),
            ("norm of three", norm("y", (0, -1), (4, 0.4), (10, 1))),
        )
    },
    **{f"machine {kernel}": (machines("", kernel, machine("", 0.1, 1, -0.5, 0.2), "y"), LARGE) for kernel in KERNELS},
    "machine of sparse vectors": (machines("", KERNELS[2], machine("", 0.1, 1, -0.5, 0.2), "y", sparse=True), LARGE),
    **{f"against all {kernel}": (machines("", kernel, AGAINST_ALL), [*LARGE, *GRID]) for kernel in KERNELS},
    **{
        f"neighbours {measure} {how}": (neighbours(how, f"<{measure}/>", count=count), LARGE)
        for measure in MEASURES
        for how, count in (('continuousScoringMethod="median"', 4), ('continuousScoringMethod="average"', 3))
    },
    "nearest neighbour": (neighbours("", "<euclidean/>", "k", 1), LARGE),
    **{
        f"general {link} {how}": (general("generalizedLinear", f'linkFunction="{link}" {how}'), MIXED)
        for link, how in product(LINKS, ("", 'offsetValue="0.7"', 'trialsValue="3"', 'offsetVariable="x2"'))
    },
    **{
        f"general {kind} {name}": (general(kind, pairs=pairs), MIXED)
        for kind in ("regression", "generalLinear")
        for name, pairs in (("", ""), ("interaction", INTERACTION))
    },
    **{
        f"general labels {how}": (general("multinomialLogistic", how, "k", OF_LABELS, LABELS), MIXED)
        for how in ("", 'targetReferenceCategory="r"')
    },
    **{
        f"clusters {measure} {how}": (
            clusters(f"<{measure}/>").replace(LABEL, CLUSTER).replace('compareFunction="absDiff"', how),
            LARGE,
        )
        for measure in MEASURES
        for how in ("", 'compareFunction="gaussSim" similarityScale="2"', 'compareFunction="delta"', 'fieldWeight="3"')
    },
    "clusters by what is missing": (
        clusters("<squaredEuclidean/>")
        .replace(LABEL, CLUSTER)
        .replace(
            '<Cluster id="1"',
            '<MissingValueWeights><Array n="2" type="real">1 4</Array></MissingValueWeights><Cluster id="1"',
        ),
        LARGE,
    ),
    "counts by bins": (
        bayes(
            '<BayesInput fieldName="x1"><DerivedField name="b" optype="categorical" dataType="string"><Discretize '
            'field="x1"><DiscretizeBin binValue="low"><Interval closure="openOpen" rightMargin="1"/></DiscretizeBin>'
            '<DiscretizeBin binValue="high"><Interval closure="closedOpen" leftMargin="1"/></DiscretizeBin>'
            f'</Discretize></DerivedField><PairCounts value="low">{counts(3, 4, 9)}</PairCounts><PairCounts '
            f'value="high">{counts(8, 0, 1)}</PairCounts></BayesInput>{BY_TEXT}'
        ),
        MIXED,
    ),
    "default value": (
        regression(number("x1", 1), '<Targets><Target field="y"><TargetValue defaultValue="77"/></Target></Targets>'),
        LARGE,
    ),
    **{
        f"output {name}": (regression(number("x1", 1), outputs(output("p", "predictedValue"), shown)), LARGE)
        for name, shown in (
            ("sum", output("t", "transformedValue", inside=apply("+", reference("p"), X2))),
            (
                "decision",
                output(
                    "d",
                    "decision",
                    TEXT,
                    apply(
                        "if",
                        apply("greaterThan", reference("p"), constant(1)),
                        "<Constant>yes</Constant>",
                        "<Constant>no</Constant>",
                    ),
                ),
            ),
            ("norm", output("n", "transformedValue", inside=norm("p", (0, 0), (2, 1)))),
        )
    },
    "answer of several kinds": (
        tree("none").replace(
            LABELS,
            outputs(
                PREDICTED,
                output("best", "probability"),
                output("second", "predictedValue", f'rank="2" {TEXT}'),
                output("sure of p", "confidence", 'value="p" optype="continuous" dataType="double"'),
            ),
        ),
        ALL,
    ),
    "answers of segments": (
        segments(
            "average",
            LINES,
            [ALWAYS] * 3,
            inside=outputs(
                output("all", "predictedValue"),
                output("first", "predictedValue", 'segmentId="1" optype="continuous" dataType="double"'),
            ),
        ),
        LARGE,
    ),
    **{
        f"ensembles that {method}": (
            segments(
                method, [ensemble("average", STUMPS, "k").replace(schema("k"), bare())] * 2, [ALWAYS] * 2, "k", LABELS
            ),
            LARGE,
        )
        for method in ("majorityVote", "average")
    },
    "ensembles of numbers": (
        segments("sum", [ensemble("average", LINES).replace(schema(), bare()), LINES[0]], [ALWAYS] * 2),
        LARGE,
    ),
    "fields of one name in two segments": (
        ensemble(
            "average",
            [
                regression(
                    number("d", 2), transformed("double", apply(how, X1, constant(5)), "continuous"), mining=bare()
                )
                for how in "+*"
            ],
        ),
        LARGE,
    ),
    **{
        f"choice by yes and no {name}": (
            regression(
                number("e", 3),
                transformed("boolean", apply("greaterThan", X1, constant(1))).replace(
                    "</LocalTransformations>",
                    '<DerivedField name="e" optype="continuous" dataType="double">'
                    f"{apply('if', asked, constant(3), constant(4))}</DerivedField></LocalTransformations>",
                ),
            ),
            LARGE,
        )
        for name, asked in (
            ("as it is", reference("d")),
            ("compared", apply("equal", reference("d"), "<Constant>true</Constant>")),
        )
    },
    "a factor that is a number": (
        general("generalizedLinear", 'linkFunction="log"')
        .replace('Predictor name="c"', 'Predictor name="d"')
        .replace('value="a" predictorName="c"', 'value="1" predictorName="d"')
        .replace("<ParameterList", transformed("double", IS_C) + "<ParameterList", 1),
        MIXED,
    ),
    "counts of a number": (
        bayes(
            f'<BayesInput fieldName="d"><PairCounts value="0">{counts(3, 4, 9)}</PairCounts><PairCounts value="1">'
            f"{counts(8, 0, 1)}</PairCounts></BayesInput>"
        ).replace("<BayesInputs", transformed("double", IS_C) + "<BayesInputs"),
        MIXED,
    ),
    **{
        f"a question that says {said} in {name}": (
            regression(
                number("d", 2), transformed("double", asked.replace("<Apply ", f"<Apply {said} ", 1), "continuous")
            ),
            MIXED,
        )
        for name, asked in (
            ("greater", apply("greaterThan", X1, constant(0))),
            ("equal", apply("equal", reference("c"), "<Constant>a</Constant>")),
            ("sum", apply("lessThan", apply("+", X1, X2), constant(2))),
            ("logarithm", apply("lessThan", apply("ln", X1), constant(1))),
        )
        for said in ('mapMissingTo="-1"', 'defaultValue="-1"', 'mapMissingTo="-1" defaultValue="7"')
    },
    **{
        f"a question that maps what is missing in {name}": (
            regression(number("d", 2), transformed("double", asked, "continuous")).replace(
                "<Apply ", '<Apply mapMissingTo="-1" ', 1
            ),
            MIXED,
        )
        for name, asked in (
            ("list", apply("isIn", reference("c"), "<Constant>a</Constant>", "<Constant>b</Constant>")),
            ("missing", apply("isMissing", X1)),
            ("both", apply("and", apply("lessThan", X1, constant(2)), apply("lessThan", X2, constant(2)))),
            ("not", apply("not", apply("lessThan", X1, constant(2)))),
        )
    },
    **{
        f"yes is {written}": (
            chosen(apply("equal", apply("greaterThan", X1, constant(0)), f"<Constant>{written}</Constant>")),
            LARGE,
        )
        for written in ("1", "0", "true")
    },
    "outliers are missing and nothing may be": (
        makers.general("logit").replace(schema(), schema(x1='outliers="asMissingValues" lowValue="0" highValue="2.5"')),
        LARGE,
    ),
    "chosen from what is asked": (chosen(apply("or", apply("isMissing", X1), apply("lessThan", X2, constant(1)))), ALL),
}
"""By name: the model element, and the records."""
DOCUMENTS: Mapping[str, tuple[bytes, Rows]] = {
    **{name: (pmml(FIELDS, model, "4.4"), rows) for name, (model, rows) in MODELS.items()},
    **{
        f"{name} values {where} {how}": (pmml(declared(values), model, "4.4"), LARGE)
        for (name, values), how in product(VALUES.items(), INVALID)
        for where, model in (
            ("in a regression", regression(number("x1", 2), mining=schema(x1=how))),
            ("in a tree", branches(HIGH).replace(schema(), schema(x1=how))),
        )
    },
    **{
        f"nothing may be missing, {name} {how}": (
            pmml(declared(values), makers.general("logit").replace(schema(), schema(x1=how)), "4.4"),
            LARGE,
        )
        for (name, values), how in product(
            {**VALUES, "both": VALUES["interval"] + '<Value value="-2" property="missing"/>'}.items(), INVALID[:3]
        )
    },
    **{
        f"order {operator}": (pmml(ORDERED, branches(compare("c", operator, "a")), "4.4"), [*ALL, *TEXTS])
        for operator in makers.COMPARISONS
    },
    **{
        f"general order {link}": (
            pmml(IN_ORDER, general("ordinalMultinomial", f'cumulativeLink="{link}"', "k", OF_ORDER, LABELS), "4.4"),
            MIXED,
        )
        for link in ("logit", "probit", "cloglog", "cauchit")
    },
    **{
        f"two machines {kernel}": (
            pmml(
                TWO,
                machines(
                    "",
                    kernel,
                    machine('targetCategory="p" alternateTargetCategory="q"', 0.1, 1, -0.5, 0.2)
                    + machine('targetCategory="q" alternateTargetCategory="p"', -0.1, -1, 0.5, -0.2),
                ),
                "4.4",
            ),
            [*LARGE, *GRID],
        )
        for kernel in KERNELS
    },
}
