"""What the engine is known to answer wrongly: refused with the reason, or written so that it answers rightly.

Found by comparing with JPMML, the reference implementation, element by element. ``repair`` has what is put right in
trees and forests.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from xml.etree.ElementTree import Element, SubElement

from modelserving.errors import ModelRefused
from modelserving.models.formats.pmml.fields import TARGETS, elements_of, targets_of
from modelserving.models.formats.pmml.guard import check_entries
from modelserving.models.formats.pmml.kinds.bins import settle_bins
from modelserving.models.formats.pmml.repair import mend_general_regressions
from modelserving.models.formats.pmml.required import fails_together

_ITEM = re.compile(r'"((?:\\.|[^"\\])*)"|(\S+)')
_LINKS = frozenset({"logit", "probit", "cloglog", "loglog", "cauchit"})
_SHARE = "modelserving share "
"""Begins the names of fields that no document has; what follows is the index of a label."""


def refuse_faults(root: Element, ordinal: frozenset[str]) -> None:
    """Refuse what the engine would answer wrongly, or cannot answer at all.

    Args:
        root: the document.
        ordinal: names of the fields whose labels have an order.

    Raises:
        ModelRefused: with what it is.
    """
    for element in elements_of(root):
        mixed = element.get("functionName") == "mixed" and len(targets_of(element)) > 1
        reason = "a number and a label for its answer (functionName mixed)" if mixed else _fault(element, ordinal)
        if reason:
            raise ModelRefused(
                f"the PMML model has {reason}, which the engine answers wrongly or not at all. Export it in another "
                "way, or as ONNX."
            )


def _fault(element: Element, ordinal: frozenset[str]) -> str:
    """What is wrong with an element, or nothing."""
    find = _FAULTS.get(element.tag)
    if find is None:
        return ""
    name, value, reason = find
    if value and element.get(name) not in value:
        return ""
    if element.tag == "RegressionModel":
        return reason if targets_of(element) & ordinal else ""
    if element.tag == "MiningModel":
        return reason if element.find("Segmentation") is not None else ""
    if element.tag == "SupportVectorMachineModel":
        return reason if element.get("classificationMethod") == "OneAgainstOne" else ""
    return reason


_RADIAL = frozenset({"radialBasis"})
_FAULTS: Mapping[str, tuple[str, frozenset[str], str]] = {
    "AssociationModel": ("", frozenset(), "association rules"),
    "SequenceModel": ("", frozenset(), "sequence rules"),
    "Regression": ("", frozenset(), "a regression inside of a node"),
    "DecisionTree": ("", frozenset(), "a tree inside of a node"),
    "MiningModel": ("functionName", frozenset({"clustering"}), "an ensemble of clusterings"),
    "RegressionModel": ("functionName", frozenset({"classification"}), "a regression on labels that have an order"),
    "CompoundPredicate": ("booleanOperator", frozenset({"xor"}), "a predicate with xor"),
    "NearestNeighborModel": (
        "continuousScoringMethod",
        frozenset({"weightedAverage"}),
        "a weighted average of nearest neighbours",
    ),
    "Apply": ("function", frozenset({"isNotValid"}), "the function isNotValid"),
    "PoissonDistribution": ("", frozenset(), "a Poisson distribution"),
    "NeuralNetwork": ("activationFunction", _RADIAL, "neurons with a radial basis"),
    "NeuralLayer": ("activationFunction", _RADIAL, "neurons with a radial basis"),
    "Segmentation": ("multipleModelMethod", frozenset({"selectAll"}), "all answers of its segments for one"),
    "SupportVectorMachineModel": ("maxWins", frozenset({"true", "1"}), "vector machines one against one with maxWins"),
}


def mend(root: Element, model: Element) -> None:
    """Write what the engine reads wrongly in a way that it reads rightly.

    Args:
        root: the document; it is changed.
        model: the outermost.

    Raises:
        ModelRefused: there is no such way.
    """
    for field in root.iter("DerivedField"):
        for expression in (inner for name in ("Discretize", "MapValues") for inner in field.findall(name)):
            expression.attrib.setdefault("dataType", field.get("dataType", "string"))  # or its numbers are texts
    for discretize in root.iter("Discretize"):
        settle_bins(discretize)
    mend_general_regressions(root)
    for segmentation in root.iter("MiningModel"):
        _check_votes(segmentation)
    for regression in list(root.iter("RegressionModel")):
        _list_labels(root, regression)
        _empty_second_table(regression)
        _settle_links(regression)
    for machines in root.iter("SupportVectorMachineModel"):
        _list_labels(root, machines)
    for predicate in [element for element in root.iter() if element.find("SimpleSetPredicate") is not None]:
        _spell_out_quotes(predicate)
    _check_order(root)
    _forget_values(root, model)


def _check_votes(model: Element) -> None:
    method = _method(model)
    if model.get("functionName") == "classification" and method in {"median", "max"}:
        raise ModelRefused(
            f"the PMML model takes the {method} of its segments' probabilities, which the engine answers wrongly. "
            "Export it with their average."
        )
    segmentation = model.find("Segmentation")
    treatment = "continue" if segmentation is None else segmentation.get("missingPredictionTreatment", "continue")
    returns = (method, treatment) == ("modelChain", "returnMissing")
    if segmentation is not None and returns and fails_together(segmentation):
        del segmentation.attrib["missingPredictionTreatment"]
        return
    if treatment != "continue" and method in {"modelChain", "selectFirst"}:
        raise ModelRefused(
            f"the PMML model has missingPredictionTreatment for a {method}, which the engine does not know. "
            "Leave it out, or export it as ONNX."
        )


def _settle_links(model: Element) -> None:
    """A regression of more than two labels with a link, to which the engine gives no answer."""
    method, tables = model.get("normalizationMethod", "none"), model.findall("RegressionTable")
    if len(tables) <= 2 or method not in _LINKS | {"exp"} or model.get("functionName") != "classification":
        return
    if method != "logit":  # JPMML answers none of these
        raise ModelRefused(
            f"the PMML model is a regression of {len(tables)} labels with normalizationMethod {method}, to which the "
            "engine gives no answer. Export it with softmax or logit, or as ONNX."
        )
    _write_as_chain(model, tables)


def _write_as_chain(model: Element, tables: list[Element]) -> None:
    """One against all others: a regression for each label, and after them one that divides each by their sum."""
    schemas = model.findall("MiningSchema")[:1]
    fields = [field for schema in schemas for field in schema]
    own = [inner for inner in model if inner.tag == "LocalTransformations"]
    check_entries(len(tables) * sum(1 for inner in (*own, *schemas) for _ in inner.iter()))
    last = Element("RegressionModel", {**model.attrib, "normalizationMethod": "simplemax"})
    shares = SubElement(last, "MiningSchema")
    shares.extend(field for field in fields if field.get("usageType") in TARGETS)
    last.extend(inner for inner in model if inner.tag in {"Output", "Targets"})
    segmentation = Element("Segmentation", multipleModelMethod="modelChain")
    for index, table in enumerate(tables):
        name = f"{_SHARE}{index}"
        one = _segment(segmentation, Element("RegressionModel", functionName="regression", normalizationMethod="logit"))
        SubElement(one, "MiningSchema").extend(field for field in fields if field.get("usageType") not in TARGETS)
        output = SubElement(one, "Output")
        SubElement(output, "OutputField", name=name, optype="continuous", dataType="double", feature="predictedValue")
        alone = Element("RegressionTable", intercept=table.get("intercept", "0"))
        alone.extend(table)
        one.extend([*deepcopy(own), alone])
        SubElement(shares, "MiningField", name=name)
        share = SubElement(last, "RegressionTable", intercept="0", targetCategory=table.get("targetCategory", ""))
        SubElement(share, "NumericPredictor", name=name, coefficient="1")
    _segment(segmentation, last)
    attributes = {name: value for name, value in model.attrib.items() if name != "normalizationMethod"}
    model.clear()
    model.tag = "MiningModel"
    model.attrib.update(attributes)
    model.extend([*schemas, segmentation])


def _segment(segmentation: Element, model: Element) -> Element:
    segment = SubElement(segmentation, "Segment")
    SubElement(segment, "True")
    segment.append(model)
    return model


def _empty_second_table(model: Element) -> None:
    """Of two labels, the second is as likely as the first is not; the engine would ask its table, too."""
    tables = model.findall("RegressionTable")
    if (
        len(tables) == 2
        and model.get("functionName") == "classification"
        and model.get("normalizationMethod") in _LINKS
    ):
        for inner in list(tables[1]):
            tables[1].remove(inner)
        tables[1].set("intercept", "0")


def _list_labels(root: Element, model: Element) -> None:
    """R's e1071 and Spark list no labels in the data dictionary, without which the engine gives no answer."""
    sides = ("targetCategory", "alternateTargetCategory")
    parts = (inner for inner in model if inner.tag in {"SupportVectorMachine", "RegressionTable"})
    named = (part.get(side) for part in parts for side in sides)
    labels = dict.fromkeys(label for label in named if label is not None)
    targets = targets_of(model)
    for field in root.iterfind("DataDictionary/DataField"):
        if field.get("name") in targets and field.get("optype") != "continuous" and field.find("Value") is None:
            for label in labels:
                SubElement(field, "Value", value=label)


def _spell_out_quotes(holder: Element) -> None:
    """The engine does not read quotes inside of quoted texts: such a set is written as its comparisons."""
    for index, predicate in enumerate(holder):
        array = predicate.find("Array") if predicate.tag == "SimpleSetPredicate" else None
        if array is None or '\\"' not in (array.text or ""):
            continue
        inside = predicate.get("booleanOperator") == "isIn"
        spelt = Element("CompoundPredicate", booleanOperator="or" if inside else "and")
        for quoted, plain in _ITEM.findall(array.text or ""):
            value = quoted.replace('\\"', '"') if quoted else plain
            operator = "equal" if inside else "notEqual"
            SubElement(spelt, "SimplePredicate", field=predicate.get("field", ""), operator=operator, value=value)
        holder[index] = spelt if len(spelt) > 1 else spelt[0]


def _check_order(root: Element) -> None:
    """Categories have no order, whatever their texts are."""
    fields = root.iterfind("DataDictionary/DataField")
    unordered = {f.get("name") for f in fields if f.get("optype") == "categorical"}
    for predicate in root.iter("SimplePredicate"):
        if predicate.get("field") in unordered and predicate.get("operator", "").startswith(("less", "greater")):
            raise ModelRefused(
                f"the PMML model asks whether {predicate.get('field')!r} is less or greater, which is a category and "
                "has no order. Give it the optype ordinal, or continuous."
            )


def _forget_values(root: Element, model: Element) -> None:
    """A label that no one has seen is one like any other, if it is taken as it is; the engine would take none.

    The outermost model says so: what it refuses, no segment sees.
    """
    fields = [field for field in model.iterfind("MiningSchema/MiningField") if field.get("usageType") not in TARGETS]
    asis = {field.get("name") for field in fields if field.get("invalidValueTreatment") == "asIs"}
    for field in root.iterfind("DataDictionary/DataField"):
        if field.get("name") in asis and field.get("optype") == "categorical":
            if field.get("dataType") == "double" and field.find("Value") is not None:
                raise ModelRefused(
                    f"the PMML model takes values of {field.get('name')!r} that it does not list as they are, and "
                    "these categories are fractions, which the engine compares wrongly. Export them as texts."
                )
            if field.get("dataType") == "integer":
                field.set("dataType", "string")
            for value in [value for value in field.findall("Value") if value.get("property") != "missing"]:
                field.remove(value)


def _method(model: Element) -> str:
    segmentation = model.find("Segmentation")
    return "" if segmentation is None else segmentation.get("multipleModelMethod", "")
