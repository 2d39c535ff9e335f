"""What a PMML document may cost, found out before the engine sees it.

A few kilobytes can ask for endless work: functions each of which applies the one before it twice, labels and leaves
that multiply, a text that doubles from field to field. So what a document asks for is counted, and never expanded to
be counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree.ElementTree import Element

from modelserving.errors import ModelFormatError, ModelRefused
from modelserving.models.formats.pmml.texts import check_texts

MAX_STEPS = 250_000
"""Elements that applied functions stand for: as many as the longest document could spell out without functions."""
MAX_ENTRIES = 1_000_000
"""Entries in the distributions of all trees, once each lists all labels. A usual model has some thousands."""
MAX_LENGTH = 50_000_000
"""Longest document that the engine gets, in characters: ten times the longest that is read."""


def check_expressions(root: Element) -> None:
    """Refuse derived fields inside each other, and functions that stand for endless work.

    The engine works out a derived field once a record, however many refer to it, and an argument once a call: only
    the bodies of functions multiply. It goes by names without namespaces, so they are looked for in the same way.

    Args:
        root: the document; elements of other namespaces have a prefix.

    Raises:
        ModelFormatError: a derived field is inside another, or functions are defined as PMML does not allow.
        ModelRefused: a function, or all applications together, stand for more than ``MAX_STEPS`` elements, or a
            function on text is applied that can take memory or time without bound.
    """
    _check_derived_fields(_find(root, "DerivedField"))
    functions = _find(root, "DefineFunction")
    inside = {id(element) for function in functions for element in function.iter()}
    steps = _count_steps(functions)
    applications = _find(root, "Apply")
    check_texts(root)
    outside = [apply for apply in applications if id(apply) not in inside]
    _check_steps(sum(steps.get(_get(apply, "function"), 0) for apply in outside), "the PMML document")


def check_entries(count: int) -> None:
    """Refuse trees whose leaves and labels multiply to more than the engine should be given.

    Args:
        count: entries that the distributions of all trees will have.

    Raises:
        ModelRefused: there are more than ``MAX_ENTRIES``.
    """
    if count > MAX_ENTRIES:
        raise ModelRefused(
            f"the trees of the PMML document have {count:,} entries and more in their distributions, once each lists "
            f"all labels; at most {MAX_ENTRIES:,} are allowed. Take fewer labels, or fewer nodes."
        )


def check_length(root: Element) -> None:
    """Refuse a document that would be too long if it were written.

    Raises:
        ModelRefused: it would have more than ``MAX_LENGTH`` characters, roughly.
    """
    length = 0
    for element in root.iter():
        attributes = sum(len(name) + len(value) + 4 for name, value in element.items())
        length += 2 * len(element.tag) + 5 + attributes + len(element.text or "") + len(element.tail or "")
        if length > MAX_LENGTH:
            raise ModelRefused(
                f"the PMML document would have more than {MAX_LENGTH:,} characters once it is completed for the "
                "engine. Take fewer or shorter labels, or fewer nodes."
            )


def _check_derived_fields(fields: Iterable[Element]) -> None:
    for field in fields:
        if len(_find(field, "DerivedField")) > 1:
            raise ModelFormatError(
                f"derived field {_get(field, 'name')!r} of the PMML document has another derived field inside it. "
                "Define that one before it, and refer to it with <FieldRef>."
            )


def _count_steps(functions: list[Element]) -> dict[str, int]:
    """How many elements each function stands for, those of the functions that it applies included.

    A function may apply those above it only: so one pass is enough, and no circle gets through.
    """
    names = {_get(function, "name") for function in functions}
    steps: dict[str, int] = {}
    for function in functions:
        name, count = _get(function, "name"), 0
        if name in steps:
            raise ModelFormatError(f"the PMML document defines function {name!r} twice.")
        for element in function.iter():
            applied = _get(element, "function") if _name(element) == "Apply" else ""
            if applied in names and applied not in steps:
                raise ModelFormatError(
                    f"function {name!r} of the PMML document applies {applied!r}, which is not defined above it. "
                    "A function may not apply itself, nor functions one another in a circle."
                )
            count += 1 + steps.get(applied, 0)
        _check_steps(count, f"function {name!r} of the PMML document")
        steps[name] = count
    return steps


def _check_steps(count: int, what: str) -> None:
    if count > MAX_STEPS:
        raise ModelRefused(
            f"{what} stands for {count:,} elements, with those of the functions that it applies; at most "
            f"{MAX_STEPS:,} are allowed. Put what is applied more than once into a <DerivedField>."
        )


def _find(root: Element, name: str) -> list[Element]:
    """``root`` and all elements below it that have this name, in whatever namespace."""
    return [element for element in root.iter() if _name(element) == name]


def _name(element: Element) -> str:
    return element.tag.rpartition(":")[2]


def _get(element: Element, name: str) -> str:
    """An attribute that must be PMML's own: of two with one name the engine would take either."""
    if any(key.startswith("{") for key in element.attrib):
        raise ModelFormatError(
            f"<{element.tag}> of the PMML document has attributes of another namespace, for example "
            f"{next(key for key in element.attrib if key.startswith('{'))!r}. Remove them."
        )
    return element.get(name, "")
