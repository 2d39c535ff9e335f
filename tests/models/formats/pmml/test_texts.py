"""Functions on text are allowed as far as they cannot grow, and as far as the engine answers them as JPMML does."""

from __future__ import annotations

import pyarrow as pa
import pytest

from modelserving.errors import ModelRefused
from modelserving.models.formats.pmml.document import read_pmml
from modelserving.models.formats.pmml.model import PmmlModel
from modelserving.models.formats.pmml.texts import MAX_TEXT
from tests.models.formats.pmml.documents import FIELDS, apply, constant, derived, reference, schema
from tests.models.samples import pmml

DOUBLES = "".join(
    f'<DerivedField name="d{n}" optype="categorical" dataType="string">{apply("concat", text, text)}</DerivedField>'
    for n, text in enumerate(reference(name) for name in ("c", *(f"d{n}" for n in range(20))))
)


def text(value: str) -> str:
    return f'<Constant dataType="string">{value}</Constant>'


def number(value: str) -> str:
    return f'<Constant dataType="integer">{value}</Constant>'


def chosen(condition: str) -> bytes:
    """A model whose answer is 2 where a condition holds, and 3 where it does not."""
    return pmml(FIELDS, derived(apply("if", condition, constant(1), constant(2))), "4.4")


def equals(expression: str, value: str) -> bytes:
    return chosen(apply("equal", expression, text(value)))


C = reference("c")


@pytest.mark.parametrize(
    ("data", "texts", "expected"),
    [
        (equals(apply("uppercase", C), "A"), ["a", "b"], [2.0, 3.0]),
        (equals(apply("trimBlanks", apply("lowercase", C)), "k"), ["k", "a"], [2.0, 3.0]),
        (equals(apply("replace", C, text("[ab]"), text("x")), "x"), ["b", "k"], [2.0, 3.0]),
        (equals(apply("substring", C, number("1"), number("1")), "a"), ["a", "b"], [2.0, 3.0]),
        (chosen(apply("matches", C, text("^a+$"))), ["a", "b"], [2.0, 3.0]),
    ],
    ids=["uppercase", "trimBlanks", "replace", "substring", "matches"],
)
def test_functions_on_text_are_answered(data: bytes, texts: list[str], expected: list[float]) -> None:
    """Short ones, with patterns that end; where the text is missing there is no answer, instead of a plausible one."""
    model = PmmlModel(data)
    cells = pa.array([*texts, None], pa.string())
    scores = model.score(pa.RecordBatch.from_pydict({"x1": [0.0] * 3, "x2": [0.0] * 3, "c": cells}))
    model.close()
    assert scores.values[:2].tolist() == expected
    assert list(scores.problems) == [2]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (apply("matches", C, text("(.*a){20}c")), "can take very long"),
        (apply("matches", C, text("a*b*c*d")), "can take very long"),
        (apply("matches", C, C), "no constant"),
        (apply("replace", C, text("a"), text("a" * 300)), "can make a text of"),
        (apply("formatNumber", constant(1), text("%9999999s")), "applies formatNumber"),
        (apply("concat", C, reference("x1")), "spell differently"),
        (apply("substring", C, number("0"), number("1")), "from 1 on"),
        ('<TextIndex textField="c"><Constant>b</Constant></TextIndex>', "applies TextIndex"),
        (apply("equal", C, text("a")).replace("Apply", "x:Apply").replace("equal", "concat"), "applies concat"),
    ],
)
def test_what_can_grow_or_is_read_differently_is_refused(expression: str, reason: str) -> None:
    """Whatever hides it: patterns that repeat repetitions, numbers as texts, elements of another namespace."""
    data = chosen(expression).replace(b"<PMML ", b'<PMML xmlns:x="urn:other" ')
    with pytest.raises(ModelRefused, match=reason):
        read_pmml(data)


def test_texts_that_double_from_field_to_field_are_refused() -> None:
    """A few lines would make gigabytes; how long a text becomes is counted, and never expanded to be counted."""
    model = (
        f'<RegressionModel functionName="regression">{schema()}<LocalTransformations>{DOUBLES}</LocalTransformations>'
        '<RegressionTable intercept="0"/></RegressionModel>'
    )
    with pytest.raises(ModelRefused, match="concat, which can make a text of 128,000 characters"):
        read_pmml(pmml(FIELDS, model, "4.4"))


def test_a_long_text_costs_only_its_record() -> None:
    """It is named with its length; a model without functions on text takes it."""
    model = PmmlModel(equals(apply("uppercase", C), "A"))
    batch = pa.RecordBatch.from_pydict({"x1": [0.0] * 2, "x2": [0.0] * 2, "c": ["a" * (MAX_TEXT + 1), "a"]})
    assert model.score(batch).problems == {0: "c has 501 characters; this model takes 500"}
    model.close()
