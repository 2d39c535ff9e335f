"""From a descriptor to a model that is fit to serve."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from modelserving.datasets import default_schemas
from modelserving.errors import ModelCheckError, ModelFormatError, ModelInputError, ScoringError
from modelserving.models.formats import factory
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.model import LONGEST_TEXT, Records, Scores
from modelserving.records import Column, ColumnType, Golden, ModelDescriptor, ModelType, RecordSchema
from tests.fakes import FakeModel, wine
from tests.models.samples import Sample, field, linear, pmml, stump, target, tree

GOLDEN = (Golden(wine(alcohol=9.0), 18.0), Golden(wine(alcohol=10.0), 20.0))
DOUBLER = ModelDescriptor("doubler", "two times", "wine", ModelType.PMML, b"x", version="3", golden=GOLDEN)


def use(monkeypatch: pytest.MonkeyPatch, model: FakeModel) -> FakeModel:
    """Let the factory build this model."""
    monkeypatch.setattr(factory, "create", lambda _: model)
    return model


def test_a_good_model_comes_out_open_and_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who it is stands beside the model: name, description, data type, format, version, digest."""
    model = use(monkeypatch, FakeModel(2.0))
    served = build_candidate(DOUBLER)
    assert served.model is model
    assert (served.info.name, served.info.description, served.info.data_type) == ("doubler", "two times", "wine")
    assert (served.info.type, served.info.version, served.info.digest) == (ModelType.PMML, "3", DOUBLER.digest)
    assert (served.statistics.snapshot().count, model.closes) == (0, 0)


def test_it_is_warmed_up_before_it_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine has scored single records and a large batch before the first record that counts."""
    model = use(monkeypatch, FakeModel(2.0))
    build_candidate(DOUBLER)
    assert model.batches[0] == len(GOLDEN)
    assert model.batches.count(1) >= 100
    assert max(model.batches) >= 100


def test_a_wrong_answer_is_told_with_the_right_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which model, which golden record, what it answers and what was expected; the model is closed."""
    model = use(monkeypatch, FakeModel(2.0))
    wrong = replace(DOUBLER, golden=(GOLDEN[0], Golden(wine(alcohol=10.0), 21.0)))
    with pytest.raises(
        ModelCheckError, match=r"model 'doubler' answers 20 for golden record 1; 21 was expected, give or take 1e-06"
    ):
        build_candidate(wrong)
    assert model.closes == 1


@pytest.mark.parametrize(
    ("tolerance", "off", "good"),
    [(0.0, 1e-7, True), (0.0, 1e-5, False), (0.5, 0.4, True), (0.5, -0.4, True), (0.5, 0.6, False), (-1.0, 0.1, False)],
)
def test_the_tolerance_is_the_descriptors(
    monkeypatch: pytest.MonkeyPatch, tolerance: float, off: float, good: bool
) -> None:
    """An answer may be off by the tolerance, to either side; without one, by a millionth."""
    model = use(monkeypatch, FakeModel(2.0))
    candidate = replace(DOUBLER, tolerance=tolerance, golden=(Golden(wine(alcohol=9.0), 18.0 + off),))
    if good:
        build_candidate(candidate)
    else:
        with pytest.raises(ModelCheckError, match="was expected"):
            build_candidate(candidate)
    assert model.closes == (not good)


@pytest.mark.parametrize("tolerance", [math.nan, 0.0])
def test_expecting_no_number_accepts_nothing(monkeypatch: pytest.MonkeyPatch, tolerance: float) -> None:
    """A golden record whose answer is NaN is answered rightly by no model."""
    use(monkeypatch, FakeModel(2.0))
    with pytest.raises(ModelCheckError):
        build_candidate(replace(DOUBLER, tolerance=tolerance, golden=(Golden(wine(), math.nan),)))


def test_a_model_that_gives_no_number_is_refused_with_the_engines_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason says which golden record it was, and what came instead of a number."""
    model = use(monkeypatch, FakeModel(2.0, problems={1: "the model answered 'good', not a number"}))
    with pytest.raises(ModelCheckError, match=r"'doubler' gives no answer for golden record 1: .*'good'"):
        build_candidate(DOUBLER)
    assert model.closes == 1


@pytest.mark.parametrize("error", [ScoringError("out of memory"), RuntimeError("boom"), KeyboardInterrupt()])
def test_a_model_whose_engine_fails_is_closed(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Whatever went wrong, what the engine holds is given back."""
    model = use(monkeypatch, FakeModel(error=error))
    with pytest.raises((ModelCheckError, RuntimeError, KeyboardInterrupt)) as caught:
        build_candidate(DOUBLER)
    assert isinstance(caught.value, ModelCheckError) == isinstance(error, ScoringError)
    assert model.closes == 1


def test_without_golden_records_it_must_answer_ordinary_wines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that brings no check is asked for an answer to each example of the schema."""
    seen: list[float] = []

    class Watcher(FakeModel):
        def score(self, records):  # type: ignore[no-untyped-def]
            seen.extend(records["alcohol"].to_pylist())
            return super().score(records)

    use(monkeypatch, Watcher(2.0))
    build_candidate(replace(DOUBLER, golden=(), data_type="white"))
    (schema,) = default_schemas()
    assert tuple(seen[:3]) == next(column.examples for column in schema.columns if column.name == "alcohol")
    use(monkeypatch, FakeModel(2.0, problems={0: "the model gave no answer"}))
    with pytest.raises(ModelCheckError, match="gives no answer for the schema's example 0"):
        build_candidate(replace(DOUBLER, golden=()))


class TestRealModels:
    def test_a_real_model_passes_and_serves(self, regression: Sample) -> None:
        """PMML in, answers out: golden records of the model's own."""
        record = wine()
        candidate = replace(DOUBLER, data=regression.data, golden=(Golden(record, regression.expected(record)),))
        served = build_candidate(candidate)
        try:
            assert served.model.score([record]).values[0] == pytest.approx(regression.expected(record))
        finally:
            served.model.close()

    def test_a_real_model_that_answers_words_is_checked_by_its_words(self) -> None:
        """The original was stopped for ever by such a model."""
        data = pmml(
            target("poor", "good") + field("alcohol"),
            tree(stump("alcohol", 10.0, {"poor": 2, "good": 1}, {"good": 3}), "alcohol"),
        )
        candidate = replace(DOUBLER, data=data, golden=(Golden(wine(alcohol=11.0), "good"),))
        build_candidate(candidate).close()
        build_candidate(replace(candidate, golden=())).close()
        with pytest.raises(ModelCheckError, match="answers 'poor' for golden record 0; 'good' was expected"):
            build_candidate(replace(candidate, golden=(Golden(wine(alcohol=9.0), "good"),)))
        with pytest.raises(ModelCheckError, match="answers 'good' for golden record 0; 1 was expected"):
            build_candidate(replace(candidate, golden=(Golden(wine(alcohol=11.0), 1.0),)))

    def test_a_model_of_other_records_is_checked_by_their_schema(self) -> None:
        """What it reads must be in the records of its data type, in a type that fits; it may bring its own."""
        data = pmml(
            target("poor", "good") + field("rooms"),
            tree(stump("rooms", 10.0, {"poor": 2, "good": 1}, {"good": 3}), "rooms"),
        )
        house = replace(DOUBLER, data=data, data_type="house", golden=(Golden({"rooms": 12, "garden": None}, "good"),))
        rooms = RecordSchema("house", (Column("rooms", ColumnType.INT32), Column("garden", ColumnType.STRING)))
        build_candidate(house, [rooms]).close()
        build_candidate(replace(house, golden=()), [rooms]).close()
        build_candidate(house, [replace(rooms, name="boat")]).close()  # nobody feeds it here
        with pytest.raises(ModelInputError, match="wants 'rooms', which the records do not have"):
            build_candidate(house, [replace(rooms, columns=rooms.columns[1:])])
        with pytest.raises(ModelInputError, match="'rooms' is string, and it takes double"):
            build_candidate(house, [replace(rooms, columns=(Column("rooms", ColumnType.STRING),))])

    def test_a_real_model_that_answers_nan_is_refused(self) -> None:
        """Not a number is not an answer."""
        data = linear(alcohol=1e308, pH=-1e308)  # infinity less infinity
        with pytest.raises(ModelCheckError, match=r"gives no answer for the schema's example 0: .*nan"):
            build_candidate(replace(DOUBLER, data=data, golden=()))

    def test_bytes_that_are_no_model_are_refused(self) -> None:
        """What cannot be built says that, not that its answers are wrong."""
        with pytest.raises(ModelFormatError):
            build_candidate(replace(DOUBLER, data=b"<html/>"))


class Talker(FakeModel):
    """A model that answers a text of so many letters to each record, or says it beside a number."""

    def __init__(self, letters: int, beside: bool) -> None:
        super().__init__()
        self._text, self._beside = "x" * letters, beside

    def score(self, records: Records) -> Scores:
        """The same to all."""
        found = super().score(records)
        texts = np.full(len(records), self._text, object)
        return replace(found, outputs={"why": texts}) if self._beside else replace(found, labels=texts)


@pytest.mark.parametrize("beside", [False, True], ids=["answer", "output"])
@pytest.mark.parametrize("letters", [LONGEST_TEXT, LONGEST_TEXT + 1])
def test_a_model_whose_answers_would_be_too_long_is_refused(
    monkeypatch: pytest.MonkeyPatch, letters: int, beside: bool
) -> None:
    """Whatever its format: with a label of half a million letters each answer is as large."""
    use(monkeypatch, Talker(letters, beside))
    candidate = replace(DOUBLER, golden=())
    if letters == LONGEST_TEXT:
        build_candidate(candidate)
    else:
        which = "output 'why'" if beside else "answer"
        said = f"its {which} is a text of 4,001 letters, and 4,000 are allowed"
        with pytest.raises(ModelCheckError, match=said):
            build_candidate(candidate)
