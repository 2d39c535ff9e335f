"""Values that the engine takes for others: what is missing or invalid, categories that are numbers, targets."""

from __future__ import annotations

from collections.abc import Collection
from xml.etree.ElementTree import Element, SubElement

from modelserving.errors import ModelRefused
from modelserving.models.formats.pmml.cells import Absent
from modelserving.models.formats.pmml.fields import targets_of

_LARGEST = 1.7976931348623157e308
_CHOOSING = frozenset({"modelChain", "selectFirst", "selectAll"})
_TARGET = "modelserving target"
"""The field that a segment predicts which does not say what it predicts; no document has it."""


def settle_missing(root: Element, model: Element, required: Collection[str]) -> tuple[Absent, ...]:
    """Let what is invalid and counts as missing stay invalid, in fields that may not be missing.

    Args:
        root: the document; it is changed.
        model: the outermost.
        required: the names of these fields.

    Returns:
        What else counts as missing in them: the engine would go on without it.
    """
    absent = []
    declared = {f.get("name", ""): _missing_values(f) for f in root.iterfind("DataDictionary/DataField")}
    for field in model.iterfind("MiningSchema/MiningField"):
        name = field.get("name", "")
        if name not in required or field.get("missingValueReplacement") is not None:
            continue
        codes = declared.get(name, frozenset())
        if field.get("outliers") == "asMissingValues":
            low, high = field.get("lowValue", "-inf"), field.get("highValue", "inf")
            absent.append(Absent(name, codes, float(low), float(high)))
        elif codes:
            absent.append(Absent(name, codes))
        if field.get("invalidValueTreatment") == "asMissing":
            field.set("invalidValueTreatment", "returnInvalid")
    return tuple(absent)


def _missing_values(field: Element) -> frozenset[str]:
    return frozenset(v.get("value", "") for v in field.iterfind("Value") if v.get("property") == "missing")


def settle_outliers(root: Element) -> None:
    """Give outliers of one side a bound on the other: the engine fails where it has none."""
    for field in root.iter("MiningField"):
        if field.get("outliers", "asIs") != "asIs":
            field.attrib.setdefault("lowValue", repr(-_LARGEST))
            field.attrib.setdefault("highValue", repr(_LARGEST))


def settle_categories(root: Element) -> None:
    """Let derived numbers that are categories be numbers, where predicates ask for them: the engine compares places.

    Naive Bayes and general regressions take them as categories, and those that list their values have an order.
    """
    counted = {item.get("fieldName", "") for item in root.iter("BayesInput")}
    counted |= {item.get("name", "") for factors in root.iter("FactorList") for item in factors.iter("Predictor")}
    for field in root.iter("DerivedField"):
        categorical = field.get("optype", "continuous") != "continuous" and field.find("Value") is None
        if categorical and field.get("dataType") in {"double", "float"} and field.get("name") not in counted:
            field.set("optype", "continuous")


def settle_targets(root: Element, model: Element) -> None:
    """Let each segment that rescales its answer say what it predicts.

    Args:
        root: the document; it is changed.
        model: the outermost, which says so by itself.

    Raises:
        ModelRefused: a segment rescales a field that is not its answer.
    """
    added = _name_ensembles(root, model)
    for segment in model.iterfind(".//Segment/*"):
        own = targets_of(segment)
        for target in segment.findall("Targets/Target"):
            name = target.get("field")
            if name is not None and name not in own:
                raise ModelRefused(
                    f"a segment of the PMML model has a target {name!r}, which its mining schema does not say that it "
                    "predicts: engines read that differently. Add it there, with the usageType target."
                )
            if name is None and own:
                target.set("field", min(own))
            elif name is None and segment.get("functionName") == "regression":
                target.set("field", _TARGET)
                added = added or _add_target(root)
                for schema in segment.findall("MiningSchema")[:1]:
                    SubElement(schema, "MiningField", name=_TARGET, usageType="target")


def _name_ensembles(root: Element, model: Element) -> bool:
    """Let ensembles within one say what they predict, too: the engine asks. Whether a field was added for it."""
    added = False
    for ensemble in model.iter("MiningModel"):
        method = next((s.get("multipleModelMethod") for s in ensemble.findall("Segmentation")), "")
        for inner in ensemble.findall("Segmentation/Segment/MiningModel") if method not in _CHOOSING else ():
            name = next(iter(targets_of(ensemble)), "") if inner.get("functionName") == "classification" else _TARGET
            schema = inner.find("MiningSchema")
            if name and schema is not None and not targets_of(inner):
                added = added or (name == _TARGET and _add_target(root))
                SubElement(schema, "MiningField", name=name, usageType="target")
    return added


def _add_target(root: Element) -> bool:
    for dictionary in root.findall("DataDictionary"):
        SubElement(dictionary, "DataField", name=_TARGET, optype="continuous", dataType="double")
    return True
