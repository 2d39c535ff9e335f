"""Expressions as a document writes them: functions that are applied, numbers, yes and no."""

from __future__ import annotations

from collections.abc import Sequence
from xml.etree.ElementTree import Element


def applied(function: str, *arguments: Element) -> Element:
    """A function of arguments, which may be shared with others."""
    expression = Element("Apply", function=function)
    expression.extend(arguments)
    return expression


def joined(function: str, parts: Sequence[Element]) -> Element | None:
    """Several questions as one, by ``and`` or ``or``; the only one as it is; ``None`` of none."""
    return applied(function, *parts) if len(parts) > 1 else next(iter(parts), None)


def always() -> Element:
    """Yes, written as a comparison: not all engines read a boolean constant alike."""
    return applied("equal", number("1"), number("1"))


def never() -> Element:
    """No."""
    return applied("notEqual", number("1"), number("1"))


def number(text: str) -> Element:
    """A constant number."""
    constant = Element("Constant", dataType="double")
    constant.text = text
    return constant
