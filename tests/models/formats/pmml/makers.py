"""More PMML documents, as KNIME, R, RapidMiner, scikit-learn and Spark write them, on records with what is missing."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

from tests.models.formats.pmml.documents import (
    BINS,
    CATEGORY,
    FIELDS,
    LABEL,
    LABELS,
    LINES,
    MISSING,
    NUMBERS,
    STUMPS,
    Rows,
    apply,
    bare,
    categories,
    clusters,
    compare,
    constant,
    derived,
    ensemble,
    leaf,
    number,
    reference,
    regression,
    rules,
    schema,
    softmax,
    tree,
)
from tests.models.samples import field, pmml

X1, X2 = reference("x1"), reference("x2")
ALL: Rows = [*NUMBERS[::2], *MISSING, {"x1": None, "x2": None, "c": None}, {"x1": 0.5, "x2": 2.5, "c": "b"}]
TWO = FIELDS.replace(categories("k", "p", "q", "r"), categories("k", "p", "q"))
TWO_LABELS = LABELS[: LABELS.index('<OutputField name="P_r"')] + "</Output>"
COMPARISONS = ("equal", "notEqual", "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual")
STRATEGIES = tuple(
    product(
        ("none", "lastPrediction", "nullPrediction", "defaultChild"), ("returnLastPrediction", "returnNullPrediction")
    )
)


def chosen(condition: str) -> str:
    """A model whose answer says whether a condition holds."""
    return derived(apply("if", condition, constant(1), constant(2)))


def branches(predicate: str, strategy: str = "none", without: str = "returnLastPrediction") -> str:
    """A tree of two branches, which ask different fields."""
    return (
        f'<TreeModel functionName="regression" missingValueStrategy="{strategy}" noTrueChildStrategy="{without}">'
        f'{schema()}<Node id="1" score="9" defaultChild="3"><True/><Node id="2" score="1">{predicate}</Node>'
        f'<Node id="3" score="2">{compare("x2", "lessThan", 2)}</Node></Node></TreeModel>'
    )


def counted(strategy: str, without: str, inside: str) -> str:
    """A tree whose leaves have counts, and of whose other nodes that within may have some."""
    below = leaf("q", compare("x2", "lessThan", 2), 1, 4, 1) + leaf("p", compare("c", "equal", "a"), 4, 1, 1)
    branch = f'<Node score="q">{compare("x1", "lessOrEqual", 1)}{inside}{below}</Node>'
    return (
        f'<TreeModel functionName="classification" missingValueStrategy="{strategy}" noTrueChildStrategy="{without}">'
        f'{schema("k")}{LABEL}<Node score="r"><True/>{branch}{leaf("p", compare("x1", "greaterThan", 1), 9, 1, 0)}'
        "</Node></TreeModel>"
    )


def compound(operator: str, *predicates: str) -> str:
    return f'<CompoundPredicate booleanOperator="{operator}">{"".join(predicates)}</CompoundPredicate>'


def within(name: str, operator: str, array: str, kind: str = "string") -> str:
    content = f'<Array type="{kind}" n="2">{array}</Array>'
    return f'<SimpleSetPredicate field="{name}" booleanOperator="{operator}">{content}</SimpleSetPredicate>'


HIGH, LOW, IS_A = compare("x1", "greaterThan", 0), compare("x2", "lessOrEqual", 1), compare("c", "equal", "a")
GONE = '<SimplePredicate field="x1" operator="isMissing"/>'
PREDICATES: Mapping[str, str] = {
    **{f"compound {operator}": compound(operator, HIGH, LOW) for operator in ("and", "or", "surrogate")},
    "surrogates": compound("surrogate", HIGH, LOW, IS_A),
    "nested": compound("and", compound("or", HIGH, IS_A), LOW),
    "nested and": compound("or", compound("and", HIGH, IS_A), LOW),
    "nested surrogate": compound("and", LOW, compound("surrogate", HIGH, IS_A)),
    "nested or surrogate": compound("or", compound("surrogate", HIGH, IS_A), LOW),
    "or missing": compound("or", GONE, HIGH),
    "missing": GONE,
    "in": within("c", "isIn", '"a" "b"'),
    "not in": within("c", "isNotIn", "a b"),
    "numbers in": within("x1", "isIn", "0 1", "int"),
    "text": IS_A,
    **{f"number {operator}": compare("x1", operator, 1) for operator in COMPARISONS},
}


def bayes(inputs: str) -> str:
    return (
        f'<NaiveBayesModel functionName="classification" threshold="0.001">{schema("k")}{LABELS}<BayesInputs>{inputs}'
        f'</BayesInputs><BayesOutput fieldName="k">{counts(10, 20, 30)}</BayesOutput></NaiveBayesModel>'
    )


def counts(*numbers: int) -> str:
    entries = "".join(
        f'<TargetValueCount value="{label}" count="{count}"/>' for label, count in zip("pqr", numbers, strict=True)
    )
    return f"<TargetValueCounts>{entries}</TargetValueCounts>"


COUNTED = "".join(
    f'<PairCounts value="{value}">{counts(*numbers)}</PairCounts>'
    for value, numbers in (("a", (5, 10, 2)), ("b", (5, 0, 8)), ("k", (0, 10, 20)))
)
GAUSSIAN = "".join(
    f'<TargetValueStat value="{label}"><GaussianDistribution mean="{mean}" variance="{variance}"/></TargetValueStat>'
    for label, mean, variance in (("p", 0, 1), ("q", 2, 4), ("r", 1, 0.5))
)
BY_TEXT = f'<BayesInput fieldName="c">{COUNTED}</BayesInput>'
BY_NUMBER = f'<BayesInput fieldName="x1"><TargetValueStats>{GAUSSIAN}</TargetValueStats></BayesInput>'


def network(activation: str, normalization: str) -> str:
    """Two inputs, two neurons, and one for each label."""

    def neuron(name: str, bias: float, *links: tuple[str, float]) -> str:
        inside = "".join(f'<Con from="{source}" weight="{weight}"/>' for source, weight in links)
        return f'<Neuron id="{name}" bias="{bias}">{inside}</Neuron>'

    inputs = "".join(
        f'<NeuralInput id="0,{index}"><DerivedField optype="continuous" dataType="double">'
        f'<NormContinuous field="{name}"><LinearNorm orig="0" norm="0"/><LinearNorm orig="1" norm="0.5"/>'
        "</NormContinuous></DerivedField></NeuralInput>"
        for index, name in enumerate(("x1", "x2"))
    )
    hidden = neuron("1,0", 0.1, ("0,0", 0.5), ("0,1", -0.3)) + neuron("1,1", -0.2, ("0,0", 0.25), ("0,1", 0.8))
    last = "".join(neuron(f"2,{n}", 0.1 * n, ("1,0", 1.5 - n), ("1,1", -0.7 + n)) for n in range(3))
    outputs = "".join(
        f'<NeuralOutput outputNeuron="2,{index}"><DerivedField optype="categorical" dataType="string"><NormDiscrete '
        f'field="k" value="{label}"/></DerivedField></NeuralOutput>'
        for index, label in enumerate("pqr")
    )
    return (
        f'<NeuralNetwork functionName="classification" activationFunction="{activation}" threshold="0.2">{schema("k")}'
        f"{LABELS}<NeuralInputs>{inputs}</NeuralInputs><NeuralLayer>{hidden}</NeuralLayer><NeuralLayer "
        f'normalizationMethod="{normalization}">{last}</NeuralLayer><NeuralOutputs>{outputs}</NeuralOutputs></NeuralNetwork>'
    )


def machine(attributes: str, absolute: float, *coefficients: float) -> str:
    vectors = "".join(f'<SupportVector vectorId="v{index}"/>' for index in range(3))
    values = "".join(f'<Coefficient value="{value}"/>' for value in coefficients)
    return (
        f"<SupportVectorMachine {attributes}><SupportVectors>{vectors}</SupportVectors>"
        f'<Coefficients absoluteValue="{absolute}">{values}</Coefficients></SupportVectorMachine>'
    )


def tournament(kernel: str) -> str:
    """Each of three labels plays each other, as LibSVM does."""
    vectors = "".join(
        f'<VectorInstance id="v{index}"><Array n="2" type="real">{values}</Array></VectorInstance>'
        for index, values in enumerate(("0 1", "2 -1", "1 3"))
    )
    fields = '<VectorFields numberOfFields="2"><FieldRef field="x1"/><FieldRef field="x2"/></VectorFields>'
    played = "".join(
        machine(f'targetCategory="{one}" alternateTargetCategory="{other}"', *numbers)
        for one, other, numbers in (
            ("p", "q", (0.1, 1, -0.5, 0.2)),
            ("p", "r", (-0.2, -0.3, 0.8, -0.4)),
            ("q", "r", (0.3, 0.1, 0.1, -0.6)),
        )
    )
    return (
        f'<SupportVectorMachineModel functionName="classification" classificationMethod="OneAgainstOne">{schema("k")}'
        f"{LABEL}{kernel}<VectorDictionary>{fields}{vectors}</VectorDictionary>{played}</SupportVectorMachineModel>"
    )


KERNELS = (
    "<LinearKernelType/>",
    '<PolynomialKernelType gamma="0.5" coef0="1" degree="2"/>',
    '<RadialBasisKernelType gamma="0.3"/>',
    '<SigmoidKernelType gamma="0.2" coef0="0.1"/>',
)
GRID: Rows = [{"x1": a / 3, "x2": b / 3, "c": "a"} for a, b in product(range(-6, 7, 2), range(-6, 7, 2))]


def general(link: str) -> str:
    """A generalised linear model, as R writes it."""
    betas = "".join(
        f'<PCell parameterName="p{index}" beta="{beta}"/>' for index, beta in enumerate((0.5, 0.1, -0.2, 0.05))
    )
    parameters = "".join(f'<Parameter name="p{index}"/>' for index in range(4))
    return (
        '<GeneralRegressionModel modelType="generalizedLinear" functionName="regression" '
        f'linkFunction="{link}">{schema()}<ParameterList>{parameters}</ParameterList><FactorList>'
        '<Predictor name="c"/></FactorList><CovariateList>'
        '<Predictor name="x1"/><Predictor name="x2"/></CovariateList><PPMatrix>'
        '<PPCell value="1" predictorName="x1" parameterName="p1"/>'
        '<PPCell value="a" predictorName="c" parameterName="p2"/>'
        '<PPCell value="1" predictorName="x2" parameterName="p3"/></PPMatrix><ParamMatrix>'
        f"{betas}</ParamMatrix></GeneralRegressionModel>"
    )


def target(attributes: str) -> str:
    return f'<Targets><Target field="y" {attributes}/></Targets>'


TREATED = tuple(
    f'invalidValueTreatment="{treatment}" {replacement}'
    for treatment, replacement in product(("returnInvalid", "asIs", "asMissing"), ("", 'missingValueReplacement="b"'))
)
UNSEEN: Rows = [{"x1": 1.0, "x2": 1.0, "c": value} for value in (None, "a", "b", "k", "never", "?", "")]
ROUNDED = (
    '<DerivedField name="d" optype="continuous" dataType="float">'
    f"{apply('if', apply('isMissing', X2), constant(0.1), X2)}</DerivedField>"
)
SKIPPING = tuple(f'missingPredictionTreatment="{how}"' for how in ("skipSegment", "returnMissing"))
ELEMENTS: Mapping[str, tuple[str, Rows]] = {
    **{f"if {name}": (chosen(apply(name, X1, X2)), ALL) for name in COMPARISONS},
    **{f"if not {name}": (chosen(apply("not", apply(name, X1, constant(1)))), ALL) for name in COMPARISONS},
    "if not in": (chosen(apply("isNotIn", X1, constant(1), constant(2.5))), ALL),
    "if in fields": (chosen(apply("isIn", X1, X2, constant(2.5))), ALL),
    "if in what is asked": (chosen(apply("isIn", apply("if", apply("lessThan", X1, X2), X1), constant(0))), ALL),
    "if in": (chosen(apply("isIn", X1, constant(1), constant(2.5))), ALL),
    "if and": (chosen(apply("and", apply("isMissing", X1), apply("lessThan", X2, constant(1)))), ALL),
    "if asked": (derived(apply("if", apply("isMissing", X2), constant(3), apply("+", X2, constant(7)))), ALL),
    "rounded": (derived(apply("round", X1)), ALL),
    "bins": (derived(f'<Discretize field="x1" defaultValue="9" mapMissingTo="8">{BINS}</Discretize>'), ALL),
    **{
        f"{name} {strategy} {without}": (branches(predicate, strategy, without), ALL)
        for name, predicate in PREDICATES.items()
        for strategy, without in STRATEGIES
    },
    **{
        f"tree {strategy} {without}": (
            tree(strategy).replace("<TreeModel", f'<TreeModel noTrueChildStrategy="{without}"'),
            ALL,
        )
        for strategy, without in STRATEGIES
    },
    **{
        f"counted {where} {strategy} {without}": (counted(strategy, without, inside), ALL)
        for where, inside in (("below", ""), ("within", '<ScoreDistribution value="q" recordCount="3"/>'))
        for strategy, without in STRATEGIES
        if strategy != "defaultChild"
    },
    **{f"unseen {how}": (regression(CATEGORY, mining=schema(c=how)), UNSEEN) for how in TREATED},
    **{f"unseen branch {how}": (branches(IS_A).replace(schema(), schema(c=how)), UNSEEN) for how in TREATED},
    **{f"unread {how}": (regression(number("x1", 2), mining=schema(c=how)), UNSEEN) for how in ("", *TREATED)},
    "unread by all": (ensemble("average", LINES), UNSEEN),
    **{
        f"outliers {how}": (
            regression(number("x1", 2), mining=schema(x1=f'outliers="{how}" lowValue="0" highValue="2"')),
            ALL,
        )
        for how in ("asIs", "asMissingValues", "asExtremeValues")
    },
    **{
        f"target {how}": (regression(number("x1", 0.75), target(how)), ALL)
        for how in ('rescaleFactor="3" rescaleConstant="0.7"', 'castInteger="round"', 'min="-1" max="4"')
    },
    **{
        f"{method} {how}": (ensemble(method, LINES).replace("<Segmentation", f"<Segmentation {how}"), ALL)
        for method, how in product(("average", "weightedAverage", "median", "sum"), ("", *SKIPPING))
    },
    **{
        f"labels {method} {how}": (
            ensemble(method, STUMPS, "k", LABEL).replace("<Segmentation", f"<Segmentation {how}"),
            ALL,
        )
        for method, how in product(("majorityVote", "weightedMajorityVote", "average"), ("", *SKIPPING))
    },
    **{
        f"votes {method} {strategy} of {count}": (
            ensemble(
                method,
                [
                    branches(predicate, strategy, "returnNullPrediction")
                    .replace('functionName="regression"', 'functionName="classification"')
                    .replace('score="1"', f'score="{label}"')
                    .replace('score="2"', 'score="q"')
                    .replace('score="9"', 'score="r"')
                    .replace(schema(), bare())
                    for predicate, label in ((LOW, "p"), (IS_A, "q"), (HIGH, "r"), (GONE, "p"))[:count]
                ],
                "k",
                LABELS if method == "majorityVote" else LABEL,
            ),
            [*ALL, *UNSEEN],
        )
        for method, strategy, count in product(
            ("majorityVote", "weightedMajorityVote"), ("none", "lastPrediction"), (3, 4)
        )
    },
    **{f"rules {criterion}": (rules(criterion), ALL) for criterion in ("firstHit", "weightedSum")},
    "bayes": (bayes(BY_TEXT), ALL),
    "bayes with numbers": (bayes(BY_TEXT + BY_NUMBER), ALL),
    **{
        f"network {activation} {normalization}": (network(activation, normalization), ALL)
        for activation, normalization in product(
            ("threshold", "logistic", "tanh", "identity", "sine", "cosine", "Elliott", "arctan", "rectifier"),
            ("none", "softmax"),
        )
    },
    **{f"one against one {kernel}": (tournament(kernel), [*GRID, *ALL]) for kernel in KERNELS},
    **{
        f"labels {method} {strategy} {without}": (
            ensemble(
                method,
                [
                    tree(strategy)
                    .replace("<TreeModel", f'<TreeModel noTrueChildStrategy="{without}"')
                    .replace(LABELS, "")
                    .replace(schema("k"), bare())
                    for _ in range(2)
                ],
                "k",
                LABELS if method == "average" else LABEL,
            ),
            ALL,
        )
        for method, (strategy, without) in product(("average", "majorityVote"), STRATEGIES)
    },
    **{
        f"numbers {method} {strategy} {without}": (
            ensemble(
                method,
                [branches(LOW, strategy, without).replace(schema(), bare()), branches(IS_A).replace(schema(), bare())],
            ),
            ALL,
        )
        for method, (strategy, without) in product(("average", "sum"), STRATEGIES)
    },
    "logit on derived fields": (
        softmax("logit")
        .replace(LABELS, f"{LABELS}<LocalTransformations>{ROUNDED}</LocalTransformations>")
        .replace(number("x2", 0.2), number("d", 0.2) + CATEGORY),
        ALL,
    ),
    **{
        f"logit by {method}": (
            ensemble(method, (softmax("logit").replace(LABELS, ""), STUMPS[0], STUMPS[2]), "k", output),
            ALL,
        )
        for method, output in (("average", LABELS), ("majorityVote", LABEL))
    },
    **{f"clusters {measure}": (clusters(f"<{measure}/>"), ALL) for measure in ("euclidean", "chebychev", "cityBlock")},
    **{f"link {link}": (general(link), ALL) for link in ("identity", "log", "logit", "cloglog", "loglog", "probit")},
}
WHOLE: Rows = [{"x1": a, "x2": b, "c": "a"} for a, b in product((1.0, 2.0, 2.5, None), (1.0, 2.0, None))]
INTEGER = FIELDS.replace(field("x2"), '<DataField name="x2" optype="continuous" dataType="integer"/>')
OF_WHOLE: Mapping[str, str] = {
    "whole": regression(number("x2", 2)),
    "whole branch": branches(compare("x2", "equal", 1)),
    "whole missing": chosen(apply("isMissing", X2)),
    "whole and more": derived(apply("+", X2, "<Constant>1</Constant>")),
    **{
        f"whole {name} {constant}": chosen(apply(name, reference(which), constant))
        for name, which in product(("equal", "notEqual", "isIn", "isNotIn", "lessThan"), ("x1", "x2"))
        for constant in ("<Constant>1</Constant>", '<Constant dataType="double">1</Constant>', X1)
        if (which, constant) != ("x2", X1)
    },
}
DOCUMENTS: Mapping[str, tuple[bytes, Rows]] = {
    **{name: (pmml(INTEGER, model, "4.4"), WHOLE) for name, model in OF_WHOLE.items()},
    **{name: (pmml(FIELDS, model, "4.4"), rows) for name, (model, rows) in ELEMENTS.items()},
    **{
        f"two labels {link}": (
            pmml(
                TWO,
                softmax(link)
                .replace(LABELS, TWO_LABELS)
                .replace('<RegressionTable intercept="0" targetCategory="r"></RegressionTable>', ""),
                "4.4",
            ),
            ALL,
        )
        for link in ("softmax", "logit", "probit", "cloglog", "loglog", "cauchit")
    },
}
