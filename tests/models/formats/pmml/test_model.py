"""PMML: inputs by name, and answers where the engine by itself would answer wrongly, or not at all."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from modelserving.errors import ModelFormatError, ModelInputError
from modelserving.models.formats.pmml.model import PmmlModel
from modelserving.models.model import Scores
from modelserving.records import WineRecord
from tests.models.samples import LABELS, field, forest, leaf, linear, pmml, schema, stump, target, tree

SIX = ("5", "6", "7", "4", "8", "3")


def score(data: bytes, *wines: WineRecord) -> Scores:
    model = PmmlModel(data)
    try:
        return model.score(wines)
    finally:
        model.close()


@pytest.fixture
def wine(wines: list[WineRecord]) -> WineRecord:
    return replace(wines[0], alcohol=10.0, pH=3.0, volatile_acidity=0.4)


def test_an_input_that_records_lack_is_named(wines: list[WineRecord]) -> None:
    """A model that asks for something else than wines have refuses them, with what they have."""
    model = PmmlModel(linear(alcohol=1.0, sweetness=2.0))
    with pytest.raises(ModelInputError, match=r"'sweetness'.*alcohol"):
        model.score(wines[:1])
    model.close()


def test_target_and_derived_fields_are_no_inputs(wine: WineRecord) -> None:
    """Only what must come from outside is asked of the record."""
    derived = (
        '<LocalTransformations><DerivedField name="strength" optype="continuous" dataType="double">'
        '<Apply function="*"><FieldRef field="alcohol"/><Constant dataType="double">2</Constant></Apply>'
        "</DerivedField></LocalTransformations>"
    )
    data = pmml(
        field("quality") + field("alcohol"),
        f'<RegressionModel functionName="regression">{schema("alcohol")}{derived}<RegressionTable intercept="1">'
        '<NumericPredictor name="strength" coefficient="3"/></RegressionTable></RegressionModel>',
    )
    model = PmmlModel(data)
    assert model.inputs == ("alcohol",)
    assert model.score([wine]).values.tolist() == [61.0]
    model.close()


def test_a_constant_model_reads_nothing(wine: WineRecord) -> None:
    """A model without inputs answers for each record."""
    assert score(linear(), wine, wine).values.tolist() == [1.0, 1.0]


def test_whole_number_inputs_are_not_cut_off(wine: WineRecord) -> None:
    """A model trained on whole numbers has no answer for others, as in the reference implementation."""
    data = linear(alcohol=2.0).replace(
        b'name="alcohol" optype="continuous" dataType="double"',
        b'name="alcohol" optype="continuous" dataType="integer"',
    )
    scores = score(data, wine, replace(wine, alcohol=10.5))
    assert scores.values[0] == 21.0
    assert "whole numbers only" in scores.problems[1]


def test_single_precision_decides_at_a_threshold(wine: WineRecord) -> None:
    """A value that equals the threshold in 32 bits is not above it, in an input and in a derived field."""
    above = replace(wine, alcohol=10.3 + 1e-9)
    root = stump("ALCOHOL", 10.3, {"5": 1}, {"6": 1})
    single = '<DataField name="alcohol" optype="continuous" dataType="float"/>'
    derived = (
        '<LocalTransformations><DerivedField name="rounded" optype="continuous" dataType="float">'
        '<FieldRef field="alcohol"/></DerivedField></LocalTransformations>'
    )
    as_input = pmml(target("5", "6") + single, tree(root.replace("ALCOHOL", "alcohol"), "alcohol", probabilities=()))
    as_derived = pmml(
        target("5", "6") + field("alcohol"),
        tree(root.replace("ALCOHOL", "rounded"), "alcohol", probabilities=()).replace("<Node>", derived + "<Node>", 1),
    )
    as_double = pmml(target("5", "6") + field("alcohol"), tree(root.replace("ALCOHOL", "alcohol"), "alcohol"))
    assert [score(data, above).values[0] for data in (as_input, as_derived, as_double)] == [5.0, 5.0, 6.0]


def test_leaves_without_a_score_answer_their_largest_class(wine: WineRecord) -> None:
    """A leaf may leave its label to its distribution."""
    data = pmml(
        target(*LABELS) + field("alcohol"),
        tree(stump("alcohol", 11, {"5": 2, "4": 3}, {"6": 1}, scored=False), "alcohol"),
    )
    assert score(data, wine).values.tolist() == [4.0]


@pytest.mark.parametrize("labels", [("5", "6", "7", "4"), SIX, tuple(reversed(SIX))])
def test_of_equally_likely_classes_the_first_wins(wine: WineRecord, labels: tuple[str, ...]) -> None:
    """A tie between two classes goes to the one that the data dictionary lists first."""
    tied = forest([stump("alcohol", 11, {"4": 1}, {"5": 1}), stump("alcohol", 11, {"7": 1}, {"5": 1})], labels=labels)
    assert score(tied, wine).values.tolist() == [float(next(label for label in labels if label in {"4", "7"}))]


@pytest.mark.parametrize("order", [("8", "3", "5"), ("3", "8", "5"), ("5", "3", "8")])
def test_of_labels_with_equal_votes_the_first_vote_wins(wine: WineRecord, order: tuple[str, ...]) -> None:
    """Where trees vote and all disagree, the first tree decides."""
    votes = [stump("alcohol", 11, {label: 1}, {"6": 1}) for label in order]
    assert score(forest(votes, "majorityVote", SIX), wine).values.tolist() == [float(order[0])]


def test_a_majority_outvotes_the_first(wine: WineRecord) -> None:
    """Being first counts among equals only."""
    votes = [stump("alcohol", 11, {label: 1}, {"6": 1}) for label in ("8", "3", "3")]
    assert score(forest(votes, "majorityVote", SIX), wine).values.tolist() == [3.0]


def machines(labels: tuple[str, ...], wins: dict[tuple[str, str], str]) -> bytes:
    """A support vector machine in which each class plays each other, with these winners whatever the wine."""
    played = "".join(
        f'<SupportVectorMachine targetCategory="{one}" alternateTargetCategory="{other}"><SupportVectors>'
        f'<SupportVector vectorId="1"/></SupportVectors><Coefficients absoluteValue="{-1 if winner == one else 1}">'
        '<Coefficient value="0"/></Coefficients></SupportVectorMachine>'
        for (one, other), winner in wins.items()
    )
    vector = '<VectorInstance id="1"><Array type="real" n="1">0</Array></VectorInstance>'
    fields = '<VectorFields><FieldRef field="alcohol"/></VectorFields>'
    return pmml(
        (target(*labels) if labels else field("quality")) + field("alcohol"),
        '<SupportVectorMachineModel functionName="classification" classificationMethod="OneAgainstOne">'
        f"{schema('alcohol')}<LinearKernelType/><VectorDictionary>{fields}{vector}</VectorDictionary>{played}"
        "</SupportVectorMachineModel>",
    )


@pytest.mark.parametrize("labels", [("5", "6", "7"), ("7", "6", "5"), ("6", "5", "7")])
def test_of_classes_with_equal_wins_the_one_that_won_first_wins(wine: WineRecord, labels: tuple[str, ...]) -> None:
    """Where each of three classes beats one other, the first match decides; else the class that beats both."""
    tied = {("5", "6"): "5", ("6", "7"): "6", ("5", "7"): "7"}
    assert score(machines(labels, tied), wine).values.tolist() == [5.0]
    assert score(machines(labels, dict(reversed(tied.items()))), wine).values.tolist() == [7.0]
    assert score(machines(labels, {**tied, ("5", "7"): "5"}), wine).values.tolist() == [5.0]


def test_classes_that_are_not_listed_cannot_play_each_other() -> None:
    """Without an order of the classes nobody knows who is the first among equals: better refused than guessed."""
    with pytest.raises(ModelFormatError, match="lists 0 labels"):
        PmmlModel(machines((), {("5", "6"): "5"}))


def test_a_chain_answers_what_its_last_model_answers(wine: WineRecord) -> None:
    """Boosted classifiers of Spark are a regression whose result a second model turns into a label."""
    inner = schema("alcohol").replace('<MiningField name="quality" usageType="target"/>', "")
    chain = (
        f'<MiningModel functionName="classification">{schema("alcohol")}<Output>'
        '<OutputField name="p" feature="probability" value="1" optype="continuous" dataType="double"/></Output>'
        '<Segmentation multipleModelMethod="modelChain">'
        f'<Segment><True/><RegressionModel functionName="regression">{inner}<Output><OutputField name="margin" '
        'optype="continuous" dataType="double" feature="predictedValue" isFinalResult="false"/></Output>'
        '<RegressionTable intercept="-10.5"><NumericPredictor name="alcohol" coefficient="1"/></RegressionTable>'
        "</RegressionModel></Segment><Segment><True/>"
        '<RegressionModel functionName="classification" normalizationMethod="logit">'
        '<MiningSchema><MiningField name="quality" usageType="target"/><MiningField name="margin"/></MiningSchema>'
        '<RegressionTable intercept="0" targetCategory="1"><NumericPredictor name="margin" coefficient="2"/>'
        '</RegressionTable><RegressionTable intercept="0" targetCategory="0"/></RegressionModel></Segment>'
        "</Segmentation></MiningModel>"
    )
    data = pmml(target("0", "1") + field("alcohol"), chain)
    assert score(data, wine, replace(wine, alcohol=11.0)).values.tolist() == [0.0, 1.0]


def test_labels_may_be_of_any_type_that_spells_a_number(wine: WineRecord) -> None:
    """Whole numbers, floating-point numbers and text make the same label."""
    for kind in ("string", "integer", "double"):
        data = pmml(
            target("5", "6", kind=kind) + field("alcohol"),
            tree(stump("alcohol", 11, {"5": 1}, {"6": 1}), "alcohol", probabilities=("5", "6")),
        )
        assert score(data, wine, replace(wine, alcohol=12.0)).values.tolist() == [5.0, 6.0]


@pytest.mark.parametrize("word", ["good", "5 stars", "nan", "inf", "0x5", "5d", "1_0", "true"])
def test_a_label_that_is_a_word_is_no_number(wine: WineRecord, word: str) -> None:
    """A word is a label, and no problem; records that get a number are scored as ever."""
    data = pmml(
        target(word, "6") + field("alcohol"),
        tree(stump("alcohol", 11, {word: 1}, {"6": 1}), "alcohol", probabilities=()),
    )
    scores = score(data, replace(wine, alcohol=12.0), wine, replace(wine, alcohol=13.0))
    assert scores.problems == {}
    assert scores.labels is not None
    assert scores.labels.tolist() == ["6", word, "6"]
    assert scores.values[[0, 2]].tolist() == [6.0, 6.0]
    assert np.isnan(scores.values[1])


def test_a_word_as_the_answer_of_a_forest_is_a_label(wine: WineRecord) -> None:
    """Also where the answer is found from probabilities."""
    votes = [stump("alcohol", 11, {"good": 1}, {"6": 1})] * 2
    scores = score(forest(votes, labels=("good", "6")), wine, replace(wine, alcohol=12.0))
    assert scores.labels is not None
    assert scores.labels.tolist() == ["good", "6"]
    assert scores.values[1] == 6.0


def test_an_infinite_answer_is_a_problem(wine: WineRecord) -> None:
    """An answer that overflows is none."""
    scores = score(linear(alcohol=1e308), wine)
    assert scores.problems == {0: "the model answered inf, not a finite number"}


def test_no_answer_is_a_problem(wine: WineRecord) -> None:
    """A tree in which no branch fits has no answer for the record."""
    strong = leaf({}, '<SimplePredicate field="alcohol" operator="greaterThan" value="11"/>', "5")
    root = f"<Node><True/>{strong}</Node>"
    data = pmml(target("5", "6") + field("alcohol"), tree(root, "alcohol", probabilities=()))
    scores = score(data, wine, replace(wine, alcohol=12.0))
    assert "gave no answer" in scores.problems[0]
    assert scores.values[1] == 5.0


def test_a_failing_engine_costs_only_the_record(wine: WineRecord) -> None:
    """An exception in Java is a problem of the record that it happened for; here a choice of two models, one broken."""
    broken = (
        '<LocalTransformations><DerivedField name="day" optype="continuous" dataType="double">'
        '<Apply function="dateDaysSinceYear"><FieldRef field="alcohol"/><Constant dataType="integer">1960</Constant>'
        "</Apply></DerivedField></LocalTransformations>"
    )
    segments = "".join(
        f'<Segment>{condition}<RegressionModel functionName="regression">{schema("alcohol")}{transformations}'
        f'<RegressionTable intercept="1"><NumericPredictor name="{name}" coefficient="3"/></RegressionTable>'
        "</RegressionModel></Segment>"
        for condition, transformations, name in (
            ('<SimplePredicate field="alcohol" operator="greaterThan" value="11"/>', "", "alcohol"),
            ("<True/>", broken, "day"),
        )
    )
    data = pmml(
        field("quality") + field("alcohol"),
        f'<MiningModel functionName="regression">{schema("alcohol")}'
        f'<Segmentation multipleModelMethod="selectFirst">{segments}</Segmentation></MiningModel>',
    )
    scores = score(data, replace(wine, alcohol=12.0), wine)
    assert scores.values[0] == 37.0
    assert list(scores.problems) == [1]
    assert scores.problems[1].startswith("the PMML engine failed: ClassCastException")


NEIGHBOURS = """
    <NearestNeighborModel functionName="classification" numberOfNeighbors="{count}"
      categoricalScoringMethod="majorityVote">
    <MiningSchema><MiningField name="alcohol"/><MiningField name="quality" usageType="target"/></MiningSchema>
    <TrainingInstances><InstanceFields><InstanceField field="alcohol" column="x"/>
      <InstanceField field="quality" column="y"/></InstanceFields><InlineTable>
      <row><x>9</x><y>5</y></row><row><x>11</x><y>6</y></row><row><x>12</x><y>6</y></row></InlineTable>
    </TrainingInstances>
    <ComparisonMeasure kind="distance"><euclidean/></ComparisonMeasure>
    <KNNInputs><KNNInput field="alcohol"/></KNNInputs></NearestNeighborModel>
"""


def test_neighbours_that_do_not_agree_are_told() -> None:
    """The engine has no answer where labels are tied: that record says why and what helps, the others are answered."""
    document = pmml(target("5", "6") + field("alcohol"), NEIGHBOURS.format(count=2))
    scores = PmmlModel(document).score(pa.RecordBatch.from_pydict({"alcohol": [9.0, 12.0]}))
    assert (scores.values[1], list(scores.problems)) == (6, [0])
    assert "as many of its nearest neighbours have one label as another" in scores.problems[0]
    decided = PmmlModel(pmml(target("5", "6") + field("alcohol"), NEIGHBOURS.format(count=3)))
    assert decided.score(pa.RecordBatch.from_pydict({"alcohol": [9.0]})).values.tolist() == [6]
