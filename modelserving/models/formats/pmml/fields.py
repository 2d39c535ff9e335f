"""The fields of a document: what its inputs are, and what it declares to answer."""

from __future__ import annotations

from collections.abc import Mapping
from xml.etree.ElementTree import Element, SubElement

from modelserving.errors import ModelFormatError
from modelserving.records import Column, ColumnType

__all__ = ["declare_outputs", "read_columns"]

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


def declare_outputs(
    model: Element, target: str, labels: list[str]
) -> tuple[tuple[str, ...], frozenset[str], frozenset[str]]:
    """Let a model output all that it declares; one that declares nothing, its answer and its probabilities.

    Args:
        model: changed: what is no final result is one now, so that it can be asked for.
        target: the field that it predicts; empty if it does not say.
        labels: of that field.

    Returns:
        The names of the final results, in order; and those, of all, that are the answer itself, and that follow from
        it.
    """
    declaring = _declaring(model)
    if declaring is None:
        declaring = model
        _add_outputs(model, target, labels if model.get("functionName") == "classification" else [])
    if _counts_segments(declaring):
        _drop(declaring, "probability")
    _drop(declaring, "reasonCode")
    fields = declaring.findall("Output/OutputField")
    final = [field.get("name", "") for field in fields if field.get("isFinalResult", "true") not in {"false", "0"}]
    for field in fields:
        field.attrib.pop("isFinalResult", None)
    answers = frozenset(field.get("name", "") for field in fields if _is_answer(field, target))
    return tuple(final), answers, _following(fields, answers)


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


def _drop(model: Element, feature: str) -> None:
    """Declare no output that the engine answers wrongly."""
    for output in model.findall("Output"):
        for field in output.findall("OutputField"):
            if field.get("feature") == feature:
                output.remove(field)


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
