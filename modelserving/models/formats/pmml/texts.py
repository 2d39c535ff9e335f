"""Functions on text, as far as they cannot grow: a text that doubles from field to field, a pattern without an end.

How long each text can become is worked out from the document, for inputs of ``MAX_TEXT`` characters, before the engine
sees it. What the engine reads in another way than PMML (numbers as texts, positions before the first) is refused, too.
"""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element

from modelserving.errors import ModelRefused

MAX_TEXT = 500
"""Longest text of a record, in characters, that a model which applies functions to texts is given."""
_MAX_GROWN = 100_000
"""Longest text that such functions may make of it."""
_MAX_SEARCHED = 2 * MAX_TEXT
"""Longest text that a pattern may be looked for in."""
_MAX_PATTERN = 200
_SEARCHING = frozenset({"matches", "replace"})
_KEEPING = frozenset({"uppercase", "lowercase", "trimBlanks", "substring"})
_FUNCTIONS = frozenset({*_SEARCHING, *_KEEPING, "concat", "stringLength"})
_NEVER = frozenset({"formatNumber", "formatDatetime"})
_ENDLESS = re.compile(r"\)[*+?{]|\\[1-9k]|\(\?|[*+}][+*]")
_REPEATING = re.compile(r"(?<!\\)(?:[*+]|\{\d*,?\d*\})")
_EXTRA = 3
"""Characters that one can become in capitals."""


def applies_texts(root: Element) -> bool:
    """Whether a document applies functions to texts."""
    return any(applied.get("function") in _FUNCTIONS for applied in root.iter("Apply"))


def check_texts(root: Element) -> None:
    """Refuse functions on text that can take memory or time without bound.

    Args:
        root: the document; no derived field is inside another.

    Raises:
        ModelRefused: with the function, and what to do.
    """
    own = {applied.get("function", "") for applied in root.iter("Apply")}
    # The engine goes by names without namespaces, so what is applied in another one is looked for, too.
    names = {element.get("function", "") for element in root.iter() if element.tag.rpartition(":")[2] == "Apply"}
    indexes = any(element.tag.rpartition(":")[2] == "TextIndex" for element in root.iter())
    never = sorted(names & _NEVER | (names - own) & _FUNCTIONS)
    if never or indexes:
        found = ", ".join(never) or "TextIndex"
        raise _refusal(found, "can take memory or time without bound, or is answered wrongly")
    for function in root.iter("DefineFunction"):
        if applies_texts(function):
            raise _refusal(f"functions on text inside of {function.get('name')!r}", "cannot be weighed")
    if names & _FUNCTIONS:
        _Lengths(root).check()


class _Lengths:
    """How long the text can be that an expression makes.

    Args:
        root: the document.
    """

    def __init__(self, root: Element) -> None:
        self._holders = [*root.iter("DerivedField"), *root.iter("OutputField")]
        fields = [*root.iter("DataField"), *self._holders]
        self._types = {field.get("name", ""): field.get("dataType", "string") for field in fields}
        self._known: dict[str, int] = {}

    def check(self) -> None:
        """Work out all of them, in the order of the document: a field refers to those above it."""
        for holder in self._holders:
            longest = max((self._length(inner) for inner in holder), default=0)
            name = holder.get("name", "")
            self._known[name] = max(longest, self._known.get(name, 0))

    def _length(self, expression: Element) -> int:
        function = expression.get("function", "")
        if expression.tag == "FieldRef":
            return max(self._known.get(expression.get("field", ""), MAX_TEXT), len(expression.get("mapMissingTo", "")))
        if expression.tag != "Apply":
            inside = sum(map(self._length, expression))
            return inside + len(expression.text or "") + sum(map(len, expression.attrib.values()))
        parts = [self._length(argument) for argument in expression]
        length = max([0, *parts, len(expression.get("mapMissingTo", "")), len(expression.get("defaultValue", ""))])
        if function == "concat":
            length = sum(parts)
            self._check_joined(expression)
        elif function in _SEARCHING:
            length = self._searched(expression, parts)
        elif function in _KEEPING:
            length *= _EXTRA
            _check_positions(expression)
        if length > _MAX_GROWN:
            raise _refusal(function, f"can make a text of {length:,} characters")
        return length

    def _check_joined(self, expression: Element) -> None:
        for inner in expression:
            kind = inner.get("dataType", "string")
            if inner.tag == "FieldRef":
                kind = self._types.get(inner.get("field", ""), "string")
            if kind != "string" or (
                inner.tag == "Apply" and inner.get("function") not in {*_KEEPING, "concat", "replace"}
            ):
                raise _refusal("concat", "joins what is no text, which engines spell differently")

    def _searched(self, expression: Element, parts: list[int]) -> int:
        function, constants = expression.get("function", ""), [inner.text or "" for inner in expression][1:]
        if any(inner.tag != "Constant" for inner in list(expression)[1:]) or not constants:
            raise _refusal(function, "takes a pattern that is no constant")
        pattern, replacement = constants[0], "".join(constants[1:])
        if parts[0] > _MAX_SEARCHED or not _is_quick(pattern):
            raise _refusal(function, f"looks for {pattern[:50]!r}, which can take very long")
        return (parts[0] + 1) * (len(replacement) + 1) + replacement.count("$") * parts[0]


def _is_quick(pattern: str) -> bool:
    """Whether the time that it takes grows little with the text: no repetition of a repetition, and at most two."""
    return len(pattern) <= _MAX_PATTERN and not _ENDLESS.search(pattern) and len(_REPEATING.findall(pattern)) <= 2


def _check_positions(expression: Element) -> None:
    if expression.get("function") != "substring":
        return
    numbers = list(expression)[1:]
    texts = [(number.text or "").strip() for number in numbers if number.tag == "Constant"]
    if len(texts) != len(numbers) or not all(text.isdigit() for text in texts) or texts[:1] == ["0"]:
        raise _refusal("substring", "takes positions that are no constants from 1 on")


def _refusal(what: str, why: str) -> ModelRefused:
    return ModelRefused(
        f"the PMML document applies {what}, which {why}. Put the text right before it is published, or make it a "
        "column of its own."
    )
