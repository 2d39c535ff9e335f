"""Expressions on what is missing: the engine takes an unknown comparison for false, PMML for unknown.

``if(x < 1, a, b)`` answers ``b`` in the engine where ``x`` is missing. So an expression that compares is put behind the
question whether it can be known: ``if(isNotMissing(x), if(x < 1, a, b))``, which is missing where it cannot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from xml.etree.ElementTree import Element

from modelserving.errors import ModelRefused
from modelserving.models.formats.pmml.fields import TARGETS
from modelserving.models.formats.pmml.guard import check_length
from modelserving.models.formats.pmml.kinds.replace import replaces, settle_replacements
from modelserving.models.formats.pmml.kinds.types import (
    AWARE,
    EQUATING,
    EXPRESSIONS,
    TELLING,
    arguments_of,
    coded_fields,
    is_whole,
    kind_of,
    kinds_of,
    refuse_texts,
    says_whole,
    whole_fields,
)
from modelserving.models.formats.pmml.kinds.write import always, applied, joined, never, number

_COMPARING = frozenset(
    {"equal", "notEqual", "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual", "isIn", "isNotIn"}
    | {"and", "or", "not", "threshold", "round"}
    | {"uppercase", "lowercase", "trimBlanks", "substring", "replace", "matches", "stringLength"}
)
"""What the engine answers although an argument is missing."""
_LISTING = frozenset({"isIn", "isNotIn"})
"""What takes a field that is missing as one that is in no list."""
_AGGREGATING = frozenset({"min", "max", "sum", "avg", "median", "product", "concat"})
_NESTED = 4
"""So many of them in each other, around a comparison: each multiplies what is written by up to seven."""
_PARTIAL = frozenset({"ln", "log10", "ln1p", "sqrt", "asin", "acos", "pow", "/", "modulo", "x-modulo"})
"""What has no answer for some numbers: the engine takes that for missing."""
_CARRYING = (_PARTIAL - {"pow"}) | {"+", "-", "*", "exp", "abs", "floor", "ceil"}
"""What has no answer either where an argument has none."""
_SPOKEN = {"boolean": "a boolean", "integer": "an integer", "number": "a number", "string": "a text"}
_YES_OR_NO = {"1": "true", "0": "false"}
_PASSING = frozenset({"+", "-", "*"})
"""What passes on that an argument is missing; others fail in JPMML."""
_NUMBERS = ("DataField", "DerivedField", "ParameterField", "DefineFunction")
_HOLDERS = ("DerivedField", "OutputField", "DefineFunction")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


def settle_expressions(root: Element) -> None:
    """Write each expression so that the engine takes it for missing where PMML does.

    Args:
        root: the document; it is changed.

    Raises:
        ModelRefused: whole numbers are divided, functions that replace what is missing are nested, or the document
            would grow too large.
    """
    whole, coded = whole_fields(root), coded_fields(root)
    settle_replacements(root, _COMPARING, _known)
    for divided in root.iter("Apply"):
        if divided.get("function") == "/" and all(is_whole(argument, whole) for argument in arguments_of(divided)):
            raise ModelRefused(
                "the PMML model divides whole numbers by each other, which some engines round and this one does not. "
                "Give one of them the dataType double."
            )
    for holder in [element for name in _HOLDERS for element in root.iter(name)]:
        index = next((index for index, inner in enumerate(holder) if inner.tag in EXPRESSIONS), None)
        if index is not None:
            holder[index] = _settled(holder, holder[index], whole)
    check_length(root)  # before anything else walks through what has grown
    _write_whole_numbers(root)
    _settle_constants(root)
    refuse_texts(root, whole, coded)
    check_length(root)


def _write_whole_numbers(root: Element) -> None:
    """The engine takes a whole number that is missing as the smallest that there is, and 1 as another one than 1.0."""
    targets = {f.get("name") for f in root.iter("MiningField") if f.get("usageType") in TARGETS}
    for field in [element for name in _NUMBERS for element in root.iter(name)]:
        if field.get("dataType") == "integer" and not (field.tag == "DataField" and field.get("name") in targets):
            if field.get("optype", "continuous") == "continuous":
                field.set("dataType", "double")
            elif field.tag == "DataField" and field.get("optype") == "categorical":
                field.set("dataType", "string")


def _settle_constants(root: Element) -> None:
    """Give constants that something is equal to the type of that: the engine takes "1" and 1 for different ones."""
    kinds = kinds_of(root)
    for apply in root.iter("Apply"):
        if apply.get("function") not in EQUATING:
            continue
        _settle_lengths(apply)
        arguments = arguments_of(apply)
        found = {kind_of(argument, kinds) for argument in arguments} - {""}
        if len(found) > 1:
            sides = " is ".join(_SPOKEN.get(kind, kind) for kind in sorted(found))
            asked = ", ".join(repr(inner.get("field")) for inner in apply.iter("FieldRef"))
            raise ModelRefused(
                f"the PMML model asks by the function {apply.get('function')} whether {sides} ({asked}), which the "
                "engine answers wrongly. Let it compare values of one type."
            )
        for constant in _constants(arguments) if found else ():
            _settle_constant(constant, *found)


def _settle_lengths(apply: Element) -> None:
    """The length of a text is a whole number, unlike all others that are left: it becomes one like them."""
    for index, inner in enumerate(apply):
        if inner.get("function") == "stringLength":
            apply[index] = applied("*", inner, number("1"))
        elif inner.get("function") == "if":
            _settle_lengths(inner)


def _constants(expressions: Sequence[Element]) -> Iterator[Element]:
    """Those that an expression may be: itself, or a branch."""
    for expression in expressions:
        if expression.tag == "Constant" and expression.get("missing") not in {"true", "1"}:
            yield expression
        elif expression.get("function") == "if":
            yield from _constants(arguments_of(expression)[1:])


def _settle_constant(constant: Element, kind: str) -> None:
    if kind == "boolean":
        constant.text = _YES_OR_NO.get((constant.text or "").strip(), constant.text)
    if kind != "number":
        constant.set("dataType", kind)
    elif _NUMBER.fullmatch(constant.text or ""):
        constant.set("dataType", "double")
    else:
        raise ModelRefused(
            f"the PMML model asks whether a number is {constant.text!r}, which the engine answers wrongly. Let it "
            "compare values of one type."
        )


def _settled(holder: Element, expression: Element, whole: Mapping[str, bool]) -> Element:
    if holder.tag == "DerivedField" and expression.get("function") in TELLING and _is_number(holder):
        return _as_bit(expression, holder.get("name", ""))
    settled = _guarded(expression) if _compares(expression) else expression
    if holder.tag == "DerivedField" and says_whole(holder) and not is_whole(expression, whole):
        floor = applied("floor", settled)
        return applied("if", applied("equal", settled, floor), settled)
    return settled


def _compares(expression: Element) -> bool:
    return any(inner.get("function") in _COMPARING or _chooses(inner) for inner in expression.iter("Apply"))


def _chooses(apply: Element) -> bool:
    """Whether it chooses by a field: the engine takes one that is missing for no."""
    return apply.get("function") == "if" and any(inner.tag == "FieldRef" for inner in arguments_of(apply)[:1])


def _guarded(expression: Element, around: int = 0) -> Element:
    """The expression, missing where it cannot be known.

    Args:
        expression: it is changed.
        around: how many functions of lists it stands in.

    Raises:
        ModelRefused: what would have to be written grows too fast.
    """
    _guard_arguments(expression, around)
    known = _known(expression)
    return expression if known is None else applied("if", known, expression)


def _guard_arguments(expression: Element, around: int = 0) -> None:
    """What replaces a missing argument, or asks for one, has to see that it is missing."""
    lists = expression.get("function") in _AGGREGATING
    sees = replaces(expression) or expression.get("function") in AWARE
    for index, inner in enumerate(expression):
        if inner.tag != "Apply":
            continue
        if sees or (lists and _compares(inner)):
            if around + lists > _NESTED:
                raise ModelRefused(
                    f"the PMML model has more than {_NESTED} of {', '.join(sorted(_AGGREGATING))} in each other, "
                    "around a comparison. Put the inner ones into derived fields of their own."
                )
            expression[index] = _guarded(inner, around + lists)
        else:
            _guard_arguments(inner, around)


def _known(expression: Element, carried: bool = False) -> Element | None:
    """What is true where the expression has a value; ``None`` if it always has one.

    Args:
        expression: it is shared with the answer, and not copied.
        carried: whether something around it is asked for that has no value if the expression has none for its numbers.
    """
    function, arguments = expression.get("function", ""), arguments_of(expression)
    if _never_missing(expression):
        return None
    if expression.tag != "Apply":
        return applied("isNotMissing", expression)
    if function == "if":
        return _known_choice(arguments)
    if "mapMissingTo" in expression.attrib:  # whatever its arguments are; it may have none for the one that stands in
        return applied("isNotMissing", expression)
    asked = [argument for argument in arguments if argument.tag == "Apply"] if function in _LISTING else arguments
    carries = function in _CARRYING and (carried or function in _PARTIAL)
    known = [_known(argument, carries) for argument in asked]
    if function in _PARTIAL and not carried:
        known.append(applied("isNotMissing", expression))
    if function in _AGGREGATING:
        return None if None in known else joined("or", [part for part in known if part is not None])
    return joined("and", [part for part in known if part is not None])


def _as_bit(question: Element, name: str) -> Element:
    """1 or 0 for yes or no, or what the question says for a missing argument: yes is no number to the engine.

    Where a function within an argument fails on what is missing, there is no answer, as in JPMML; and a
    ``defaultValue`` is of no use to a question.

    Args:
        question: it is changed.
        name: of the field whose value that is.

    Raises:
        ModelRefused: what it says is no number.
    """
    mapped, _ = (question.attrib.pop(attribute, None) for attribute in ("mapMissingTo", "defaultValue"))
    if _compares(question):
        _guard_arguments(question)
    known = _known(question)
    if mapped is not None:  # if any argument is missing, also one that the function would do without
        if not _NUMBER.fullmatch(mapped):
            raise ModelRefused(
                f"derived field {name!r} of the PMML model is a number, and {mapped!r} (mapMissingTo) where something "
                "is missing. Write a number there."
            )
        parts = [_known(argument) for argument in arguments_of(question)]
        known = joined("and", [part for part in parts if part is not None])
    bit = applied("if", question, number("1"), number("0"))
    if known is None:
        return bit
    inside = {inner.get("function") for inner in question.iter("Apply") if inner is not question}
    return applied("if", known, bit, *([number(mapped)] if mapped is not None and inside <= _PASSING else []))


def _is_number(field: Element) -> bool:
    return field.get("dataType") in {"double", "float", "integer"}


def _never_missing(expression: Element) -> bool:
    function = expression.get("function", "")
    if expression.tag == "Constant":
        return expression.get("missing") not in {"true", "1"}
    replaces = expression.get("defaultValue") is not None and function not in _COMPARING
    mapped = expression.get("mapMissingTo") is not None and function not in _PARTIAL
    return function in AWARE or replaces or mapped


def _known_choice(arguments: Sequence[Element]) -> Element | None:
    condition, chosen = _known(arguments[0]), [_known(argument) for argument in arguments[1:]]
    if len(chosen) == 1 or any(part is not None for part in chosen):
        branches = [always() if part is None else part for part in chosen]
        branch = applied("if", arguments[0], *branches, *([never()] if len(branches) == 1 else []))
        return branch if condition is None else applied("if", condition, branch, never())
    return condition
