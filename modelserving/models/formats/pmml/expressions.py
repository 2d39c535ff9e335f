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

__all__ = ["settle_expressions"]

_COMPARING = frozenset(
    {"equal", "notEqual", "lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual", "isIn", "isNotIn"}
    | {"and", "or", "not", "threshold", "round"}
    | {"uppercase", "lowercase", "trimBlanks", "substring", "replace", "matches", "stringLength"}
)
"""What the engine answers although an argument is missing."""
_AWARE = frozenset({"isMissing", "isNotMissing", "isValid", "isNotValid"})
_LISTING = frozenset({"isIn", "isNotIn"})
"""What takes a field that is missing as one that is in no list."""
_AGGREGATING = frozenset({"min", "max", "sum", "avg", "median", "product", "concat"})
_WHOLE = frozenset({"floor", "ceil", "round"})
_WHOLE_OF_WHOLE = frozenset({"+", "-", "*", "min", "max", "sum", "abs"})
_EQUATING = _LISTING | {"equal", "notEqual"}
_OF_NUMBERS = _WHOLE | _WHOLE_OF_WHOLE | {"/", "avg", "median", "product", "exp", "ln", "log10", "sqrt", "pow"}
_OF_NUMBERS |= {"threshold", "stringLength"}
_OF_TEXTS = frozenset({"uppercase", "lowercase", "trimBlanks", "substring", "replace", "concat"})
_NUMBERS = ("DataField", "DerivedField", "ParameterField", "DefineFunction")
_HOLDERS = ("DerivedField", "OutputField", "DefineFunction")
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_EXPRESSIONS = frozenset({"Apply", "FieldRef"})


def settle_expressions(root: Element) -> None:
    """Write each expression so that the engine takes it for missing where PMML does.

    Args:
        root: the document; it is changed.

    Raises:
        ModelRefused: whole numbers are divided, or the document would grow too large.
    """
    whole = _whole_fields(root)
    for divided in root.iter("Apply"):
        if divided.get("function") == "/" and all(_is_whole(argument, whole) for argument in _arguments(divided)):
            raise ModelRefused(
                "the PMML model divides whole numbers by each other, which some engines round and this one does not. "
                "Give one of them the dataType double."
            )
    for holder in [element for name in _HOLDERS for element in root.iter(name)]:
        index = next((index for index, inner in enumerate(holder) if inner.tag in _EXPRESSIONS), None)
        if index is not None:
            holder[index] = _settled(holder, holder[index], whole)
    _write_whole_numbers(root)
    _settle_constants(root)
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
    kinds = _kinds(root)
    for apply in root.iter("Apply"):
        if apply.get("function") not in _EQUATING:
            continue
        _settle_lengths(apply)
        arguments = _arguments(apply)
        found = {_kind(argument, kinds) for argument in arguments} - {""}
        if len(found) > 1:
            raise ModelRefused(
                f"the PMML model asks by the function {apply.get('function')} whether a number is a text, which the "
                "engine answers wrongly. Let it compare values of one type."
            )
        for constant in _constants(arguments) if found else ():
            _settle_constant(constant, *found)


def _settle_lengths(apply: Element) -> None:
    """The length of a text is a whole number, unlike all others that are left: it becomes one like them."""
    for index, inner in enumerate(apply):
        if inner.get("function") == "stringLength":
            apply[index] = _apply("*", inner, _one())
        elif inner.get("function") == "if":
            _settle_lengths(inner)


def _constants(expressions: Sequence[Element]) -> Iterator[Element]:
    """Those that an expression may be: itself, or a branch."""
    for expression in expressions:
        if expression.tag == "Constant" and expression.get("missing") not in {"true", "1"}:
            yield expression
        elif expression.get("function") == "if":
            yield from _constants(_arguments(expression)[1:])


def _settle_constant(constant: Element, kind: str) -> None:
    if kind != "number":
        constant.set("dataType", kind)
    elif _NUMBER.fullmatch(constant.text or ""):
        constant.set("dataType", "double")
    else:
        raise ModelRefused(
            f"the PMML model asks whether a number is {constant.text!r}, which the engine answers wrongly. Let it "
            "compare values of one type."
        )


def _kinds(root: Element) -> Mapping[str, str]:
    """Whether a field is a number or a string; of others, and of those of which there are two kinds, nothing."""
    found: dict[str, str] = {}
    for field in [*root.iter("DataField"), *root.iter("DerivedField")]:
        name, kind = field.get("name", ""), _kind_of_field(field)
        found[name] = kind if found.get(name, kind) == kind else ""
    calls: dict[str, list[Sequence[Element]]] = {}
    for call in root.iter("Apply"):
        calls.setdefault(call.get("function", ""), []).append(_arguments(call))
    for function in reversed([*root.iter("DefineFunction")]):  # the engine hands arguments over as they are
        for index, parameter in enumerate(function.findall("ParameterField")):
            given = {_kind(call[index], found) for call in calls.get(function.get("name", ""), ()) if index < len(call)}
            name, kind = parameter.get("name", ""), given.pop() if len(given) == 1 else ""
            found[name] = kind if found.get(name, kind) == kind else ""
    return found


def _kind_of_field(field: Element) -> str:
    kind = field.get("dataType", "")
    if kind in {"string", "integer"}:  # of whole numbers only those that have an order are left
        return kind
    continuous = field.get("optype", "continuous") == "continuous"
    return "number" if kind in {"double", "float"} and continuous else ""


def _kind(expression: Element, kinds: Mapping[str, str]) -> str:
    """Whether an expression is a number or a text; nothing, if that is open."""
    function = expression.get("function", "")
    if expression.tag == "FieldRef":
        return kinds.get(expression.get("field", ""), "")
    if function == "if":
        return next(filter(None, (_kind(branch, kinds) for branch in _arguments(expression)[1:])), "")
    if function in _OF_NUMBERS:
        return "number"
    return "string" if function in _OF_TEXTS else ""


def _settled(holder: Element, expression: Element, whole: Mapping[str, bool]) -> Element:
    compares = any(inner.get("function") in _COMPARING for inner in expression.iter("Apply"))
    settled = _guarded(expression) if compares else expression
    if holder.tag == "DerivedField" and _says_whole(holder) and not _is_whole(expression, whole):
        floor = _apply("floor", settled)
        return _apply("if", _apply("equal", settled, floor), settled)
    return settled


def _guarded(expression: Element) -> Element:
    """The expression, missing where it cannot be known."""
    _guard_arguments(expression)
    known = _known(expression)
    return expression if known is None else _apply("if", known, expression)


def _guard_arguments(expression: Element) -> None:
    """What replaces a missing argument, or asks for one, has to see that it is missing."""
    sees = expression.get("mapMissingTo") is not None or expression.get("function") in _AWARE
    for index, inner in enumerate(expression):
        if inner.tag == "Apply" and sees:
            expression[index] = _guarded(inner)
        elif inner.tag == "Apply":
            _guard_arguments(inner)


def _known(expression: Element) -> Element | None:
    """What is true where the expression has a value; ``None`` if it always has one."""
    function, arguments = expression.get("function", ""), _arguments(expression)
    if _never_missing(expression):
        return None
    if expression.tag != "Apply":
        return _apply("isNotMissing", expression)
    if function == "if":
        return _known_choice(arguments)
    asked = [argument for argument in arguments if argument.tag == "Apply"] if function in _LISTING else arguments
    known = [_known(argument) for argument in asked]
    if function in _AGGREGATING:
        return None if None in known else _join("or", [part for part in known if part is not None])
    return _join("and", [part for part in known if part is not None])


def _never_missing(expression: Element) -> bool:
    function = expression.get("function", "")
    if expression.tag == "Constant":
        return expression.get("missing") not in {"true", "1"}
    replaces = expression.get("defaultValue") is not None and function not in _COMPARING
    return function in _AWARE or replaces or expression.get("mapMissingTo") is not None


def _known_choice(arguments: Sequence[Element]) -> Element | None:
    condition, chosen = _known(arguments[0]), [_known(argument) for argument in arguments[1:]]
    if any(part is not None for part in chosen):
        branches = [_true() if part is None else part for part in chosen]
        branch = _apply("if", arguments[0], *branches, *([_true()] if len(branches) == 1 else []))
        return branch if condition is None else _apply("if", condition, branch, _false())
    return condition


def _arguments(expression: Element) -> list[Element]:
    return [inner for inner in expression if inner.tag != "Extension"]


def _apply(function: str, *arguments: Element) -> Element:
    applied = Element("Apply", function=function)
    applied.extend(arguments)
    return applied


def _join(function: str, parts: Sequence[Element]) -> Element | None:
    return _apply(function, *parts) if len(parts) > 1 else next(iter(parts), None)


def _true() -> Element:
    """Written as a comparison: not all engines read a boolean constant alike."""
    return _apply("equal", _one(), _one())


def _false() -> Element:
    return _apply("notEqual", _one(), _one())


def _one() -> Element:
    constant = Element("Constant", dataType="double")
    constant.text = "1"
    return constant


def _says_whole(field: Element) -> bool:
    return field.get("dataType") == "integer" and field.get("optype") == "continuous"


def _whole_fields(root: Element) -> Mapping[str, bool]:
    fields = [*root.iter("DataField"), *root.iter("DerivedField")]
    return {field.get("name", ""): _says_whole(field) for field in fields}


def _is_whole(expression: Element, fields: Mapping[str, bool]) -> bool:
    """Whether JPMML would take an expression for a whole number."""
    if expression.tag == "Constant":
        kind, text = expression.get("dataType"), (expression.text or "").strip()
        return kind == "integer" or (kind is None and text.lstrip("+-").isdigit())
    if expression.tag == "FieldRef":
        return fields.get(expression.get("field", ""), False)
    function, arguments = expression.get("function", ""), _arguments(expression)
    if function == "if":
        return all(_is_whole(argument, fields) for argument in arguments[1:])
    return function in _WHOLE or (
        function in _WHOLE_OF_WHOLE and bool(arguments) and all(_is_whole(argument, fields) for argument in arguments)
    )
