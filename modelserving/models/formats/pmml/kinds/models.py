"""Kinds of models of which the engine reads an attribute in another way than PMML, or not at all."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from xml.etree.ElementTree import Element

from modelserving.errors import ModelRefused
from modelserving.models.formats.pmml.fields import elements_of, targets_of

_DISTANCES = frozenset({"euclidean", "squaredEuclidean", "chebychev", "cityBlock", "minkowski"})
_OF_BITS = frozenset({"simpleMatching", "jaccard", "tanimoto", "binarySimilarity"})
_OFFSETS = ("offsetVariable", "offsetValue")
_FIRST_BIT, _MOST_BITS = 20, 26
"""Of a number's 53 bits: weights have the first ones, the order of rules the next."""
_SIDES = ("targetCategory", "alternateTargetCategory")
_SHARING = frozenset({"softmax", "simplemax"})
_MULTINOMIAL = frozenset({"ordinalMultinomial", "multinomialLogistic"})


def refuse_models(root: Element) -> None:
    """Refuse the models of a document, also those of its segments, that the engine would answer wrongly.

    Args:
        root: the document, as it arrived: the data dictionary has the types that it declares.

    Raises:
        ModelRefused: with what it is.
    """
    texts = _texts(root)
    lenient = any(field.get("invalidValueTreatment") == "asIs" for field in root.iter("MiningField"))
    for element in elements_of(root):
        find = _KINDS.get(element.tag)
        reason = find(element, texts) if find is not None else ""
        if lenient and element.get("function") == "isValid":
            asked = ", ".join(repr(inner.get("field")) for inner in element.iter("FieldRef"))
            reason = f"the function isValid ({asked}), and fields that are taken as they are"
        if reason:
            raise ModelRefused(
                f"the PMML model has {reason}{_where(root, element)}, which engines answer differently, or wrongly. "
                "Export it in another way, or as ONNX."
            )


def settle_machines(root: Element) -> None:
    """Say of one machine between the two labels of its target that they play each other.

    R writes it so for kernlab, and says nothing, which would mean that the first label is against all others: it would
    be the answer to everything.

    Args:
        root: the document; it is changed.
    """
    listed = {
        field.get("name"): {value.get("value") for value in field.iterfind("Value")}
        for field in root.iterfind("DataDictionary/DataField")
    }
    for model in root.iter("SupportVectorMachineModel"):
        machines = model.findall("SupportVectorMachine")
        if len(machines) == 1 and model.get("classificationMethod") is None:
            sides = {machines[0].get(side) for side in _SIDES}
            if len(sides) == 2 and all(listed.get(target) == sides for target in targets_of(model) or {""}):
                model.set("classificationMethod", "OneAgainstOne")


def _where(root: Element, element: Element) -> str:
    """The innermost segment that something is in, as a part of a sentence; nothing if it is in none that has a name."""
    segments = [segment for segment in root.iter("Segment") if segment.get("id") is not None]
    around = [segment.get("id") for segment in segments if any(inner is element for inner in segment.iter())]
    return f" (in segment {around[-1]!r})" if around else ""


def find_shares(model: Element, labels: Sequence[str]) -> list[str]:
    """The labels of a model whose answer is the largest of their shares, in its order; empty if it is not.

    Those of a softmax may be too large for a number: then the engine takes any label, and its probabilities tell. And
    a network's labels that are numbers it spells in its own way.

    Args:
        model: a model that has no segments.
        labels: all those of its target.
    """
    named: list[str] = []
    if model.tag == "RegressionModel" and model.get("normalizationMethod") in _SHARING:
        named = [table.get("targetCategory", "") for table in model.findall("RegressionTable")]
    elif model.tag == "NeuralNetwork":
        named = [norm.get("value", "") for norm in model.iterfind("NeuralOutputs/NeuralOutput/*/NormDiscrete")]
    return named if set(named) == set(labels) and len(named) == len(labels) else []


def break_ties_of_rules(model: Element) -> None:
    """Give earlier rules a little more weight: of labels with equal weights the one that was found first wins.

    Rules for one label that follow each other get the same little: more than that of all rules behind them together.

    Args:
        model: the outermost; it is changed, with all in it.

    Raises:
        ModelRefused: the labels of rules take turns too often for that, and their weights may well have equal sums.
    """
    for rules in model.iter("RuleSet"):
        if _criterion(rules) != "weightedSum":
            continue
        fired = [*rules.iter("SimpleRule")]
        weights = [float(rule.get("weight", "1")) for rule in fired]
        smallest, used = min((weight for weight in weights if weight > 0), default=1.0), 0
        for _, run in itertools.groupby(zip(fired, weights, strict=True), key=lambda one: one[0].get("score")):
            together = [*run]
            used += len(together).bit_length()
            for rule, weight in together:
                rule.set("weight", repr(weight + smallest * 2.0 ** -(_FIRST_BIT + min(used, _MOST_BITS))))
        if used > _MOST_BITS and all(round(weight / smallest, 9).is_integer() for weight in weights):
            raise ModelRefused(
                f"the PMML model has {len(fired)} rules by weightedSum whose weights are alike and whose labels take "
                "turns: of labels with equal sums the engine takes any. Put the rules for one label together."
            )


def _texts(root: Element) -> frozenset[str]:
    """The names of fields that are texts, or categories of the record."""
    categories = {
        f.get("name", "") for f in root.iterfind("DataDictionary/DataField") if f.get("optype") != "continuous"
    }
    fields = (field for field in root.iter("DerivedField") if field.get("dataType") in {"string", "boolean"})
    return frozenset(categories | {field.get("name", "") for field in fields})


def _of_clusters(model: Element, _texts: frozenset[str]) -> str:
    for field in model.iter("ClusteringField"):
        if field.get("isCenterField") in {"false", "0"}:
            return f"a clustering field {field.get('field')!r} that is no part of the centres (isCenterField)"
    return _of_measure(model)


def _of_measure(model: Element) -> str:
    for comparison in model.findall("ComparisonMeasure"):
        for measure in comparison:
            if measure.tag in _OF_BITS:
                return f"a similarity of yes and no ({measure.tag})"
            if measure.tag in _DISTANCES and comparison.get("kind") == "similarity":
                return f"a distance ({measure.tag}) for its similarity"
    return ""


def _of_neighbours(model: Element, texts: frozenset[str]) -> str:
    if model.get("categoricalScoringMethod") == "weightedMajorityVote":
        return "a weighted vote of nearest neighbours"
    found = [item.get("field", "") for item in model.iter("KNNInput") if item.get("field") in texts]
    return f"nearest neighbours by a text or a category ({found[0]})" if found else _of_measure(model)


def _of_network(model: Element, _texts: frozenset[str]) -> str:
    outputs = model.findall("NeuralOutputs/NeuralOutput")
    if model.get("functionName") == "classification" and len(outputs) == 1:
        return "a network with one output for its labels"
    for norm in (norm for output in outputs for norm in output.iter("NormContinuous")):
        values = [float(point.get("norm", "nan")) for point in norm.findall("LinearNorm")]
        rising = all(one < other for one, other in itertools.pairwise(values))
        if not rising and (len(values) > 2 or norm.get("outliers", "asIs") != "asIs"):
            return "a network whose output is normalised by values that do not rise"
    return ""


def _of_machines(model: Element, _texts: frozenset[str]) -> str:
    if model.get("functionName") != "classification":
        return ""
    machines = model.findall("SupportVectorMachine")
    if model.get("alternateBinaryTargetCategory") is not None:
        return "a vector machine with alternateBinaryTargetCategory"
    named = [machine.get("alternateTargetCategory") is not None for machine in machines]
    if model.get("classificationMethod", "OneAgainstAll") == "OneAgainstOne":
        return "" if all(named) else "vector machines one against one that name no alternateTargetCategory"
    if any(named) and not _mirrored(machines):
        raise ModelRefused(
            "the PMML model has vector machines that name two labels each, and says that each is against all others: "
            'engines read that differently. Give it classificationMethod="OneAgainstOne".'
        )
    if len(machines) == 1:
        return "one vector machine that is against all others"
    against = {machine.get("targetCategory") for machine in machines}
    return "" if len(against) == len(machines) else "vector machines of which several are for one label"


def _mirrored(machines: Sequence[Element]) -> bool:
    """Whether there are two machines for one line between two labels, seen from either side: kernlab writes that.

    Then it is the same whether each is against all others, or both play each other.
    """
    if len(machines) != 2:
        return False
    one, other = machines
    turned = [one.get(side) for side in _SIDES] == [other.get(side) for side in reversed(_SIDES)]
    vectors = [[vector.get("vectorId") for vector in machine.iter("SupportVector")] for machine in machines]
    return turned and vectors[0] == vectors[1] and _values(one) == [-value for value in _values(other)]


def _values(machine: Element) -> list[float]:
    offsets = [float(inner.get("absoluteValue", "0")) for inner in machine.iter("Coefficients")]
    return offsets + [float(inner.get("value", "0")) for inner in machine.iter("Coefficient")]


def _of_general_regression(model: Element, _texts: frozenset[str]) -> str:
    if any(predictor.find("Matrix") is not None for predictor in model.iter("Predictor")):
        return "a general regression with a contrast matrix"
    offset = next((name for name in _OFFSETS if model.get(name) is not None), "")
    labels = model.get("functionName") == "classification" or model.get("modelType") in _MULTINOMIAL
    return f"a general regression of labels with {offset}" if offset and labels else ""


def _of_bayes(model: Element, _texts: frozenset[str]) -> str:
    """The label counts that an input may leave out are zero to the engine, and unknown to others."""
    known = _counted(model.findall("BayesOutput/TargetValueCounts/TargetValueCount"))
    for given in model.iterfind("BayesInputs/BayesInput"):
        for pairs in given.findall("PairCounts"):
            if known - _counted(pairs.findall("TargetValueCounts/TargetValueCount")):
                named = f"{given.get('fieldName')!r} is {pairs.get('value')!r}"
                return f"no count for some label where {named} (zero has to be written)"
    return ""


def _counted(counts: Sequence[Element]) -> set[str]:
    return {count.get("value", "") for count in counts}


def _of_rules(model: Element, _texts: frozenset[str]) -> str:
    """Of the rules that fire, PMML takes the heaviest, and others the surest: that may be the same."""
    rules = model.find("RuleSet")
    if rules is None or _criterion(rules) != "weightedMax":
        return ""
    same = all(
        float(rule.get("weight", "1")) == float(rule.get("confidence", "1")) for rule in rules.iter("SimpleRule")
    )
    return "" if same else "rules chosen by weightedMax whose weights are not their confidences"


def _criterion(rules: Element) -> str:
    method = rules.find("RuleSelectionMethod")
    return "" if method is None else method.get("criterion", "")


_KINDS: Mapping[str, Callable[[Element, frozenset[str]], str]] = {
    "ClusteringModel": _of_clusters,
    "NearestNeighborModel": _of_neighbours,
    "NeuralNetwork": _of_network,
    "SupportVectorMachineModel": _of_machines,
    "GeneralRegressionModel": _of_general_regression,
    "NaiveBayesModel": _of_bayes,
    "RuleSetModel": _of_rules,
}
