"""Where PMML4S would misread a document, the document is changed so that it cannot.

Each repair was found by comparing with JPMML, the reference implementation, on models of Spark and scikit-learn:

- a forest of Spark always answered its third class, since its leaves list only the classes they saw;
- of classes that are equally likely it took any, and not the first;
- where trees vote and tie, it took any, and not the one that was voted for first;
- where classes of a support vector machine tie, it took any, and not the one that won first;
- fields of single precision were kept in double precision, and fell on the other side of a tree's threshold.
"""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement

import numpy as np

from modelserving.errors import ModelRefused
from modelserving.models.formats.pmml.fields import TARGETS, VOTES
from modelserving.models.formats.pmml.guard import check_entries
from modelserving.models.formats.pmml.kinds.models import find_shares

_CLASSIFICATION = "classification"
_SELECTING = {"modelChain", "selectFirst"}
_AVERAGING = {"average", "weightedAverage", "median", "weightedMedian", "x-weightedMedian"}
_MOST_LABELS = 50
_MOST_MACHINES = _MOST_LABELS * (_MOST_LABELS - 1) // 2
_SPLITTER = 2.0**29 + 1
"""Veltkamp's: with it, a subtraction leaves the upper 24 of 53 bits, which are those of single precision."""


def repair(root: Element, model: Element) -> tuple[str, list[str]]:
    """Change a document so that the engine reads it as it is meant.

    Args:
        root: the document, its elements without namespace; it is changed.
        model: the model element in it.

    Returns:
        The field that it predicts, empty if it does not say; and the labels of that field.

    Raises:
        ModelRefused: it would grow too large.
        ValueError, IndexError: it contradicts itself, or lacks something.
    """
    labels = _labels_of_fields(root)
    _complete_trees([(tree, labels.get(target, [])) for tree, target in _trees(model, "")])
    _round_to_single_precision(root)
    target = _target(model)
    return target, labels.get(target, [])


def reduce_outputs(model: Element, target: str, labels: list[str]) -> tuple[str, ...]:
    """Let the model answer only what is asked.

    Args:
        model: repaired; it is changed.
        target: the field that it predicts.
        labels: of that field.

    Returns:
        The labels whose probabilities the model now outputs, in the order of its outputs, if its answer is the most
        likely of them; empty if its only output is its answer.

    Raises:
        ValueError, IndexError: it contradicts itself, or lacks something.
    """
    _play_tournaments(model, labels)
    for segmentation in model.iter("Segmentation"):
        _break_ties_of_votes(segmentation)
    return tuple(_reduce_output(model, {target: labels}, target))


def _labels_of_fields(root: Element) -> dict[str, list[str]]:
    """For each field of the data dictionary, the values that it lists, in that order."""
    fields = root.iterfind("DataDictionary/DataField")
    return {field.get("name", ""): [value.get("value", "") for value in field.iterfind("Value")] for field in fields}


def _trees(model: Element, target: str) -> list[tuple[Element, str]]:
    """The classification trees in ``model``, each with its target; a segment may leave that to the model around it."""
    target = _target(model) or target
    found = [(model, target)] if model.tag == "TreeModel" and model.get("functionName") == _CLASSIFICATION else []
    return found + [tree for inner in model.iterfind("Segmentation/Segment/*") for tree in _trees(inner, target)]


def _target(model: Element) -> str:
    fields = model.iterfind("MiningSchema/MiningField")
    return next((field.get("name", "") for field in fields if field.get("usageType") in TARGETS), "")


def _complete_trees(trees: list[tuple[Element, list[str]]]) -> None:
    """Give every node that has a distribution all the labels of its tree, in one order, and a score."""
    plans: list[tuple[list[Element], list[str]]] = []
    entries = 0
    for tree, labels in trees:
        nodes = [node for node in tree.iter("Node") if node.find("ScoreDistribution") is not None]
        if nodes:
            plans.append((nodes, _order(nodes, labels)))
            entries += len(nodes) * len(plans[-1][1])
            check_entries(entries)
    for nodes, order in plans:
        for node in nodes:
            _complete_node(node, order)


def _order(nodes: list[Element], labels: list[str]) -> list[str]:
    """The labels of the data dictionary, and after them those that only the nodes know."""
    seen = (entry.get("value", "") for node in nodes for entry in node.iterfind("ScoreDistribution"))
    return list(dict.fromkeys([*labels, *seen]))


def _complete_node(node: Element, order: list[str]) -> None:
    entries = {entry.get("value", ""): entry for entry in node.findall("ScoreDistribution")}
    index = list(node).index(next(iter(entries.values())))
    counts = {name for entry in entries.values() for name in entry.attrib} - {"value"}
    if node.get("score") is None:
        node.set("score", max((label for label in order if label in entries), key=lambda label: _count(entries[label])))
    for entry in entries.values():
        node.remove(entry)
    for offset, label in enumerate(order):
        absent = Element("ScoreDistribution", {"value": label, **dict.fromkeys(counts, "0")})
        node.insert(index + offset, entries.get(label, absent))


def _count(entry: Element) -> float:
    return float(entry.get("recordCount") or entry.get("probability") or 0.0)


def _break_ties_of_votes(segmentation: Element) -> None:
    """Give earlier votes a little more weight: of labels with equally many, the first that was voted for wins."""
    method = segmentation.get("multipleModelMethod")
    if method not in VOTES:
        return
    segmentation.set("multipleModelMethod", "weightedMajorityVote")
    segments = segmentation.findall("Segment")
    weights = [float(s.get("weight", "1")) if method == "weightedMajorityVote" else 1.0 for s in segments]
    smallest = min((weight for weight in weights if weight > 0), default=1.0)
    for index, (segment, weight) in enumerate(zip(segments, weights, strict=True)):
        segment.set("weight", repr(weight + smallest * 2.0 ** -(20 + min(index, 25))))


def _round_to_single_precision(root: Element) -> None:
    """Make fields, and the numbers that they are compared with, what 32 bits can hold."""
    derived = [field for field in root.iter("DerivedField") if field.get("dataType") == "float"]
    names = {field.get("name") for field in (*derived, *root.iter("DataField")) if field.get("dataType") == "float"}
    for field in derived:
        if field.get("optype") == "continuous" and len(field):
            expression = field[-1]
            field[-1] = _rounded(expression)
    for predicate in root.iter("SimplePredicate"):
        if predicate.get("field") in names and predicate.get("value") is not None:
            predicate.set("value", _round_text(predicate.get("value", "")))


def _rounded(expression: Element) -> Element:
    """PMML has no function that rounds to single precision: x·c - (x·c - x) does."""
    product = Element("Apply", function="*")
    product.append(expression)
    SubElement(product, "Constant", dataType="double").text = repr(_SPLITTER)
    rest = Element("Apply", function="-")
    rest.extend([product, expression])
    upper = Element("Apply", function="-")
    upper.extend([product, rest])
    return upper


def _round_text(value: str) -> str:
    try:
        return repr(float(np.float32(value)))
    except ValueError:
        return value


def _reduce_output(model: Element, labels: dict[str, list[str]], target: str) -> list[str]:
    """Make the answer the only output, or the probabilities that it can be told from; see ``repair``.

    Spark's classifiers declare probabilities and no predicted value. And what is not asked for costs nothing: a tree
    with six probabilities takes half as long again. A chain, and a choice between segments, answer what their segments
    answer, so there the segments are asked.
    """
    target = _target(model) or target
    segmentation = model.find("Segmentation")
    method = segmentation.get("multipleModelMethod") if segmentation is not None else None
    if segmentation is not None and method in _SELECTING:
        _drop_output(model)
        asked = segmentation.findall("Segment")[-1 if method == "modelChain" else 0 :]
        found = [_reduce_output(segment[-1], {} if len(asked) > 1 else labels, target) for segment in asked]
        return found[0] if found else []
    classifies, known = model.get("functionName") == _CLASSIFICATION, labels.get(target, [])
    chosen = (known if method in _AVERAGING else find_shares(model, known)) if classifies else []
    if not 0 < len(chosen) <= _MOST_LABELS:
        _set_output(model, [])
        return []
    _set_output(model, chosen)
    return chosen


def _play_tournaments(model: Element, labels: list[str]) -> None:
    """Write a support vector machine in which each label plays each other as votes, of one machine each.

    Where labels have won equally often, the engine takes any, and JPMML the one that won first.
    """
    if model.tag == "SupportVectorMachineModel":
        machines = model.findall("SupportVectorMachine")
        plays = model.get("classificationMethod") == "OneAgainstOne"
        if plays and not 0 < len(labels) <= _MOST_LABELS:
            raise ValueError(
                f"the data dictionary lists {len(labels)} labels; vector machines take 1 to {_MOST_LABELS}"
            )
        if plays and len(machines) > 1:
            _write_as_votes(model, machines)
        return
    for segment in model.iterfind("Segmentation/Segment"):
        _play_tournaments(segment[-1], labels)


def _write_as_votes(model: Element, machines: list[Element]) -> None:
    if len(machines) > _MOST_MACHINES:
        raise ValueError(f"its labels play each other in {len(machines)} machines; at most {_MOST_MACHINES} do")
    schema = model.find("MiningSchema")
    kept = [inner for inner in model if inner.tag in {"MiningSchema", "Output", "Targets", "LocalTransformations"}]
    players = [inner for inner in model if inner not in kept and inner not in machines and inner.tag != "Extension"]
    vectors = {vector.get("id"): vector for vector in model.iterfind("VectorDictionary/VectorInstance")}
    attributes = dict(model.attrib)
    segmentation = Element("Segmentation", multipleModelMethod="majorityVote")
    for number, machine in enumerate(machines, start=1):
        segment = SubElement(segmentation, "Segment", id=str(number))
        SubElement(segment, "True")
        player = SubElement(segment, model.tag, attributes)
        player.extend([] if schema is None else [schema])
        player.extend(_own_vectors(inner, machine, vectors) for inner in players)
        player.append(machine)
    model.clear()
    model.tag = "MiningModel"
    model.set("functionName", _CLASSIFICATION)
    model.extend([*kept, segmentation])


def _own_vectors(inner: Element, machine: Element, vectors: Mapping[str | None, Element]) -> Element:
    """The dictionary with the vectors of one machine only."""
    if inner.tag != "VectorDictionary":
        return inner
    own = Element(inner.tag)
    own.extend(other for other in inner if other.tag != "VectorInstance")
    used = dict.fromkeys(vector.get("vectorId") for vector in machine.iter("SupportVector"))
    own.extend(vectors[name] for name in used if name in vectors)
    own.set("numberOfVectors", str(len(own.findall("VectorInstance"))))
    return own


def mend_general_regressions(root: Element) -> None:
    """Write general regressions so that the engine reads them rightly.

    Raises:
        ModelRefused: there is no such way.
    """
    labels = _labels_of_fields(root)
    for model in root.iter("GeneralRegressionModel"):
        _mend_general_regression(model, labels)


def _mend_general_regression(model: Element, labels: Mapping[str, list[str]]) -> None:
    kind, function, reference = (model.get(n, "") for n in ("modelType", "functionName", "targetReferenceCategory"))
    known = set(labels.get(_target(model), []))
    reason = ""
    if kind == "CoxRegression":
        reason = "is a Cox regression"
    elif kind == "ordinalMultinomial" and model.get("cumulativeLink") == "loglog":
        reason = "has the cumulative link loglog"
    elif kind == "multinomialLogistic" and known and not (reference or known - _categories(model)):
        reason = "has coefficients for each label and none as the reference (targetReferenceCategory)"
    if reason:
        raise ModelRefused(f"the PMML model {reason}, which the engine answers wrongly. Export it as ONNX.")
    if function == "classification" and kind in {"generalizedLinear", "regression", "generalLinear"}:
        _write_as_multinomial(model, labels)


def _write_as_multinomial(model: Element, labels: Mapping[str, list[str]]) -> None:
    """A logistic regression of two labels, which R writes as a generalised linear model, as one of many labels."""
    targets = _categories(model)
    known = labels.get(_target(model), [])
    if model.get("linkFunction") != "logit" or len(targets) != 1 or len(known) != 2 or not targets < set(known):
        raise ModelRefused(
            "the PMML model classifies by a general regression that is no logistic one of two labels, which the engine "
            "answers wrongly. Export it as a multinomial logistic regression."
        )
    [category] = targets
    for cell in model.iterfind("ParamMatrix/PCell"):
        cell.set("targetCategory", category)
    model.set("modelType", "multinomialLogistic")
    model.set("targetReferenceCategory", next(label for label in known if label != category))
    for name in ("linkFunction", "distribution", "distParameter", "linkParameter"):
        model.attrib.pop(name, None)


def _categories(model: Element) -> set[str]:
    """The labels that have coefficients."""
    return {cell.attrib["targetCategory"] for cell in model.iter("PCell") if "targetCategory" in cell.attrib}


def _set_output(model: Element, labels: list[str]) -> None:
    """Let ``model`` output the probabilities of ``labels``, or its answer if there are none."""
    _drop_output(model)
    output = Element("Output")
    schema = model.find("MiningSchema")
    model.insert(list(model).index(schema) + 1 if schema is not None else 0, output)
    if not labels:
        SubElement(output, "OutputField", name="predictedValue", feature="predictedValue")
    for label in labels:
        SubElement(output, "OutputField", name=f"probability({label})", feature="probability", value=label)


def _drop_output(model: Element) -> None:
    for output in model.findall("Output"):
        model.remove(output)
