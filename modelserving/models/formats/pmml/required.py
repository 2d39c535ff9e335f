"""Which fields of a record may not be missing: where the engine would go on, and PMML would not.

An answer that JPMML does not give is none of ours: such a record is a problem that names the field.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TypeAlias
from xml.etree.ElementTree import Element

from modelserving.models.formats.pmml.fields import TARGETS, VOTES, names_read, votes_by_text

_PREDICATES = frozenset({"SimplePredicate", "SimpleSetPredicate", "CompoundPredicate", "True", "False"})
_MEDIANS = frozenset({"median", "weightedMedian", "x-weightedMedian"})
_DEEPEST = 2  # compounds within compounds: what asks for the unknown ones is three times as long for each level
_AWARE = frozenset({"isMissing", "isNotMissing"})
_ARITHMETIC = frozenset({"+", "-", "*", "/", "exp", "ln", "sqrt", "abs"})
_OPPOSITES = {"equal": "notEqual", "lessThan": "greaterOrEqual", "greaterThan": "lessOrEqual", "isIn": "isNotIn"}
_OPPOSITES |= {opposite: operator for operator, opposite in _OPPOSITES.items()}


def settle_branches(root: Element) -> set[int]:
    """Let trees ask before each branch whether it can be known, where the engine would go on to the next one.

    What the document wants then, its last prediction or none, is a leaf of its own. Trees that ask in another way than
    ``_unknown`` can tell stay as they are, and ``find_required`` says what may not be missing.

    Returns:
        The trees that ask, by their identity; they are changed.
    """
    settled: set[int] = set()
    ensembles = [*root.iter("Segmentation")]
    inside = {id(tree) for ensemble in ensembles for tree in ensemble.iter("TreeModel")}
    voting = {
        id(tree)
        for ensemble in ensembles
        if ensemble.get("multipleModelMethod") in VOTES
        for tree in ensemble.iterfind("Segment/TreeModel")
    }
    for tree in root.iter("TreeModel"):
        make_leaf = _LEAVES.get(tree.get("missingValueStrategy", "none"))
        classifies = tree.get("functionName") == "classification"
        if make_leaf is None or not ((id(tree) in voting and classifies) or _decisive(tree)):
            continue
        # an ensemble works with the counts of its trees: a leaf without them would leave it without an answer
        plans = [(node, _settled(node, make_leaf, id(tree) in inside and classifies)) for node in tree.iter("Node")]
        if all(children is not None for _, children in plans):
            for node, children in plans:
                node[:] = children or ()
            settled.add(id(tree))
    return settled


def _settled(node: Element, make_leaf: _MakeLeaf, counts: bool) -> list[Element] | None:
    """What is in a node, with a leaf before each branch that may be unknown; nothing, if that cannot be told."""
    inside: list[Element] = []
    asked: set[str] = set()
    for inner in node:
        if inner.tag == "Node":
            predicate = next((part for part in inner if part.tag in _PREDICATES), None)
            unknown = None if predicate is None else _unknown(predicate)
            if unknown is None:
                return None
            if any(part.tag != "SimplePredicate" or part.get("field") not in asked for part in unknown):
                leaf = make_leaf(node, unknown[0], counts)
                if leaf is None:
                    return None
                inside.append(leaf)
            asked |= {part.get("field", "") for part in unknown if part.tag == "SimplePredicate"}
        inside.append(inner)
    return inside


def _last_leaf(node: Element, predicate: Element, counts: bool) -> Element | None:
    """The answer of a node, where one of its branches is unknown; nothing, if it has none."""
    if node.get("score") is None or (counts and node.find("ScoreDistribution") is None):
        return None
    leaf = Element("Node", {name: value for name, value in node.attrib.items() if name != "defaultChild"})
    leaf.append(predicate)
    leaf.extend(deepcopy(entry) for entry in node if entry.tag == "ScoreDistribution")
    return leaf


def _null_leaf(_node: Element, predicate: Element, counts: bool) -> Element | None:
    """No answer: the engine gives none for a leaf without a score; nothing, where each leaf needs counts."""
    if counts:
        return None
    leaf = Element("Node")
    leaf.append(predicate)
    return leaf


_MakeLeaf: TypeAlias = Callable[[Element, Element, bool], Element | None]
_LEAVES: Mapping[str, _MakeLeaf] = {"lastPrediction": _last_leaf, "nullPrediction": _null_leaf}


def _unknown(predicate: Element, depth: int = _DEEPEST) -> list[Element] | None:
    """A predicate that is true where another is unknown, and false elsewhere: one, none if that is always known.

    ``None`` if it cannot be told, or if there are more than ``depth`` compounds within each other.
    """
    if predicate.tag in {"True", "False"} or predicate.get("operator") in _AWARE:
        return []
    if predicate.tag in {"SimplePredicate", "SimpleSetPredicate"}:
        return [Element("SimplePredicate", field=predicate.get("field", ""), operator="isMissing")]
    parts = [part for part in predicate if part.tag in _PREDICATES]
    unknown = [_unknown(part, depth - 1) for part in parts] if depth else []
    if not unknown or any(found is None for found in unknown):
        return None
    return _unknown_together(predicate.get("booleanOperator", ""), parts, [found or [] for found in unknown])


def _unknown_together(
    operator: str, parts: Sequence[Element], unknown: Sequence[list[Element]]
) -> list[Element] | None:
    some = [found for founds in unknown for found in founds]
    if operator == "surrogate":
        return [_compound("and", some)] if len(some) == len(parts) else []
    if operator not in {"and", "or"}:
        return None
    # an "and" is false if one part is, whatever the others are; an "or" is true if one is
    undecided = [part if operator == "and" else _opposite(part) for part in parts]
    others = [_compound("or", [part, *found]) for part, found in zip(undecided, unknown, strict=True)]
    return [_compound("and", [_compound("or", some), *others])] if some else []


def _opposite(predicate: Element) -> Element:
    """A predicate that is true where another is false, and unknown where that is unknown."""
    if predicate.tag in {"True", "False"}:
        return Element("False" if predicate.tag == "True" else "True")
    if predicate.tag == "CompoundPredicate":
        operator = predicate.get("booleanOperator", "")
        parts = [_opposite(part) for part in predicate if part.tag in _PREDICATES]
        return _compound({"and": "or", "or": "and"}.get(operator, operator), parts)
    opposite = deepcopy(predicate)  # a shallow copy shares its attributes
    name = "booleanOperator" if predicate.tag == "SimpleSetPredicate" else "operator"
    aware = {"isMissing": "isNotMissing", "isNotMissing": "isMissing"}
    opposite.set(name, {**_OPPOSITES, **aware}.get(predicate.get(name, ""), ""))
    return opposite


def _compound(operator: str, parts: Sequence[Element]) -> Element:
    """One of some predicates, or the only one."""
    if len(parts) == 1:
        return parts[0]
    compound = Element("CompoundPredicate", booleanOperator=operator)
    compound.extend(parts)
    return compound


def find_required(root: Element, model: Element) -> frozenset[str]:
    """The fields that may not be missing, unless the model replaces them.

    The engine takes a missing factor of a general regression as no effect, a tree that has no answer as no vote, and
    a predicate that cannot be known as one that is false.

    Args:
        root: the document.
        model: the outermost.
    """
    replaced = {field.get("name") for field in root.iter("MiningField") if field.get("missingValueReplacement")}
    ordered = {f.get("name", "") for f in root.iterfind("DataDictionary/DataField") if _is_ordered_whole(f)}
    fields = [field for field in model.findall("MiningSchema/MiningField") if field.get("usageType") not in TARGETS]
    read = frozenset(field.get("name", "") for field in fields) & names_read(root)
    return (read & ordered) | _needed(root, model, read - replaced)


def _is_ordered_whole(field: Element) -> bool:
    """Whether the engine would take a missing value of a field for the smallest number."""
    return field.get("optype") == "ordinal" and field.get("dataType") == "integer"


def _needed(root: Element, model: Element, names: frozenset[str]) -> frozenset[str]:
    """Those of some fields without which PMML has no answer, or another one than the engine."""
    if _counts_all(root, model):
        return names
    sources = _sources(root)
    if model.tag == "GeneralRegressionModel":
        predictors = {cell.get("predictorName", "") for cell in model.iter("PPCell")}
        return names & {source for name in predictors for source in _inputs(name, sources)}
    used = {name for tree in model.iter("TreeModel") for name in _decisive(tree)}
    used |= {name for regression in model.iter("RegressionModel") for name in _second(regression)}
    for vectors in model.iter("VectorFields"):  # a machine without an answer would have no vote
        used |= {inner.get("field", inner.get("name", "")) for inner in vectors}
    return names & {source for name in used for source in _inputs(name, sources)}


def _counts_all(root: Element, model: Element) -> bool:
    """Whether segments without an answer change that of the whole, in another way than in the engine."""
    segmentation = model.find("Segmentation")
    if segmentation is None:
        return False
    method, classifies = segmentation.get("multipleModelMethod"), model.get("functionName") == "classification"
    strategies = {tree.get("missingValueStrategy", "none") for tree in model.iter("TreeModel")}
    segments = [inner for inner in segmentation.iterfind("Segment/*") if _is_model(inner)]
    others = any(inner.tag != "TreeModel" for inner in segments)
    treatment = segmentation.get("missingPredictionTreatment", "continue")
    if treatment == "skipSegment":
        return classifies
    if method in VOTES and treatment == "continue" and votes_by_text(root, model):
        # a tree that has no answer votes for none
        return not all(map(_votes, segments)) or "nullPrediction" in strategies
    unanswered = bool(strategies & {"none", "nullPrediction"})
    return (method in VOTES and unanswered) or (method in _MEDIANS and (unanswered or others))


def _votes(model: Element) -> bool:
    """Whether a segment is a tree, or a forest that has an answer whatever is missing."""
    inside = [inner for inner in model.iterfind("Segmentation/Segment/*") if _is_model(inner)]
    forest = [inner.tag == "TreeModel" and inner.get("missingValueStrategy") == "defaultChild" for inner in inside]
    return model.tag == "TreeModel" or (bool(forest) and all(forest))


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
        if len(set(groups)) > 1 or any(len(group) > 1 for group in groups):
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


def _asked(node: Element) -> set[str]:  # whether they are missing
    return {p.get("field", "") for p in node.iter("SimplePredicate") if p.get("operator") in _AWARE}


def _sources(root: Element) -> Mapping[str, frozenset[str]]:
    """What each derived field is made of; nothing, if it provides for what is missing."""
    return {field.get("name", ""): _sources_of(field) for field in root.iter("DerivedField")}


def _sources_of(field: Element) -> frozenset[str]:
    for inner in field.iter():
        known = inner.get("function") in {"min", "max"} and inner.find("Constant") is not None  # of what is not missing
        if known or inner.get("mapMissingTo") is not None or inner.get("function") in _AWARE:
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


def fails_together(segmentation: Element) -> bool:
    """Whether a chain has no answer if one of its segments has none: its last is a regression on each of the others.

    So JPMML's converters write what XGBoost, LightGBM and scikit-learn boost for labels.
    """
    *earlier, last = segmentation.findall("Segment")
    model = last.find("RegressionModel")
    if model is None or model.find("LocalTransformations") is not None:
        return False
    provided = {f.get("name", "") for f in model.iter("MiningField") if f.get("missingValueReplacement") is not None}
    read = {predictor.get("name", "") for predictor in model.iterfind("RegressionTable/NumericPredictor")} - provided
    return all(read & _answers_missing(segment) for segment in earlier)


def _answers_missing(segment: Element) -> set[str]:
    """The outputs of a regression that are missing if its answer is."""
    found: set[str] = set()
    models = (inner for inner in segment if _is_model(inner) and inner.get("functionName") == "regression")
    for output in (field for model in models for field in model.iterfind("Output/OutputField")):
        feature = output.get("feature", "predictedValue")
        if feature == "predictedValue" or (feature == "transformedValue" and _is_arithmetic(output, found)):
            found.add(output.get("name", ""))
    return found


def _is_arithmetic(output: Element, missing: set[str]) -> bool:
    inside = [inner for inner in output.iter() if inner is not output]
    plain = all(
        inner.tag in {"Apply", "Constant", "FieldRef"}
        and inner.get("function", "+") in _ARITHMETIC
        and not {"mapMissingTo", "defaultValue"} & set(inner.attrib)
        for inner in inside
    )
    return plain and any(inner.get("field") in missing for inner in inside)
