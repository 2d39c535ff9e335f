"""The fields of a document: what its inputs are, and what it declares to answer."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from xml.etree.ElementTree import Element, SubElement

from modelserving.errors import ModelFormatError
from modelserving.records import Column, ColumnType

TARGETS = frozenset({"target", "predicted"})
"""The usage of fields that a model answers, and does not read."""
VOTES = frozenset({"majorityVote", "weightedMajorityVote"})
"""How models of an ensemble vote, as its ``multipleModelMethod``."""
NO_ANSWER = "modelserving no answer"
"""The label for which a segment votes that has no answer; no document has it."""

_TYPES = {"double": ColumnType.DOUBLE, "float": ColumnType.FLOAT, "integer": ColumnType.INT64}
_KNOWN = {*_TYPES, "string", "boolean"}
_MOST_LABELS = 200


def read_columns(root: Element) -> Mapping[str, Column]:
    """The fields of the data dictionary by name, as columns of records.

    Categories are texts, whatever their type: the engine then compares what is written, also where that is a number.
    A boolean becomes a text for the engine, since it takes a missing one as false; so the document is changed.

    Raises:
        ModelFormatError: a field that a model reads is a date or a time.
    """
    used = {field.get("name") for field in root.iter("MiningField") if _is_read(field)}
    return {
        field.get("name", ""): _read(field, field.get("name") in used)
        for field in root.iterfind("DataDictionary/DataField")
    }


def elements_of(root: Element) -> Iterator[Element]:
    """All elements of a document but those of extensions, of which no engine takes notice."""
    left = [root]
    while left:
        element = left.pop()
        yield element
        left.extend(inner for inner in reversed(element) if inner.tag != "Extension")


def find_spelt(root: Element, model: Element) -> frozenset[str]:
    """The fields that are categories, and numbers to the engine; not those of which any other value is missing."""
    fields_of = model.iterfind("MiningSchema/MiningField")
    lenient = {field.get("name") for field in fields_of if field.get("invalidValueTreatment") == "asMissing"}
    fields = (field for field in root.iterfind("DataDictionary/DataField") if field.get("optype") != "continuous")
    names = {f.get("name", "") for f in fields if f.get("dataType") in {"double", "float", "integer"}}
    return frozenset(names - lenient)


def _is_read(field: Element) -> bool:
    return field.get("usageType", "active") in {"active", "group", "order", "supplementary"}


def _read(field: Element, used: bool) -> Column:
    name, kind = field.get("name", ""), field.get("dataType", "")
    if used and kind not in _KNOWN:
        raise ModelFormatError(
            f"the PMML model reads {name!r}, which is a {kind or 'field without a dataType'}: records hold numbers, "
            "texts and booleans. Derive what the model needs from it before, and export it with that."
        )
    if used and kind == "boolean":
        _write_as_text(field)
    continuous = field.get("optype", "continuous") == "continuous"
    return Column(name, _TYPES.get(kind, ColumnType.STRING) if continuous else ColumnType.STRING)


def _write_as_text(field: Element) -> None:
    field.set("dataType", "string")
    field.set("optype", "categorical")
    if field.find("Value") is None:
        for value in ("true", "false"):
            SubElement(field, "Value", value=value)


def settle_unread(root: Element) -> None:
    """Let what no model reads be of any value: the engine would have no answer to a record for it.

    Args:
        root: the document; it is changed.
    """
    read = names_read(root)
    for field in root.iter("MiningField"):
        if field.get("name") not in read and field.get("usageType") not in TARGETS:
            field.set("invalidValueTreatment", "asMissing")


def names_read(root: Element) -> set[str]:
    """All that an element names, beside those that say which fields there are; some are no fields."""
    declared = ("Header", "DataDictionary")
    inside = (element for part in root if part.tag not in declared for element in part.iter())
    return {name for element in inside if element.tag != "MiningField" for name in element.attrib.values()}


def targets_of(model: Element) -> frozenset[str]:
    """The names of the fields that a model answers."""
    fields = model.iterfind("MiningSchema/MiningField")
    return frozenset(field.get("name", "") for field in fields if field.get("usageType") in TARGETS)


def votes_by_text(root: Element, ensemble: Element) -> bool:
    """Whether the labels of an ensemble are texts: the engine reads ``NO_ANSWER`` as 0 where they are numbers."""
    targets = targets_of(ensemble)
    found = [field for field in root.iterfind("DataDictionary/DataField") if field.get("name") in targets]
    return all(field.get("dataType", "string") == "string" for field in found)


def settle_votes(root: Element, settled: Collection[int]) -> None:
    """Let a tree that has no answer vote for having none: no answer is given if most have none, and not by the others.

    Args:
        root: the document; it is changed: each node of trees that vote gets a last branch, and the target that label.
        settled: the trees, by their identity, that ask whether a branch can be known.
    """
    for ensemble in root.iter("MiningModel"):
        segmentation = ensemble.find("Segmentation")
        if segmentation is None or segmentation.get("multipleModelMethod") not in VOTES:
            continue
        if segmentation.get("missingPredictionTreatment", "continue") != "continue":
            continue
        if not votes_by_text(root, ensemble):  # `find_required` asks for all fields, then
            continue
        trees = segmentation.findall("Segment/TreeModel")
        changed = [
            _vote_always(t) for t in trees if t.get("missingValueStrategy", "none") == "none" or id(t) in settled
        ]
        if any(changed):
            _list_no_answer(root, ensemble)


def _vote_always(tree: Element) -> bool:
    """Whether a tree was given answers where it had none."""
    if tree.get("noTrueChildStrategy", "returnNullPrediction") != "returnNullPrediction":
        return False
    counts = tree.find(".//ScoreDistribution") is not None
    branching = [node for node in tree.iter("Node") if node.find("Node") is not None]
    for node in branching:
        last = SubElement(node, "Node", score=NO_ANSWER)
        SubElement(last, "True")
        if counts:
            SubElement(last, "ScoreDistribution", value=NO_ANSWER, recordCount="1")
    return bool(branching)


def _list_no_answer(root: Element, ensemble: Element) -> None:
    targets = targets_of(ensemble)
    for field in root.iterfind("DataDictionary/DataField"):
        listed = [value.get("value") for value in field.iterfind("Value")]
        if field.get("name") in targets and listed and NO_ANSWER not in listed:
            SubElement(field, "Value", value=NO_ANSWER)
    for field in ensemble.iterfind("Targets/Target"):
        if field.find("TargetValue") is not None:
            SubElement(field, "TargetValue", value=NO_ANSWER)


def declare_outputs(
    model: Element, target: str, labels: list[str], *, silent: bool
) -> tuple[tuple[str, ...], frozenset[str], frozenset[str], tuple[str, ...], frozenset[str]]:
    """Let a model output all that it declares; one that declares nothing, its answer and its probabilities.

    Args:
        model: changed: what is no final result is one now, so that it can be asked for.
        target: the field that it predicts; empty if it does not say.
        labels: of that field.

    Returns:
        The names of the final results, in order; those, of all, that are the answer itself, that follow from it, and
        that are shares of votes, of which some may be for no answer; and those that are not declared any more.
    """
    declaring = _declaring(model)
    if declaring is None:
        declaring = model
        _add_outputs(model, target, labels if model.get("functionName") == "classification" else [])
    listed = {field.get("name", "") for field in declaring.iterfind("Output/OutputField")}
    shares = _shares(declaring) if silent else {}
    if _counts_segments(declaring) or (shares and not set(labels) <= set(shares)):
        _drop(declaring, "probability")
    _drop(declaring, "reasonCode")
    _drop_misread(declaring)
    fields = declaring.findall("Output/OutputField")
    final = [field.get("name", "") for field in fields if field.get("isFinalResult", "true") not in {"false", "0"}]
    for field in fields:
        field.attrib.pop("isFinalResult", None)
    answers = frozenset(field.get("name", "") for field in fields if _is_answer(field, target))
    misread = frozenset(listed - {field.get("name", "") for field in fields})
    return tuple(final), answers, _following(fields, answers), tuple(shares.values()), misread


def _declaring(model: Element) -> Element | None:
    """The model that declares the outputs: the outermost, or the one at the end of a chain."""
    if model.find("Output/OutputField") is not None:
        return model
    segmentation = model.find("Segmentation")
    if segmentation is None or segmentation.get("multipleModelMethod") != "modelChain":
        return None
    last = segmentation.findall("Segment")[-1:]
    return _declaring(last[0][-1]) if last else None


def _counts_segments(model: Element) -> bool:
    """Whether the engine finds the answer of the segments rightly, and works out the probabilities wrongly."""
    segmentation = model.find("Segmentation")
    return segmentation is not None and segmentation.get("multipleModelMethod") in {
        "weightedMajorityVote",
        "selectFirst",
    }


def _shares(model: Element) -> Mapping[str, str]:
    """The names of the outputs that are shares of votes, by label."""
    segmentation = model.find("Segmentation")
    if segmentation is None or segmentation.get("multipleModelMethod") != "majorityVote":
        return {}
    fields = model.findall("Output/OutputField")
    return {f.get("value", ""): f.get("name", "") for f in fields if f.get("feature") == "probability"}


def _drop(model: Element, feature: str) -> None:
    """Declare no output that the engine answers wrongly."""
    for output in model.findall("Output"):
        for field in output.findall("OutputField"):
            if field.get("feature") == feature:
                output.remove(field)


def _drop_misread(model: Element) -> None:
    """Declare no output of a segment, of a rank but the first, or a confidence in a label: the engine has others."""
    for output in model.findall("Output"):
        fields = output.findall("OutputField")
        wrong = {field.get("name", "") for field in fields if _is_misread(field)}
        gone = wrong | _following(fields, frozenset(wrong))
        for field in fields:
            if field.get("name") in gone:
                output.remove(field)


def _is_misread(field: Element) -> bool:
    in_label = field.get("feature") == "confidence" and field.get("value") is not None
    return in_label or field.get("segmentId") is not None or field.get("rank", "1") != "1"


def _is_answer(field: Element, target: str) -> bool:
    return (
        field.get("feature", "predictedValue") == "predictedValue"
        and field.get("segmentId") is None
        and field.get("targetField", target) == target
        and not [inner for inner in field if inner.tag != "Extension"]
    )


def _following(fields: list[Element], answers: frozenset[str]) -> frozenset[str]:
    """The outputs that are worked out from the answer: Spark's number of a label, for one."""
    known = set(answers)
    for field in fields:
        if any(inner.get("field") in known for inner in field.iter() if inner is not field):
            known.add(field.get("name", ""))
    return frozenset(known - answers)


def _add_outputs(model: Element, target: str, labels: list[str]) -> None:
    output = Element("Output")
    schema = model.find("MiningSchema")
    model.insert(list(model).index(schema) + 1 if schema is not None else 0, output)
    name = f"predicted_{target}" if target else "predictedValue"
    SubElement(output, "OutputField", name=name, feature="predictedValue")
    for label in labels[:_MOST_LABELS]:
        SubElement(output, "OutputField", name=f"probability_{label}", feature="probability", value=label)
