"""Kinds of models of which the engine alone reads an attribute in another way. The right answers are JPMML's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelserving.errors import ModelFormatError, ModelRefused
from modelserving.models.formats.pmml.document import read_pmml
from modelserving.models.formats.pmml.model import PmmlModel
from modelserving.models.model import Scores
from tests.models.formats.pmml import attributes, makers
from tests.models.formats.pmml.documents import FIELDS, LABELS, bare, clusters, ensemble, schema, softmax
from tests.models.samples import pmml


def score(model: str, parameters: Mapping[str, str] | None = None, fields: str = FIELDS, **columns: Any) -> Scores:
    found = PmmlModel(pmml(fields, model, "4.4"), parameters or {})
    try:
        return found.score(pa.RecordBatch.from_pydict(columns))
    finally:
        found.close()


NAMED = 'name="k" optype="categorical" '
GLM, COUNTS = attributes.general, makers.counts(5, 10, 2)
CONTRASTS = (
    '<Predictor name="c" contrastMatrixType="t"><Categories><Category value="a"/></Categories><Matrix/></Predictor>'
)
OTHER = 'targetCategory="{}" alternateTargetCategory="{}"'
PLAYED = [makers.machine(OTHER.format(*pair), 0.1, 1, -0.5, 0.2) for pair in ("pq", "qr", "rp")]
ONE = makers.machine('targetCategory="p"', 0.1, 1, -0.5, 0.2)
TEXT_NEIGHBOURS = attributes.neighbours("", "<euclidean/>", "k").replace('KNNInput field="x2"', 'KNNInput field="c"')


@pytest.mark.parametrize(
    ("model", "reason"),
    [
        (clusters("<euclidean/>").replace('"distance"', '"similarity"'), "a distance .euclidean. for its similarity"),
        (clusters("<jaccard/>").replace('"distance"', '"similarity"'), "a similarity of yes and no .jaccard."),
        (
            clusters("<euclidean/>").replace('field="x2"', 'field="x2" isCenterField="false"'),
            "'x2' that is no part of the centres",
        ),
        (TEXT_NEIGHBOURS, "nearest neighbours by a text or a category .c."),
        (
            attributes.neighbours('categoricalScoringMethod="weightedMajorityVote"', "<euclidean/>", "k"),
            "a weighted vote of nearest neighbours",
        ),
        (GLM("regression").replace('<Predictor name="c"/>', CONTRASTS), "a contrast matrix"),
        (
            GLM("ordinalMultinomial", 'cumulativeLink="logit" offsetValue="1"', "k", attributes.OF_ORDER),
            "a general regression of labels with offsetValue",
        ),
        (attributes.machines("", makers.KERNELS[0], ONE), "one vector machine that is against all others"),
        (attributes.machines("", makers.KERNELS[0], "".join(PLAYED)), 'Give it classificationMethod="OneAgainstOne"'),
        (attributes.machines("", makers.KERNELS[0], PLAYED[0]), 'Give it classificationMethod="OneAgainstOne"'),
        (
            attributes.machines(
                "", makers.KERNELS[0], PLAYED[0] + makers.machine(OTHER.format("q", "p"), 0.1, 1, -0.5, 0.2)
            ),
            'Give it classificationMethod="OneAgainstOne"',
        ),
        (attributes.machines("", makers.KERNELS[0], ONE + ONE), "several are for one label"),
        (attributes.machines('classificationMethod="OneAgainstOne"', makers.KERNELS[0], ONE + ONE), "that name no"),
        (
            attributes.machines('alternateBinaryTargetCategory="q"', makers.KERNELS[0], ONE),
            "alternateBinaryTargetCategory",
        ),
        (
            makers.bayes(makers.BY_TEXT).replace('<TargetValueCount value="p" count="0"/>', ""),
            "no count for some label where 'c' is 'k'",
        ),
        (attributes.rules("weightedMax", attributes.FIRED), "weights are not their confidences"),
        (makers.branches("<True/><Regression/>"), "a regression inside of a node"),
        (
            attributes.one_number("tanh", attributes.norm("y", (0, 1), (4, 0), (10, -1))),
            "normalised by values that do not rise",
        ),
        (
            makers.network("logistic", "none")
            .replace('outputNeuron="2,1"', 'outputNeuron="2,2"')
            .split("<NeuralOutputs>")[0]
            + '<NeuralOutputs><NeuralOutput outputNeuron="2,0"><DerivedField optype="categorical" dataType="string">'
            '<NormDiscrete field="k" value="p"/></DerivedField></NeuralOutput></NeuralOutputs></NeuralNetwork>',
            "a network with one output for its labels",
        ),
    ],
)
def test_what_engines_read_differently_is_refused(model: str, reason: str) -> None:
    """No answer is better than one that another engine would not give."""
    with pytest.raises(ModelRefused, match=reason):
        read_pmml(pmml(FIELDS, model, "4.4"))


def test_a_refusal_names_the_segment() -> None:
    """A document may have hundreds."""
    inner = makers.branches("<True/>").replace(schema(), bare())
    refused = clusters("<jaccard/>").replace('"distance"', '"similarity"')
    with pytest.raises(ModelRefused, match=r"yes and no \(jaccard\) \(in segment '2'\)"):
        read_pmml(pmml(FIELDS, ensemble("sum", [inner, refused]), "4.4"))


def test_an_extension_may_hold_anything() -> None:
    """What it holds no engine answers by."""
    held = f"<Extension>{clusters('<jaccard/>')}<Regression/></Extension>"
    model = makers.branches(makers.HIGH).replace("<MiningSchema>", f"{held}<MiningSchema>", 1)
    read_pmml(pmml(FIELDS, model, "4.4"))


def test_of_rules_with_equal_weights_the_first_that_fires_decides() -> None:
    """The engine alone takes any; the heavier ones win as before."""
    model = attributes.rules("weightedSum", attributes.RULES["equal"])
    scores = score(model, x1=[1.0, -1.0, 1.0], x2=[1.0, 1.0, -1.0], c=["a", "a", "b"])
    assert scores.labels is not None
    assert scores.labels.tolist() == ["r", "q", "r"]


@pytest.mark.parametrize("method", ["", 'classificationMethod="OneAgainstOne"'])
def test_one_machine_between_two_labels_lets_them_play_each_other(method: str) -> None:
    """R writes kernlab's so, and does not say it; what is below zero is the first label's."""
    machine = makers.machine(OTHER.format("p", "q"), 0.1, 1, -0.5, 0.2)
    labels = score(
        attributes.machines(method, makers.KERNELS[0], machine),
        fields=FIELDS.replace('<Value value="r"/>', ""),
        x1=[2.0, 0.0],
        x2=[0.0, 1.0],
        c=["a", "a"],
    ).labels
    assert labels is not None
    assert labels.tolist() == ["p", "q"]


def many_rules(labels: str, weight: float = 0.5) -> str:
    fired = "".join(attributes.rule(n, label, 0.5, weight, makers.HIGH) for n, label in enumerate(labels))
    return attributes.rules("weightedSum", fired)


def test_ties_of_many_rules_are_broken_as_those_of_few() -> None:
    """Rules for one label that follow each other count as one; where labels take turns too often, that is said."""
    labels = score(many_rules("p" * 20 + "r" * 30 + "q" * 30), x1=[1.0], x2=[0.0], c=["a"]).labels
    assert labels is not None
    assert labels.tolist() == ["r"]
    with pytest.raises(ModelRefused, match="60 rules by weightedSum whose weights are alike"):
        read_pmml(pmml(FIELDS, many_rules("qr" * 30), "4.4"))
    read_pmml(pmml(FIELDS, many_rules("qr" * 13), "4.4"))


def test_the_heaviest_rule_decides_where_it_is_the_surest_too() -> None:
    """By PMML its weight counts, elsewhere its confidence: the same, here."""
    model = attributes.rules("weightedMax", attributes.RULES["equal"])
    labels = score(model, x1=[1.0, -1.0], x2=[1.0, 1.0], c=["b", "b"]).labels
    assert labels is not None
    assert labels.tolist() == ["r", "q"]


@pytest.mark.parametrize("model", [softmax("softmax"), makers.network("identity", "softmax")])
def test_no_label_is_chosen_by_a_sum_that_no_number_holds(model: str) -> None:
    """The engine alone takes the first label; what is smaller it answers as before."""
    scores = score(model, x1=[4000.0, 1.0], x2=[4000.0, 1.0], c=["a", "a"])
    assert list(scores.problems) == [0]
    assert scores.labels is not None
    assert scores.labels[1] in {"p", "q", "r"}


def test_a_network_tells_its_labels_by_their_shares() -> None:
    """In the order of its own outputs, of which the data dictionary may have another."""
    scores = score(makers.network("tanh", "softmax"), {"outputs": "*"}, x1=[2.5], x2=[-1.0], c=["a"])
    shares = {label: scores.outputs[f"P_{label}"][0] for label in "pqr"}
    assert sum(shares.values()) == pytest.approx(1)
    assert scores.labels is not None
    assert scores.labels[0] == max(shares, key=lambda label: shares[label])


def test_a_network_spells_labels_that_are_numbers_as_the_document_does() -> None:
    """The engine alone calls the label 1 1.0."""
    model, fields = makers.network("tanh", "none"), FIELDS
    for label, number in zip("pqr", "012", strict=True):
        model = model.replace(f'value="{label}"', f'value="{number}"')
        fields = fields.replace(f'<Value value="{label}"/>', f'<Value value="{number}"/>')
    fields = fields.replace(NAMED + 'dataType="string"', NAMED + 'dataType="integer"')
    labels = score(model, fields=fields, x1=[2.5, -2.0], x2=[-1.0, 4.0], c=["a", "a"]).labels
    assert labels is not None
    assert set(labels.tolist()) <= {"0", "1", "2"}


def test_two_machines_each_against_the_other_are_answered() -> None:
    """As kernlab writes them: the smaller value wins, whatever other label each names."""
    pair = makers.machine('targetCategory="p" alternateTargetCategory="q"', 0.1, 1, -0.5, 0.2) + makers.machine(
        'targetCategory="q" alternateTargetCategory="p"', -0.1, -1, 0.5, -0.2
    )
    model = attributes.machines("", makers.KERNELS[0], pair)
    labels = score(model, fields=makers.TWO, x1=[1.0, -1.0], x2=[1.0, 1.0], c=["a", "a"]).labels
    assert labels is not None
    assert labels.tolist() == ["q", "q"]


def test_a_scorecard_adds_its_parts() -> None:
    """One part may be an expression; where none of a characteristic holds, there is no answer."""
    scores = score(
        attributes.scorecard('initialScore="1.5" useReasonCodes="false"'), x1=[None, 2.0], x2=[3.0, 3.0], c=["a", None]
    )
    assert scores.values[0] == 1.5 + 12 + 6 + 1
    assert list(scores.problems) == [1]


def test_an_output_that_says_yes_or_no_is_a_text() -> None:
    """Java's boolean is a whole number to Python: it would be 1.0 or 0.0."""
    shown = attributes.outputs(
        attributes.PREDICTED,
        attributes.output(
            "is p",
            "transformedValue",
            'optype="categorical" dataType="boolean"',
            '<Apply function="equal"><FieldRef field="label"/><Constant>p</Constant></Apply>',
        ),
    )
    scores = score(
        softmax("softmax").replace(LABELS, shown), {"outputs": "*"}, x1=[9.0, -9.0], x2=[1.0, 9.0], c=["a", "a"]
    )
    assert scores.outputs["is p"].tolist() == ["true", "false"]


def test_a_label_that_is_a_boolean_is_spelt_as_the_document_spells_it() -> None:
    """With the values that it lists, and without."""
    for values in ("", '<Value value="true"/><Value value="false"/>'):
        target = f'<DataField name="b" optype="categorical" dataType="boolean">{values}</DataField>'
        low = '<SimplePredicate field="x1" operator="lessThan" value="1"/>'
        model = (
            f'<TreeModel functionName="classification">{schema("b")}<Node><True/><Node score="true">{low}</Node>'
            '<Node score="false"><True/></Node></Node></TreeModel>'
        )
        labels = score(model, fields=FIELDS + target, x1=[0.0, 2.0], x2=[0.0, 0.0], c=["a", "a"]).labels
        assert labels is not None
        assert labels.tolist() == ["true", "false"]


def test_outputs_that_the_engine_has_for_others_are_not_declared() -> None:
    """Those of a segment, of a second rank, and a confidence in a label that is not the answer."""
    model, _ = attributes.MODELS["answer of several kinds"]
    assert read_pmml(pmml(FIELDS, model, "4.4"), full=True).outputs == ("label", "best")
    misread = min(read_pmml(pmml(FIELDS, model, "4.4")).misread)
    for parameter in ("output", "outputs"):
        with pytest.raises(ModelFormatError, match=f"declares the output '{misread}', which the engine answers wrong"):
            PmmlModel(pmml(FIELDS, model, "4.4"), {parameter: misread})
    model, _ = attributes.MODELS["answers of segments"]
    assert read_pmml(pmml(FIELDS, model, "4.4"), full=True).outputs == ("all",)
    assert np.isfinite(score(model, {"outputs": "*"}, x1=[1.0], x2=[1.0], c=["a"]).outputs["all"]).all()
