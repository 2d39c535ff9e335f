"""``modelserving score`` and ``modelserving data import``: files in, lines out."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelserving.config import data_folder
from modelserving.models.store.bundled import model_file, read_catalog
from modelserving.records import FEATURES, ModelDescriptor, ModelType, WineRecord, read_wines
from tests.commands.runs import Terminal
from tests.fakes import WINE
from tests.models.formats.pmml.test_columns import LOGISTIC
from tests.models.onnx_samples import onnx_bytes, operator

MODELS = [model for model in read_catalog(data_folder() / "models") if model.type is ModelType.PMML]


def write(path: Path, records: list[WineRecord]) -> Path:
    lines = [";".join(str(getattr(record, name)) for name in FEATURES) for record in records]
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.name)
def test_a_model_of_the_workbook_scores_a_file(terminal: Terminal, tmp_path: Path, model: ModelDescriptor) -> None:
    """A line `row,prediction` for each record, rows counted from 0, and the answers are the golden ones."""
    records = write(
        tmp_path / "wines.csv", [golden.record for golden in model.golden if isinstance(golden.record, WineRecord)]
    )
    result = terminal.run("score", data_folder() / "models" / model_file(model), records)
    assert result.status == 0, result.err
    rows, answers = zip(*(line.split(",") for line in result.out.splitlines()), strict=True)
    assert rows == tuple(str(row) for row in range(len(model.golden)))
    assert [float(answer) for answer in answers] == pytest.approx(
        [golden.expected for golden in model.golden], abs=1e-6
    )


def test_a_model_of_the_workbook_is_scored_by_its_name(terminal: Terminal, tmp_path: Path) -> None:
    """As it is published by it; a name that there is not is told those that there are."""
    records = write(tmp_path / "wines.csv", [WINE])
    by_file = terminal.run("score", data_folder() / "models" / model_file(MODELS[0]), records)
    assert terminal.run("score", MODELS[0].name, records).out == by_file.out != ""
    assert MODELS[0].name in terminal.run("score", "wine-nothing", records).err


def test_every_so_manyth_row_keeps_its_number(terminal: Terminal, tmp_path: Path) -> None:
    """Rows are numbered by the file, not by what is shown."""
    records = write(tmp_path / "wines.csv", [WINE] * 7)
    model = data_folder() / "models" / "wine-linear-regression.pmml"
    result = terminal.run("score", model, records, "--every", 3, "--type", "pmml")
    assert [line.split(",")[0] for line in result.out.splitlines()] == ["0", "3", "6"]


def test_an_unknown_type_is_told_the_known_ones(terminal: Terminal, tmp_path: Path) -> None:
    """One line with the names that --type takes."""
    model = data_folder() / "models" / "wine-linear-regression.pmml"
    result = terminal.run("score", model, write(tmp_path / "wines.csv", [WINE]), "--type", "onyx")
    assert (result.status, result.out) == (1, "")
    assert "'onyx'. Known: pmml, tensorflow, tensorflow-saved" in result.err


@pytest.mark.parametrize("name", ["model.keras", "model.h5"])
def test_a_file_of_keras_is_told_what_to_write_instead(terminal: Terminal, tmp_path: Path, name: str) -> None:
    """Such a file can hold any Python; the same model as a SavedModel cannot."""
    (tmp_path / name).write_bytes(b"PK\x03\x04")
    result = terminal.run("score", tmp_path / name, write(tmp_path / "wines.csv", [WINE]))
    assert result.status == 1
    assert "Write a SavedModel with `model.export(folder)`" in result.err


def test_an_imported_file_is_in_the_workbooks_form(terminal: Terminal, tmp_path: Path) -> None:
    """The original has quotes and spaces in its header; the copy is read like our own files."""
    header = ";".join(f'"{name.replace("_", " ")}"' for name in (*FEATURES, "quality"))
    cells = ";".join(str(getattr(WINE, name)) for name in FEATURES)
    source, target = tmp_path / "original.csv", tmp_path / "copy.csv"
    source.write_text(f"{header}\n{cells};5\n{cells};6\n", encoding="utf-8")
    result = terminal.run("data", "import", source, target)
    assert result.status == 0, result.err
    assert "2 wines imported" in result.out
    assert list(read_wines(target)) == [(WINE, 5.0), (WINE, 6.0)]


def test_a_file_with_a_bad_line_is_not_imported(terminal: Terminal, tmp_path: Path) -> None:
    """The line is named, and nothing is written."""
    cells = ";".join(str(getattr(WINE, name)) for name in FEATURES)
    source, target = tmp_path / "original.csv", tmp_path / "copy.csv"
    source.write_text(f"{cells};5\n{cells};splendid\n", encoding="utf-8")
    result = terminal.run("data", "import", source, target)
    assert result.status == 1
    assert f"{source}, line 2: 'splendid' is not a number" in result.err
    assert not target.exists()


def test_any_table_is_scored_with_its_named_outputs(terminal: Terminal, tmp_path: Path) -> None:
    """Columns by header name, NA is missing; a header and the model's own outputs where they are asked for."""
    (tmp_path / "m.pmml").write_bytes(LOGISTIC)
    records = tmp_path / "people.csv"
    records.write_text("job,other,age\nsmith,x,40\nbaker,y,NA\n", encoding="utf-8")
    result = terminal.run("score", tmp_path / "m.pmml", records)
    assert (result.status, result.out) == (0, "0,high\n1,low\n"), result.err
    lines = terminal.run("score", tmp_path / "m.pmml", records, "--outputs").out.splitlines()
    assert lines[0] == "row,prediction,Predicted_risk,P_high,P_low"
    assert [line.split(",")[:3] for line in lines[1:]] == [["0", "high", "high"], ["1", "low", "low"]]


def test_a_row_without_an_answer_is_said_and_the_others_are_answered(terminal: Terminal, tmp_path: Path) -> None:
    """An empty prediction, a line on the error stream, and status 1."""
    (tmp_path / "m.pmml").write_bytes(LOGISTIC.replace(b' missingValueReplacement="20"', b""))
    records = tmp_path / "people.csv"
    records.write_text("job,age\nsmith,40\nbaker,\nbaker,1\n", encoding="utf-8")
    result = terminal.run("score", tmp_path / "m.pmml", records)
    assert (result.status, result.out) == (1, "0,high\n1,\n2,low\n")
    assert "row 1 cannot be scored: the model gave no answer" in result.err


def test_the_columns_of_one_matrix_can_be_named(terminal: Terminal, tmp_path: Path) -> None:
    """A network for a table of one's own says how many columns it takes, not which; in another order they are other."""
    model, table = tmp_path / "sum.onnx", tmp_path / "table.csv"
    weights = {"weights": [[1.0], [10.0]]}
    model.write_bytes(onnx_bytes([operator("MatMul", "x", "weights", output="quality")], {"x": 2}, weights))
    table.write_text("b,a,c\n2,1,9\n", encoding="utf-8")
    assert terminal.run("score", model, table, "--inputs", "a,b").out == "0,21\n"
    assert terminal.run("score", model, table, "--inputs", "b, a").out == "0,12\n"
    assert "--inputs a,b" in terminal.run("score", model, table).err
