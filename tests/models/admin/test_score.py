"""A file of records, a file with a model, and lines with answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.errors import ModelFormatError, RecordError
from modelserving.models.admin.loading import guess_type, load_model
from modelserving.models.admin.score import format_prediction, score_table
from modelserving.models.formats.files import suffix_of
from modelserving.records import FEATURES, ModelType, WineRecord
from tests.models.samples import Sample, field, leaf, linear, pmml, target, tree


@pytest.fixture
def csv(tmp_path: Path, wines: list[WineRecord]) -> Path:
    """The wines as a file."""
    path = tmp_path / "wines.csv"
    path.write_text("\n".join(";".join(repr(getattr(wine, name)) for name in FEATURES) for wine in wines))
    return path


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def score(model: Path, records: Path, **how: Any) -> list[tuple[int, float | str | None]]:
    """The row numbers and predictions."""
    return [(scored.row, scored.prediction) for scored in score_table(model, records, **how).rows]


def test_each_row_gets_its_answer(sample: Sample, csv: Path, tmp_path: Path, wines: list[WineRecord]) -> None:
    """Rows are counted from 0 and come in the order of the file."""
    scores = score(write(tmp_path / f"model{suffix_of(sample.type)}", sample.data), csv)
    assert [row for row, _ in scores] == list(range(len(wines)))
    assert [value for _, value in scores] == pytest.approx([sample.expected(wine) for wine in wines], abs=1e-9)


def test_every_nth_row_keeps_its_number(regression: Sample, csv: Path, tmp_path: Path, wines: list[WineRecord]) -> None:
    """Skipping rows does not count them anew."""
    scores = dict(score(write(tmp_path / "m.pmml", regression.data), csv, every=7))
    assert list(scores) == list(range(0, len(wines), 7))
    assert scores[14] == pytest.approx(regression.expected(wines[14]))


def test_batches_of_which_no_row_is_wanted_are_passed_over(
    regression: Sample, tmp_path: Path, wines: list[WineRecord]
) -> None:
    """A file is read in batches; rows are chosen by their numbers in the file."""
    lines = [";".join(repr(getattr(wine, name)) for name in FEATURES) for wine in wines]
    path = tmp_path / "many.csv"
    path.write_text("\n".join(lines * 62))
    scores = dict(score(write(tmp_path / "m.pmml", regression.data), path, every=3001))
    assert list(scores) == [0, 3001]
    assert scores[3001] == pytest.approx(regression.expected(wines[3001 % len(wines)]))


def test_every_must_be_positive(regression: Sample, csv: Path, tmp_path: Path) -> None:
    """Every 0th row is no row."""
    with pytest.raises(RecordError, match="from 1 on"):
        score(write(tmp_path / "m.pmml", regression.data), csv, every=0)


def test_a_bad_row_is_named_and_the_others_are_scored(csv: Path, tmp_path: Path, wines: list[WineRecord]) -> None:
    """A row without an answer has the reason instead; nothing before or behind it is lost."""
    limit = sorted(wine.alcohol for wine in wines)[-4]  # three wines are above it
    bad = [row for row, wine in enumerate(wines) if wine.alcohol > limit]
    split = f'<SimplePredicate field="alcohol" operator="lessOrEqual" value="{limit}"/>'
    root = f"<Node><True/>{leaf({}, split, '5')}</Node>"
    data = pmml(target("5", "6") + field("alcohol"), tree(root, "alcohol", probabilities=()))
    scores = list(score_table(write(tmp_path / "m.pmml", data), csv).rows)
    assert [scored.row for scored in scores] == list(range(len(wines)))
    assert [scored.row for scored in scores if scored.prediction is None] == bad
    assert all("the model gave no answer" in scores[row].problem for row in bad)


def test_a_folder_is_a_saved_model(saved_model_folder: Path, csv: Path, wines: list[WineRecord]) -> None:
    """The folder itself scores, and so does the file in it that people point at."""
    for path in (saved_model_folder, saved_model_folder / "saved_model.pb"):
        scores = score(path, csv, model_type="tensorflow-saved", every=10)
        assert len(scores) == len(wines) / 10
    assert len(score(saved_model_folder, csv, every=25)) == 2


def test_the_type_is_told_by_the_content(sample: Sample, tmp_path: Path) -> None:
    """A file is known by how it begins, whatever its name; only a graph needs its ending."""
    name = "model" if sample.type is not ModelType.TENSORFLOW else "model.pb"
    assert guess_type(write(tmp_path / name, sample.data)) is sample.type


def test_a_graph_that_begins_like_xml_is_a_graph(tmp_path: Path) -> None:
    """The bytes of a graph can begin with a line feed and a "<"."""
    assert guess_type(write(tmp_path / "model.pb", b"\n<\n\x02in\x12\x0bPlaceholder")) is ModelType.TENSORFLOW


def test_an_unknown_type_is_asked_for(tmp_path: Path) -> None:
    """A file that could be anything needs a type, and the message lists them."""
    with pytest.raises(ModelFormatError, match="--type: pmml, tensorflow, tensorflow-saved"):
        load_model(write(tmp_path / "model", b"\x00\x01"))
    with pytest.raises(ModelFormatError, match=r"no model type 'pickle'\. Known: pmml"):
        load_model(write(tmp_path / "model", b"\x00\x01"), "pickle")


def test_a_missing_model_is_told(tmp_path: Path) -> None:
    """A path that leads nowhere is named, with or without a type."""
    for model_type in (None, "pmml"):
        with pytest.raises(ModelFormatError, match=r"cannot read.*nowhere\.pmml"):
            load_model(tmp_path / "nowhere.pmml", model_type)


def test_a_stated_type_is_believed(regression: Sample, tmp_path: Path) -> None:
    """What the caller says goes before what the file looks like."""
    path = write(tmp_path / "model.zip", linear(alcohol=1.0))
    assert load_model(path, "pmml").inputs == ("alcohol",)
    with pytest.raises(ModelFormatError, match="no TensorFlow graph"):
        load_model(path, "tensorflow")


@pytest.mark.parametrize(("value", "text"), [(5.0, "5"), (0.0, "0"), (-1.0, "-1"), (5.25, "5.25"), (1e300, "1e+300")])
def test_labels_are_whole_numbers(value: float, text: str) -> None:
    """A label is printed as its number, and other values as they are."""
    assert format_prediction(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_no_digit_is_lost(value: float) -> None:
    """What is printed reads as the same number."""
    assert float(format_prediction(value)) == value
