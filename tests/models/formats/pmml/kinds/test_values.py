"""Values that the engine alone takes for others. The right answers are JPMML's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelserving.errors import ModelRefused
from modelserving.models.formats.pmml.document import read_pmml
from modelserving.models.formats.pmml.model import PmmlModel
from tests.models.formats.pmml import attributes, makers
from tests.models.formats.pmml.documents import (
    FIELDS,
    apply,
    bare,
    constant,
    derived,
    ensemble,
    number,
    regression,
    schema,
)
from tests.models.samples import pmml

IS_C = '<NormDiscrete field="c" value="a"/>'


def values(model: str, fields: str = FIELDS, **columns: Any) -> list[float]:
    found = PmmlModel(pmml(fields, model, "4.4"))
    try:
        return [float(value) for value in found.score(pa.RecordBatch.from_pydict(columns)).values]
    finally:
        found.close()


@pytest.mark.parametrize("kind", ["double", "float", "integer"])
@pytest.mark.parametrize("optype", ["categorical", "ordinal", "continuous"])
@pytest.mark.parametrize("value", ["1", "1.0"])
def test_a_derived_number_is_what_a_tree_asks_for(kind: str, optype: str, value: str) -> None:
    """Whatever its optype: the engine alone compares the place in which a category was first seen."""
    model = attributes.tree_on(kind, IS_C, value, optype)
    assert values(model, x1=[0.0] * 3, x2=[0.0] * 3, c=["b", "a", "b"]) == [2.0, 1.0, 2.0]


@pytest.mark.parametrize("kind", ["double", "integer"])
def test_yes_is_one_and_no_is_zero(kind: str) -> None:
    """Where a number is derived from a question; where it cannot be known, there is none."""
    asked = attributes.transformed(kind, apply("greaterThan", makers.X1, constant(1)), "continuous")
    answers = values(regression(number("d", 2), asked), x1=[2.0, 0.0, None], x2=[0.0] * 3, c=["a"] * 3)
    assert answers == pytest.approx([3.0, 1.0, np.nan], nan_ok=True)


@pytest.mark.parametrize(
    ("said", "missing"),
    [('mapMissingTo="-1"', -1), ('defaultValue="-1"', np.nan), ('mapMissingTo="-1" defaultValue="7"', -1)],
)
def test_a_question_that_provides_for_what_is_missing_says_that_number(said: str, missing: float) -> None:
    """The engine alone takes it for a yes or a no; a default is of no use to a question that fails, as in JPMML."""
    asked = apply("greaterThan", makers.X1, constant(1)).replace("<Apply ", f"<Apply {said} ")
    answers = values(
        regression(number("d", 2), attributes.transformed("double", asked, "continuous")),
        x1=[2.0, 0.0, None],
        x2=[0.0] * 3,
        c=["a"] * 3,
    )
    assert answers == pytest.approx([3.0, 1.0, 1 + 2 * missing], nan_ok=True)


def test_a_question_that_says_no_number_for_what_is_missing_is_refused() -> None:
    """In a field that is a number."""
    asked = apply("greaterThan", makers.X1, constant(1)).replace("<Apply ", '<Apply mapMissingTo="no" ')
    model = regression(number("d", 2), attributes.transformed("double", asked, "continuous"))
    with pytest.raises(ModelRefused, match=r"derived field 'd' .*'no' \(mapMissingTo\) where"):
        read_pmml(pmml(FIELDS, model, "4.4"))


def test_divisions_within_each_other_are_asked_for_once() -> None:
    """The document grows as they do, and not with their square."""

    def length(depth: int) -> int:
        divided = makers.X1
        for _ in range(depth):
            divided = apply("/", constant(1), divided)
        asked = apply("if", apply("lessThan", divided, constant(1)), constant(3), constant(4))
        return len(read_pmml(pmml(FIELDS, derived(asked), "4.4")).text)

    assert length(200) < 2.2 * length(100)


@pytest.mark.parametrize("outer", ["/", "+", "exp"])
def test_what_a_division_carries_on_is_missing_as_before(outer: str) -> None:
    """A root that does not exist, within a division: no side of the comparison is answered."""
    root = apply("sqrt", makers.X1)
    inner = apply(outer, root) if outer == "exp" else apply(outer, constant(1), root)
    asked = apply("if", apply("lessThan", apply("/", constant(1), inner), constant(1)), constant(3), constant(4))
    answers = values(derived(asked), x1=[-2.0, 4.0], x2=[0.0] * 2, c=["a"] * 2)
    assert np.isnan(answers[0])
    assert np.isfinite(answers[1])


def test_a_text_that_is_made_of_a_fraction_is_refused() -> None:
    """Some spell it 1 and some 1.0, and a predicate would ask for either."""
    with pytest.raises(ModelRefused, match="a text made of a number"):
        read_pmml(pmml(FIELDS, attributes.tree_on("string", makers.X1, "1"), "4.4"))


def test_texts_are_not_less_or_greater_by_a_function() -> None:
    """Nor by a predicate, unless they have an order."""
    asked = apply("lessThan", '<FieldRef field="c"/>', "<Constant>b</Constant>")
    with pytest.raises(ModelRefused, match="for the order of texts"):
        read_pmml(pmml(FIELDS, makers.chosen(asked), "4.4"))


def test_a_category_that_is_a_number_is_named_where_its_order_is_asked_for() -> None:
    """With what would make it a number."""
    asked = apply("lessThan", '<FieldRef field="g"/>', constant(2))
    coded = '<DataField name="g" optype="categorical" dataType="integer"/>'
    model = makers.chosen(asked).replace("</MiningSchema>", '<MiningField name="g"/></MiningSchema>')
    with pytest.raises(ModelRefused, match=r"whether 'g' is less or greater, which is a category \(optype\)"):
        read_pmml(pmml(FIELDS + coded, model, "4.4"))


def test_values_of_two_types_are_named_where_they_are_compared() -> None:
    """A yes or no with a text, for one."""
    asked = apply("equal", apply("lessThan", makers.X1, constant(2)), '<FieldRef field="c"/>')
    with pytest.raises(ModelRefused, match=r"equal whether a boolean is a text \('x1', 'c'\)"):
        read_pmml(pmml(FIELDS, makers.chosen(asked), "4.4"))


def test_what_has_no_logarithm_is_not_less_than_anything() -> None:
    """The engine alone takes an unknown number for one that is not less."""
    asked = apply("if", apply("lessThan", apply("ln", makers.X1), constant(1)), constant(3), constant(4))
    answers = values(derived(asked), x1=[-2.0, 1.0, 100.0], x2=[0.0] * 3, c=["a"] * 3)
    assert answers == pytest.approx([np.nan, 4.0, 5.0], nan_ok=True)


def test_an_unseen_factor_that_counts_as_missing_gives_no_answer() -> None:
    """As a missing one does: the engine alone takes it as one without effect."""
    model = makers.general("logit").replace(schema(), schema(c='invalidValueTreatment="asMissing"'))
    answers = values(model, x1=[1.0, 1.0], x2=[1.0, 1.0], c=["a", "never seen"])
    assert np.isfinite(answers[0])
    assert np.isnan(answers[1])


def test_a_factor_whose_value_says_that_it_is_missing_gives_no_answer() -> None:
    """A question mark in the data dictionary, for one."""
    fields = FIELDS.replace('<Value value="k"/>', '<Value value="?" property="missing"/>', 1)
    answers = values(makers.general("logit"), fields, x1=[1.0, 1.0], x2=[1.0, 1.0], c=["a", "?"])
    assert np.isfinite(answers[0])
    assert np.isnan(answers[1])


def test_an_outlier_that_counts_as_missing_is_a_problem_where_nothing_may_be() -> None:
    """The engine alone goes on without it; what lies within the bounds is answered."""
    treated = schema(x1='outliers="asMissingValues" lowValue="0" highValue="2"')
    model = makers.general("logit")
    rows: dict[str, Any] = {"x1": [1.0, 2.0, 2.5, -0.5], "x2": [1.0] * 4, "c": ["a"] * 4}
    answers = values(model.replace(schema(), treated), **rows)
    assert answers == pytest.approx([*values(model, **rows)[:2], np.nan, np.nan], nan_ok=True)


def test_a_number_that_says_that_it_is_missing_is_a_problem_and_no_other_is() -> None:
    """Also where values outside of an interval are taken as they are."""
    inside = '<Interval closure="closedClosed" leftMargin="0" rightMargin="2"/><Value value="-999" property="missing"/>'
    model = makers.general("logit").replace(schema(), schema(x1='invalidValueTreatment="asIs"'))
    found = PmmlModel(pmml(attributes.declared(inside), model, "4.4"))
    rows: dict[str, Any] = {"x1": [1.0, -999.0, 5.0], "x2": [0.0] * 3, "c": ["a"] * 3}
    scores = found.score(pa.RecordBatch.from_pydict(rows))
    found.close()
    assert scores.problems == {1: "x1 is -999.0, which counts as missing, and may not be"}
    assert scores.values[[0, 2]].tolist() == [values(model, **rows)[row] for row in (0, 2)]


def test_outliers_may_have_a_bound_on_one_side() -> None:
    """The engine alone fails on each record, then."""
    model = regression(number("x1", 2), mining=schema(x1='outliers="asExtremeValues" highValue="2"'))
    assert values(model, x1=[-5.0, 9.0], x2=[0.0, 0.0], c=["a", "a"]) == [-9.0, 5.0]


def test_a_category_that_is_invalid_and_taken_as_it_is_is_not_missing() -> None:
    """The engine alone takes what the data dictionary calls invalid as missing."""
    fields = FIELDS.replace('<Value value="k"/>', '<Value value="k"/><Value value="bad" property="invalid"/>', 1)
    gone = '<SimplePredicate field="c" operator="isMissing"/>'
    model = makers.branches(gone).replace(schema(), schema(c='invalidValueTreatment="asIs"'))
    assert values(model, fields, x1=[0.0] * 2, x2=[0.0] * 2, c=["bad", None]) == [2.0, 1.0]


def test_a_segment_may_rescale_its_answer_without_saying_what_it_is() -> None:
    """The engine alone does not load it."""
    inner = regression(number("x1", 1), '<Targets><Target rescaleFactor="10"/></Targets>', mining=bare())
    assert values(ensemble("sum", [inner, inner]), x1=[1.0], x2=[0.0], c=["a"]) == [40.0]


def test_a_segment_that_rescales_what_it_does_not_predict_is_refused() -> None:
    """Some take that as its answer, and some leave it out."""
    inner = regression(number("x1", 1), makers.target('rescaleFactor="10"'), mining=bare())
    with pytest.raises(ModelRefused, match="a target 'y', which its mining schema does not say"):
        read_pmml(pmml(FIELDS, ensemble("sum", [inner]), "4.4"))


def test_the_function_is_valid_is_refused_where_anything_is_taken_as_it_is() -> None:
    """The engine takes what is not missing as valid."""
    model = makers.chosen(apply("isValid", '<FieldRef field="c"/>'))
    read_pmml(pmml(FIELDS, model, "4.4"))
    with pytest.raises(ModelRefused, match="the function isValid"):
        read_pmml(pmml(FIELDS, model.replace(schema(), schema(c='invalidValueTreatment="asIs"')), "4.4"))


def test_of_two_bins_that_touch_the_later_one_counts() -> None:
    """As in JPMML; PMML does not allow them."""
    model = attributes.binned("closedClosed", 'defaultValue="9"')
    assert values(model, x1=[0.5, 1.0, 2.0, 5.0], x2=[0.0] * 4, c=["a"] * 4) == [2.0, 3.0, 3.0, 10.0]
