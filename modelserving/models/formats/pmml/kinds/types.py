"""What an expression is: a number, a whole number, a text, or yes and no."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from xml.etree.ElementTree import Element

from modelserving.errors import ModelRefused

AWARE = frozenset({"isMissing", "isNotMissing", "isValid", "isNotValid"})
"""Functions that ask whether something is missing."""
EQUATING = frozenset({"isIn", "isNotIn", "equal", "notEqual"})
"""Functions that ask whether values are the same."""
EXPRESSIONS = frozenset({"Apply", "FieldRef"})
"""Elements that are expressions on fields."""
_ORDERING = frozenset({"lessThan", "lessOrEqual", "greaterThan", "greaterOrEqual"})
TELLING = _ORDERING | EQUATING | AWARE | {"and", "or", "not", "matches"}
"""Functions that say yes or no."""
_WHOLE = frozenset({"floor", "ceil", "round"})
_WHOLE_OF_WHOLE = frozenset({"+", "-", "*", "min", "max", "sum", "abs"})
_OF_NUMBERS = _WHOLE | _WHOLE_OF_WHOLE | {"/", "avg", "median", "product", "exp", "ln", "log10", "sqrt", "pow"}
_OF_NUMBERS |= {"threshold", "stringLength"}
_OF_TEXTS = frozenset({"uppercase", "lowercase", "trimBlanks", "substring", "replace", "concat"})


def kinds_of(root: Element) -> Mapping[str, str]:
    """Whether a field is a number, a string or a boolean; of others, and if there are two of a name, nothing."""
    found: dict[str, str] = {}
    for field in [*root.iter("DataField"), *root.iter("DerivedField")]:
        name, kind = field.get("name", ""), _declared_kind(field)
        found[name] = kind if found.get(name, kind) == kind else ""
    calls: dict[str, list[Sequence[Element]]] = {}
    for call in root.iter("Apply"):
        calls.setdefault(call.get("function", ""), []).append(arguments_of(call))
    for function in reversed([*root.iter("DefineFunction")]):  # the engine hands arguments over as they are
        for index, parameter in enumerate(function.findall("ParameterField")):
            given = {
                kind_of(call[index], found) for call in calls.get(function.get("name", ""), ()) if index < len(call)
            }
            name, kind = parameter.get("name", ""), given.pop() if len(given) == 1 else ""
            found[name] = kind if found.get(name, kind) == kind else ""
    return found


def _declared_kind(field: Element) -> str:
    kind = field.get("dataType", "")
    if kind in {"string", "integer", "boolean"}:  # of whole numbers only those that have an order are left
        return kind
    continuous = field.get("optype", "continuous") == "continuous"
    return "number" if kind in {"double", "float"} and continuous else ""


def kind_of(expression: Element, kinds: Mapping[str, str]) -> str:
    """Whether an expression is a number, a text, or yes and no; nothing, if that is open."""
    function = expression.get("function", "")
    if expression.tag == "FieldRef":
        return kinds.get(expression.get("field", ""), "")
    if function == "if":
        return next(filter(None, (kind_of(branch, kinds) for branch in arguments_of(expression)[1:])), "")
    if function in _OF_NUMBERS | TELLING:
        return "number" if function in _OF_NUMBERS else "boolean"
    return "string" if function in _OF_TEXTS else ""


def refuse_texts(root: Element, whole: Mapping[str, bool], coded: Collection[str] = ()) -> None:
    """Refuse texts that are less or greater, and those that are made of a fraction, which is spelt in different ways.

    Args:
        root: the document, its whole numbers written as the engine takes them.
        whole: which fields the document declares to be whole numbers.
        coded: those that it declares to be categories, and numbers.

    Raises:
        ModelRefused: with the function, or the field.
    """
    kinds = kinds_of(root)
    for apply in root.iter("Apply"):
        if apply.get("function") not in _ORDERING:
            continue
        texts = [part for part in arguments_of(apply) if kind_of(part, kinds) == "string"]
        for name in (part.get("field") for part in texts if part.get("field") in coded):
            raise ModelRefused(
                f"the PMML model asks by the function {apply.get('function')} whether {name!r} is less or greater, "
                "which is a category (optype) and has no order. Make it continuous or ordinal."
            )
        if texts:
            raise ModelRefused(
                f"the PMML model asks by the function {apply.get('function')} for the order of texts, which the engine "
                "answers wrongly. Let it compare numbers, or name the texts."
            )
    answers = {id(field) for output in root.iter("NeuralOutput") for field in output}  # which label an output is for
    for field in root.iter("DerivedField"):
        if id(field) in answers:
            continue
        if field.get("dataType") == "string" and any(_is_fraction(inner, kinds, whole) for inner in field):
            raise ModelRefused(
                f"derived field {field.get('name')!r} of the PMML model is a text made of a number, which engines "
                "spell differently (1 or 1.0). Give it the number's dataType."
            )


def _is_fraction(expression: Element, kinds: Mapping[str, str], whole: Mapping[str, bool]) -> bool:
    if expression.tag in {"NormContinuous", "NormDiscrete"}:
        return True
    if expression.tag == "Constant":
        return expression.get("dataType") in {"double", "float"}
    return expression.tag in EXPRESSIONS and kind_of(expression, kinds) == "number" and not is_whole(expression, whole)


def says_whole(field: Element) -> bool:
    """Whether a field is declared to be a whole number."""
    return field.get("dataType") == "integer" and field.get("optype") == "continuous"


def coded_fields(root: Element) -> frozenset[str]:
    """The names of fields that are numbers by their type, and categories by their optype."""
    fields = (field for field in root.iter("DataField") if field.get("optype") == "categorical")
    return frozenset(f.get("name", "") for f in fields if f.get("dataType") in {"integer", "double", "float"})


def whole_fields(root: Element) -> Mapping[str, bool]:
    """Whether each field is declared to be a whole number, by its name."""
    fields = [*root.iter("DataField"), *root.iter("DerivedField")]
    return {field.get("name", ""): says_whole(field) for field in fields}


def is_whole(expression: Element, fields: Mapping[str, bool]) -> bool:
    """Whether JPMML would take an expression for a whole number."""
    if expression.tag == "Constant":
        kind, text = expression.get("dataType"), (expression.text or "").strip()
        return kind == "integer" or (kind is None and text.lstrip("+-").isdigit())
    if expression.tag == "FieldRef":
        return fields.get(expression.get("field", ""), False)
    function, arguments = expression.get("function", ""), arguments_of(expression)
    if function == "if":
        return all(is_whole(argument, fields) for argument in arguments[1:])
    return function in _WHOLE or (
        function in _WHOLE_OF_WHOLE and bool(arguments) and all(is_whole(argument, fields) for argument in arguments)
    )


def arguments_of(expression: Element) -> list[Element]:
    """What a function is applied to."""
    return [inner for inner in expression if inner.tag != "Extension"]
