"""Which fields of a record may not be missing: where the engine would go on, and PMML would not.

An answer that JPMML does not give is none of ours: such a record is a problem that names the field.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.etree.ElementTree import Element

__all__ = ["find_required"]

_PREDICATES = frozenset({"SimplePredicate", "SimpleSetPredicate", "CompoundPredicate", "True", "False"})
_MEDIANS = frozenset({"median", "weightedMedian", "x-weightedMedian"})
_VOTES = frozenset({"majorityVote", "weightedMajorityVote"})
_OUTSIDE = frozenset({"target", "predicted"})
_AWARE = frozenset({"isMissing", "isNotMissing"})


def find_required(root: Element, model: Element) -> frozenset[str]:
    """The fields that may not be missing, unless the model replaces them.

    The engine takes a missing factor of a general regression as no effect, a tree that has no answer as no vote, and
    a predicate that cannot be known as one that is false.

    Args:
        root: the document.
        model: the outermost.
    """
    replaced = {field.get("name") for field in root.iter("MiningField") if field.get("missingValueReplacement")}
    fields = [field for field in model.findall("MiningSchema/MiningField") if field.get("usageType") not in _OUTSIDE]
    names = frozenset(field.get("name", "") for field in fields) - replaced
    if model.tag == "GeneralRegressionModel":
        return frozenset(names & {cell.get("predictorName", "") for cell in model.iter("PPCell")})
    if _counts_all(model):
        return names
    sources = _sources(root)
    used = {name for tree in model.iter("TreeModel") for name in _decisive(tree)}
    used |= {name for regression in model.iter("RegressionModel") for name in _second(regression)}
    for vectors in model.iter("VectorFields"):  # a machine without an answer would have no vote
        used |= {inner.get("field", inner.get("name", "")) for inner in vectors}
    return names & {source for name in used for source in _inputs(name, sources)}


def _counts_all(model: Element) -> bool:
    """Whether segments without an answer change that of the whole, in another way than in the engine."""
    segmentation = model.find("Segmentation")
    if segmentation is None:
        return False
    method, classifies = segmentation.get("multipleModelMethod"), model.get("functionName") == "classification"
    strategies = {tree.get("missingValueStrategy", "none") for tree in model.iter("TreeModel")}
    others = any(inner.tag != "TreeModel" for inner in segmentation.iterfind("Segment/*") if _is_model(inner))
    if classifies and segmentation.get("missingPredictionTreatment") == "skipSegment":
        return True
    unanswered = bool(strategies & {"none", "nullPrediction"})
    return (method in _VOTES and unanswered) or (method in _MEDIANS and (unanswered or others))


def _is_model(element: Element) -> bool:
    return element.tag not in _PREDICATES and element.tag != "Extension"


def _decisive(tree: Element) -> set[str]:
    """The fields of a tree without which PMML and the engine go different ways."""
    strategy, last = tree.get("missingValueStrategy", "none"), tree.get("noTrueChildStrategy") == "returnLastPrediction"
    if strategy == "aggregateNodes" or (strategy in {"nullPrediction", "weightedConfidence"} and last):
        return {name for node in tree.iter("Node") for name in _fields(node)} - _asked(tree)
    if strategy not in {"nullPrediction", "lastPrediction"}:
        return set()
    found: set[str] = set()
    for node in tree.iter("Node"):
        groups = [frozenset(_fields(child)) for child in node.findall("Node")]
        if len(set(groups) - {frozenset()}) > 1:
            found |= frozenset().union(*groups) - _asked(node)
    return found


def _second(model: Element) -> set[str]:
    """What only the second of two tables reads, which the answer does not need: PMML wants it all the same."""
    tables = model.findall("RegressionTable")
    return {inner.get("name", "") for inner in tables[1].iter("NumericPredictor")} if len(tables) == 2 else set()


def _fields(node: Element) -> Iterator[str]:
    """Those of a node's own predicate."""
    for inner in node:
        if inner.tag in _PREDICATES:
            yield from (predicate.get("field", "") for predicate in inner.iter() if predicate.get("field"))


def _asked(node: Element) -> set[str]:
    """Those of which a predicate asks whether they are missing."""
    return {p.get("field", "") for p in node.iter("SimplePredicate") if p.get("operator") in _AWARE}


def _sources(root: Element) -> Mapping[str, frozenset[str]]:
    """What each derived field is made of; nothing, if it provides for what is missing."""
    return {field.get("name", ""): _sources_of(field) for field in root.iter("DerivedField")}


def _sources_of(field: Element) -> frozenset[str]:
    for inner in field.iter():
        if inner.get("mapMissingTo") is not None or inner.get("function") in _AWARE:
            return frozenset()
    names = {inner.get("field", "") for inner in field.iter() if inner.get("field")}
    return frozenset(names - {field.get("name", "")})


def _inputs(name: str, sources: Mapping[str, frozenset[str]]) -> set[str]:
    """The fields of the record that a field comes from."""
    found, left = set(), [name]
    seen: set[str] = set()
    while left:
        current = left.pop()
        if current in seen:
            continue
        seen.add(current)
        if current in sources:
            left.extend(sources[current])
        else:
            found.add(current)
    return found
