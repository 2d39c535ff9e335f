"""Functions that say what stands in for what is missing, where the engine would take that for something else."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from xml.etree.ElementTree import Element

from modelserving.errors import ModelRefused
from modelserving.models.formats.pmml.kinds.types import TELLING, arguments_of, kind_of, kinds_of
from modelserving.models.formats.pmml.kinds.write import always, applied, never, number

_ATTRIBUTES = ("mapMissingTo", "defaultValue")
"""What stands in for a missing argument, and for a missing result."""
_LOGIC = frozenset({"and", "or", "not"})
_YES = frozenset({"true", "1"})


def replaces(expression: Element) -> bool:
    """Whether an expression says what stands in for what is missing."""
    return any(expression.get(name) is not None for name in _ATTRIBUTES)


def settle_replacements(root: Element, guessing: Collection[str], known: Callable[[Element], Element | None]) -> None:
    """Let replacements stand where PMML has them, before anything else is done to expressions.

    A choice asks only the branch that it takes, as in JPMML, and nothing stands in for a condition that cannot be
    known. What a function has for a missing result it answers instead of guessing.

    Args:
        root: the document; it is changed.
        guessing: functions that the engine answers although an argument is missing.
        known: what is true where an expression has a value; ``None`` if it always has one.

    Raises:
        ModelRefused: they are in each other, or of ``and``, ``or`` or ``not``.
    """
    kinds = kinds_of(root)
    for parent, index, function in [*_found(root, guessing)]:
        name, kind = function.get("function", ""), kind_of(function, kinds)
        if name in _LOGIC:
            raise ModelRefused(
                f"the PMML model has a defaultValue of the function {name}, which engines answer differently. Leave it "
                "out."
            )
        if any(inner is not function for _, _, inner in _found(function, guessing)):
            raise ModelRefused(
                f"the PMML model has mapMissingTo or defaultValue of the function {name} around that of another one, "
                "which engines answer differently. Say at the outermost what stands in for a missing value."
            )
        if name == "if":
            _settle_choice(function, kind, known)
            continue
        default, asked = function.attrib.pop("defaultValue"), known(function)
        if asked is not None:
            parent[index] = applied("if", asked, function, _constant(default, kind))


def _found(root: Element, guessing: Collection[str]) -> Iterator[tuple[Element, int, Element]]:
    """Choices that replace anything, and guessing functions that replace their result, each with its place.

    A question that is asked for a number is another matter.
    """
    for parent in root.iter():
        for index, inner in enumerate(parent):
            name = inner.get("function")
            if inner.tag != "Apply" or (parent.tag == "DerivedField" and name in TELLING):
                continue
            if (name == "if" and replaces(inner)) or (name in guessing and inner.get("defaultValue") is not None):
                yield parent, index, inner


def _settle_choice(choice: Element, kind: str, known: Callable[[Element], Element | None]) -> None:
    mapped, default = (choice.attrib.pop(name, None) for name in _ATTRIBUTES)
    branches = arguments_of(choice)[1:]
    for branch in branches:
        asked = known(branch)
        if asked is not None:
            said = _constant(default if mapped is None else mapped, kind)
            choice[list(choice).index(branch)] = applied("if", asked, branch, said)
    if len(branches) == 1 and default is not None:
        choice.append(_constant(default, kind))


def _constant(text: str | None, kind: str) -> Element:
    """What an attribute says."""
    text = text or ""
    if kind == "boolean":
        return always() if text in _YES else never()
    if kind != "string" and _is_number(text):
        return number(text)
    constant = Element("Constant", dataType="string")
    constant.text = text
    return constant


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
