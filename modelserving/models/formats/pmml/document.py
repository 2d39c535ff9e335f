"""PMML as a document: read with suspicion, put right (``repair.py``), and written again for the engine.

The engine (PMML4S) would open files and addresses that a document names, and takes the first of several models in
silence. So it never sees the bytes that arrived.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from xml.etree.ElementTree import Element, ParseError, tostring

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import iterparse

from modelserving.errors import ModelFormatError, ModelRefused
from modelserving.models.formats.pmml.cells import Absent
from modelserving.models.formats.pmml.expressions import settle_expressions
from modelserving.models.formats.pmml.faults import mend, refuse_faults
from modelserving.models.formats.pmml.fields import (
    NO_ANSWER,
    declare_outputs,
    find_spelt,
    read_columns,
    settle_unread,
    settle_votes,
)
from modelserving.models.formats.pmml.guard import check_expressions, check_length
from modelserving.models.formats.pmml.kinds.models import break_ties_of_rules, refuse_models, settle_machines
from modelserving.models.formats.pmml.kinds.values import (
    settle_categories,
    settle_missing,
    settle_outliers,
    settle_targets,
)
from modelserving.models.formats.pmml.repair import reduce_outputs, repair
from modelserving.models.formats.pmml.required import find_required, settle_branches
from modelserving.models.formats.pmml.texts import MAX_TEXT, applies_texts
from modelserving.records import Column

MAX_BYTES = 5_000_000
"""Longest document that is read."""
MAX_DEPTH = 250
"""Deepest nesting. The parser of the engine recurses, so depth costs stack; real trees are less than 50 deep."""

_INSTANCE = "{http://www.w3.org/2001/XMLSchema-instance}"
_NOT_A_MODEL = {"Header", "MiningBuildTask", "DataDictionary", "TransformationDictionary", "Extension"}


@dataclass(frozen=True, slots=True)
class PmmlDocument:
    """A document that is fit for the engine.

    Args:
        text: what the engine gets.
        classes: empty if the model's one output is its answer; otherwise its outputs are the probabilities of these.
        columns: the fields of the data dictionary by name, with their types.
        full_text: the same with all outputs that the document declares.
        outputs: the names of these, without those that are no final result.
        predicted: those that are the answer itself.
        following: those that are worked out from it.
        shares: those that are shares of votes, some of which may be for no answer.
        required: the fields that may not be missing.
        longest: characters that a text may have; 0 if that does not matter.
        spelt: the fields that are categories and numbers.
        absent: what counts as missing in fields that may not be missing.
        misread: the outputs that the document declares and the engine answers wrongly.
    """

    text: str
    classes: tuple[str, ...]
    columns: Mapping[str, Column]
    full_text: str
    outputs: tuple[str, ...]
    predicted: frozenset[str]
    following: frozenset[str]
    shares: tuple[str, ...]
    required: frozenset[str]
    longest: int
    spelt: frozenset[str]
    absent: tuple[Absent, ...]
    misread: frozenset[str]


def read_pmml(data: bytes, full: bool = False) -> PmmlDocument:
    """Read, check and complete a document.

    Args:
        data: PMML, in the encoding that it declares.
        full: whether ``full_text`` is wanted, too; else it is empty.

    Raises:
        ModelFormatError: no PMML: empty, cut short, not XML, another kind of XML, no model in it, or one that
            contradicts itself.
        ModelRefused: too large or too deep, also in what it asks for (``guard.py``), or with a document type,
            entities or references to the outside.
    """
    if not data:
        raise ModelFormatError("the model is empty: 0 bytes. A PMML document was expected.")
    if len(data) > MAX_BYTES:
        raise ModelRefused(f"the PMML document has {len(data):,} bytes; at most {MAX_BYTES:,} are read.")
    root = _parse(data)
    model = _find_model(root)
    check_expressions(root)
    columns = read_columns(root)
    dictionary = root.findall("DataDictionary/DataField")
    refuse_faults(root, frozenset(field.get("name", "") for field in dictionary if field.get("optype") == "ordinal"))
    full_text = ""
    try:
        settle_machines(root)
        refuse_models(root)
        settle_targets(root, model)
        settle_outliers(root)
        settle_unread(root)
        settled = settle_branches(root)
        required = find_required(root, model)
        absent = settle_missing(root, model, required)
        settle_votes(root, settled)
        settle_expressions(root)
        settle_categories(root)
        mend(root, model)
        target, listed = repair(root, model)
        labels = [label for label in listed if label != NO_ANSWER]
        outputs, predicted, following, shares, misread = declare_outputs(
            model, target, labels, silent=NO_ANSWER in listed
        )
        if full:
            check_length(root)
            full_text = tostring(root, encoding="unicode")
        break_ties_of_rules(model)
        classes = reduce_outputs(model, target, labels)
    except (ValueError, IndexError) as error:
        raise ModelFormatError(f"the PMML document contradicts itself, or lacks something: {error}.") from error
    check_length(root)
    text, longest = tostring(root, encoding="unicode"), MAX_TEXT if applies_texts(root) else 0
    spelt = find_spelt(root, model)
    return PmmlDocument(
        text,
        classes,
        columns,
        full_text,
        outputs,
        predicted,
        following,
        shares,
        required,
        longest,
        spelt,
        absent,
        misread,
    )


def _parse(data: bytes) -> Element:
    try:
        return _read_elements(data)
    except DefusedXmlException as error:
        raise ModelRefused(
            f"the PMML document declares a document type or entities ({type(error).__name__}), with which a file of "
            "this machine could be read. Remove the <!DOCTYPE ...> part; PMML needs none."
        ) from error
    except (ParseError, ValueError, LookupError) as error:
        raise ModelFormatError(
            f"{len(data):,} bytes that are no XML document: {error}. Was the model cut short?"
        ) from error


def _read_elements(data: bytes) -> Element:
    """The document's root, its names without namespaces: ``Node``, and ``data:x1`` for what is not PMML's own.

    Prefixes stay what they were, since the columns of a table are referred to by them.
    """
    prefixes: dict[str, str] = {}
    events = iterparse(io.BytesIO(data), events=("start-ns", "start", "end"), forbid_dtd=True)
    root, depth = Element("nothing"), 0
    for event, item in events:
        if event == "start-ns":
            prefix, uri = item
            prefixes[uri] = f"{prefix}:" if prefix else ""
        elif event == "start":
            depth += 1
            root = item if depth == 1 else root
            _check_depth(depth)
            uri, _, name = item.tag.rpartition("}")
            item.tag = prefixes.get(uri[1:], "") + name
            for hint in [key for key in item.attrib if key.startswith(_INSTANCE)]:
                del item.attrib[hint]  # where its schema is: R writes that, and its prefix would be declared twice
        else:
            depth -= 1
    for uri, prefix in prefixes.items():
        root.set(f"xmlns:{prefix[:-1]}" if prefix else "xmlns", uri)
    if root.get("version") is None:  # Spark leaves it out; the namespace has it
        root.set("version", root.get("xmlns", "").rpartition("PMML-")[2].replace("_", ".") or "4.4")
    return root


def _check_depth(depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ModelRefused(f"the PMML document nests its elements more than {MAX_DEPTH} deep.")


def _find_model(root: Element) -> Element:
    """The one model of the document."""
    name = root.tag.rpartition(":")[2]
    if name != "PMML":
        raise ModelFormatError(f"the document is <{name}>, not <PMML>.")
    models = [element for element in root if element.tag not in _NOT_A_MODEL]
    if not models:
        raise ModelFormatError("the PMML document holds no model.")
    if len(models) > 1:
        raise ModelFormatError(f"the PMML document holds {len(models)} models; one was expected.")
    if models[0].get("isScorable", "true") in {"false", "0"}:
        raise ModelFormatError("the PMML model says of itself that it cannot score (isScorable).")
    return models[0]
