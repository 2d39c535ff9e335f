"""PMML that is small and asks for much: refused before anything grows; what only looks like it still scores."""

from __future__ import annotations

import pytest

from modelserving.errors import ModelFormatError, ModelRefused
from modelserving.models.formats.pmml.document import read_pmml
from modelserving.models.formats.pmml.guard import MAX_ENTRIES, MAX_LENGTH, MAX_STEPS, check_entries
from modelserving.models.formats.pmml.model import PmmlModel
from modelserving.records import WineRecord
from tests.models.samples import field, pmml, schema, target, tree


def reference(name: str) -> str:
    return f'<FieldRef field="{name}"/>'


def apply(function: str, *arguments: str) -> str:
    return f'<Apply function="{function}">{"".join(arguments)}</Apply>'


def derived(name: str, expression: str, kind: str = "double") -> str:
    return f'<DerivedField name="{name}" optype="continuous" dataType="{kind}">{expression}</DerivedField>'


def function(name: str, body: str) -> str:
    parameter = '<ParameterField name="x" optype="continuous" dataType="double"/>'
    return f'<DefineFunction name="{name}" optype="continuous" dataType="double">{parameter}{body}</DefineFunction>'


def answering(name: str, fields: str, functions: str = "") -> bytes:
    """A model whose answer is the field ``name``, one of ``fields`` that are derived from alcohol."""
    dictionary = f"{field('quality')}{field('alcohol')}"
    return pmml(
        dictionary,
        f'<RegressionModel functionName="regression">{schema("alcohol")}<LocalTransformations>{fields}'
        f'</LocalTransformations><RegressionTable intercept="0"><NumericPredictor name="{name}" coefficient="1"/>'
        "</RegressionTable></RegressionModel>",
    ).replace(
        b"</DataDictionary>",
        f"</DataDictionary><TransformationDictionary>{functions}</TransformationDictionary>".encode(),
    )


def doubling(levels: int) -> str:
    """Functions f0 to f``levels``, each of which applies the one before it twice."""
    twice = [
        function(f"f{level}", apply("+", *[apply(f"f{level - 1}", reference("x"))] * 2))
        for level in range(1, levels + 1)
    ]
    return function("f0", reference("x")) + "".join(twice)


def answer(data: bytes, wine: WineRecord) -> float:
    model = PmmlModel(data)
    try:
        return float(model.score([wine]).values[0])
    finally:
        model.close()


def wide(labels: list[str], leaves: int, listed: str) -> bytes:
    """A tree with so many leaves, each of which lists one label."""
    entry = f'<ScoreDistribution value="{listed}" recordCount="1"/>'
    split = '<SimplePredicate field="alcohol" operator="lessThan" value="11"/>'
    root = f"<Node><True/>{f'<Node>{split}{entry}</Node>' * leaves}</Node>"
    return pmml(target(*labels) + field("alcohol"), tree(root, "alcohol", probabilities=()))


@pytest.mark.parametrize("kind", ["float", "double"])
def test_a_derived_field_inside_another_is_refused(kind: str) -> None:
    """Rounding to single precision would treble the document with each level of nesting."""
    nested = reference("alcohol")
    for level in range(8):
        nested = derived(f"d{level}", nested, kind)
    with pytest.raises(ModelFormatError, match=r"'d7'.*another derived field inside it"):
        read_pmml(answering("d7", nested))


def test_rounding_does_not_multiply_along_a_chain_of_fields() -> None:
    """Each field of single precision is rounded by itself: twice as many fields make twice as much text."""

    def length(levels: int) -> int:
        chain = [derived("d10", reference("alcohol"), "float")] + [
            derived(f"d{level}", apply("abs", apply("abs", reference(f"d{level - 1}"))), "float")
            for level in range(11, levels + 11)
        ]
        return len(read_pmml(answering(f"d{levels + 10}", "".join(chain))).text)

    assert length(40) - length(20) == length(60) - length(40)


def test_leaves_times_labels_are_bounded() -> None:
    """Every leaf gets every label: a thousand of both are too many, though the document is small."""
    labels = [str(number) for number in range(1000)]
    with pytest.raises(ModelRefused, match=r"1,001,000 entries and more .* at most 1,000,000"):
        read_pmml(wide(labels, leaves=1001, listed="5"))
    check_entries(MAX_ENTRIES)


def test_all_trees_together_are_bounded() -> None:
    """A forest cannot get around the bound with many trees."""
    bare = '<MiningSchema><MiningField name="alcohol"/></MiningSchema>'
    node = '<Node><True/><ScoreDistribution value="5" recordCount="1"/></Node>'
    segment = f'<Segment><True/><TreeModel functionName="classification">{bare}{node}</TreeModel></Segment>'
    forest = (
        f'<MiningModel functionName="classification">{schema("alcohol")}'
        f'<Segmentation multipleModelMethod="average">{segment * 501}</Segmentation></MiningModel>'
    )
    with pytest.raises(ModelRefused, match="entries"):
        read_pmml(pmml(target(*map(str, range(2000))) + field("alcohol"), forest))


def test_what_the_engine_gets_is_bounded() -> None:
    """Long labels make a long document of few entries; it is not written to find that out."""
    labels = ["5", "x" * 60_000, "y" * 60_000]
    leaves = MAX_LENGTH // 120_000 + 1
    with pytest.raises(ModelRefused, match="more than 50,000,000 characters"):
        read_pmml(wide(labels, leaves, listed="5"))


def test_functions_that_double_are_refused() -> None:
    """Each level applies the one before it twice: the one that stands for too much is named."""
    fields = derived("d", apply("f40", reference("alcohol")))
    with pytest.raises(ModelRefused, match=r"function 'f\d+' of the PMML document stands for .* at most 250,000"):
        read_pmml(answering("d", fields, doubling(40)))


def test_functions_applied_often_are_refused() -> None:
    """What each function may stand for, the document may not ask for again and again."""
    fields = "".join(derived(f"d{number}", apply("f12", reference("alcohol"))) for number in range(20))
    with pytest.raises(ModelRefused, match=f"PMML document stands for .* at most {MAX_STEPS:,}"):
        read_pmml(answering("d1", fields, doubling(12)))


@pytest.mark.parametrize("name", ["Apply", "DefineFunction"])
def test_a_namespace_hides_no_function(name: str) -> None:
    """The engine goes by names without namespaces; so does the guard."""
    data = answering("d", derived("d", apply("f40", reference("alcohol"))), doubling(40)).decode()
    data = data.replace(f"<{name}", f"<q:{name}").replace(f"</{name}", f"</q:{name}")
    with pytest.raises(ModelRefused, match="stands for"):
        read_pmml(data.replace("<PMML ", '<PMML xmlns:q="urn:q" ').encode())


def test_a_namespace_hides_no_name() -> None:
    """An attribute of another namespace, which the engine might take for PMML's own, is refused."""
    data = answering("d", derived("d", apply("f40", reference("alcohol"))), doubling(40))
    hidden = data.replace(b"<Apply function=", b'<Apply function="+" q:function=')
    with pytest.raises(ModelFormatError, match=r"<Apply> .* attributes of another namespace.*\{urn:q\}function"):
        read_pmml(hidden.replace(b"<PMML ", b'<PMML xmlns:q="urn:q" '))


@pytest.mark.parametrize(
    ("functions", "reason"),
    [
        (function("f", apply("f", reference("x"))), "'f' of the PMML document applies 'f'"),
        (
            function("f", apply("g", reference("x"))) + function("g", apply("f", reference("x"))),
            "'f' of the PMML document applies 'g', which is not defined above it",
        ),
        (function("f", reference("x")) * 2, "defines function 'f' twice"),
    ],
)
def test_functions_in_a_circle_are_refused_by_name(functions: str, reason: str) -> None:
    """A function may apply those above it, and its name is its own."""
    with pytest.raises(ModelFormatError, match=reason):
        read_pmml(answering("d", derived("d", apply("f", reference("alcohol"))), functions))


def test_functions_within_the_bound_score(wines: list[WineRecord]) -> None:
    """Functions of functions are fine as long as they stand for a finite piece of work."""
    data = answering("d", derived("d", apply("f10", reference("alcohol"))), doubling(10))
    assert answer(data, wines[0]) == pytest.approx(1024 * wines[0].alcohol)


def test_a_long_line_of_functions_is_allowed() -> None:
    """Functions that apply one other each add up, and do not multiply, however many they are."""
    line = function("f0", reference("x")) + "".join(
        function(f"f{level}", apply(f"f{level - 1}", reference("x"))) for level in range(1, 1000)
    )
    assert "f999" in read_pmml(answering("d", derived("d", apply("f999", reference("alcohol"))), line)).text


def test_derived_fields_that_refer_to_others_twice_cost_nothing_more(wines: list[WineRecord]) -> None:
    """The engine works out each field once a record, so that a chain needs no bound."""
    chain = derived("d0", reference("alcohol")) + "".join(
        derived(f"d{level}", apply("+", *[reference(f"d{level - 1}")] * 2)) for level in range(1, 41)
    )
    assert answer(answering("d40", chain), wines[0]) == pytest.approx(2.0**40 * wines[0].alcohol)


def test_arguments_that_are_used_twice_cost_nothing_more(wines: list[WineRecord]) -> None:
    """The engine works out an argument once a call, so that calls inside calls need no bound."""
    nested = reference("alcohol")
    for _ in range(40):
        nested = apply("twice", nested)
    data = answering("d", derived("d", nested), function("twice", apply("+", reference("x"), reference("x"))))
    assert answer(data, wines[0]) == pytest.approx(2.0**40 * wines[0].alcohol)
