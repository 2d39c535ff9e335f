"""A service of one's own, from a file of records and a model that nobody here has seen."""

from __future__ import annotations

import csv
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from modelserving.config import data_folder
from modelserving.errors import ConfigError, ModelInputError, ModelServingError, RecordError
from modelserving.records import Column, ColumnType
from modelserving.records.schema_files import read_schema
from modelserving.service import Ingredients, check_service, golden_records, make_service, read_settings

NUMBERS, TEXTS = ["length", "doors"], ["fuel"]


def cars(count: int = 60) -> pd.DataFrame:
    """Made-up cars; some lengths are missing."""
    rng = np.random.default_rng(1)
    table = pd.DataFrame(
        {
            "maker": rng.choice(["A", "B"], count),
            "length": rng.normal(4.2, 0.4, count).round(2),
            "doors": rng.choice([3, 5], count),
            "fuel": rng.choice(["petrol", "diesel", "volts"], count),
        }
    )
    table.loc[::9, "length"] = np.nan
    table["class"] = np.where(table["length"].fillna(4) + 0.2 * (table["fuel"] == "diesel") > 4.2, "large", "small")
    return table


@pytest.fixture(scope="module")
def made_of(tmp_path_factory: pytest.TempPathFactory) -> Ingredients:
    """Cars, and a scikit-learn pipeline of them as ONNX."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    folder, table = tmp_path_factory.mktemp("cars"), cars()
    table.to_csv(folder / "cars.csv", index=False)
    encoder = OneHotEncoder(handle_unknown="ignore")
    columns = ColumnTransformer([("n", SimpleImputer(), NUMBERS), ("t", encoder, TEXTS)])
    fitted = make_pipeline(columns, LogisticRegression()).fit(table, table["class"])
    types = [
        *((name, FloatTensorType([None, 1])) for name in NUMBERS),
        *((name, StringTensorType([None, 1])) for name in TEXTS),
    ]
    model = to_onnx(fitted, initial_types=types, options={"zipmap": False}, target_opset=18)
    (folder / "cars.onnx").write_bytes(model.SerializeToString())
    with (folder / "expected.csv").open("w", encoding="utf-8") as file:
        file.write("\n".join(fitted.predict(table.head(20))))
    return Ingredients(folder / "cars.csv", folder / "cars.onnx")


def test_a_service_is_made_of_a_table_and_a_model(tmp_path: Path, made_of: Ingredients) -> None:
    """Its records have the columns that the model reads; its answers are scikit-learn's; its own test passes."""
    folder = tmp_path / "my cars"
    settings = make_service(folder, made_of)
    assert settings == read_settings(folder)
    assert (settings.name, settings.topics.scored) == ("my-cars", "my-cars-scored")
    assert read_schema(settings.schema).columns == (
        Column("length", ColumnType.DOUBLE, nullable=True),
        Column("doors", ColumnType.DOUBLE, nullable=True),
        Column("fuel", ColumnType.STRING, nullable=True),
    )
    with (folder / "answers.csv").open(encoding="utf-8", newline="") as file:
        answers = [row["prediction"] for row in csv.DictReader(file)]
    assert answers == (made_of.records.parent / "expected.csv").read_text(encoding="utf-8").splitlines()
    assert 'modelserving ask \'{"doors": ' in (folder / "README.md").read_text(encoding="utf-8")
    done = subprocess.run([sys.executable, folder / "test_service.py"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_changed_answer_is_told(tmp_path: Path, made_of: Ingredients) -> None:
    """By its row."""
    make_service(tmp_path / "cars", made_of)
    answers = tmp_path / "cars" / "answers.csv"
    answers.write_text("row,prediction\n0,tiny\n", encoding="utf-8")
    [said] = check_service(tmp_path / "cars")
    assert said.startswith("row 0: ")
    assert said.endswith("and it was 'tiny'")


def test_a_matrix_gets_the_columns_of_numbers(tmp_path: Path) -> None:
    """Where there are as many as it has; else they have to be named."""
    from skl2onnx import to_onnx

    table = cars().fillna(4.0)
    fitted = LogisticRegression().fit(table[NUMBERS].to_numpy(), table["class"])
    model = to_onnx(fitted, table[NUMBERS].to_numpy(np.float32)[:1], options={"zipmap": False}, target_opset=18)
    (tmp_path / "m.onnx").write_bytes(model.SerializeToString())
    table.to_csv(tmp_path / "cars.csv", index=False)
    made = make_service(tmp_path / "one", Ingredients(tmp_path / "cars.csv", tmp_path / "m.onnx"))
    assert made.parameters["inputs"] == "length,doors"
    table.assign(year=2000).to_csv(tmp_path / "cars.csv", index=False)
    with pytest.raises(
        ModelInputError, match=r"2 columns and does not name.*have 3.*\(length, doors, year\).*--inputs"
    ):
        make_service(tmp_path / "two", Ingredients(tmp_path / "cars.csv", tmp_path / "m.onnx"))
    named = Ingredients(tmp_path / "cars.csv", tmp_path / "m.onnx", inputs=("doors", "length"))
    assert read_schema(make_service(tmp_path / "two", named).schema).names == ("doors", "length")


def _spoil(text: str, line: int) -> str:
    """With a text for the length in one line."""
    lines = text.split("\n")
    cells = lines[line].split(",")
    cells[lines[0].split(",").index("length")] = "long"
    return "\n".join([*lines[:line], ",".join(cells), *lines[line + 1 :]])


@pytest.mark.parametrize(
    ("change", "error", "complaint"),
    [
        (lambda text: text.split("\n", 1)[1], RecordError, "has no header: its first line has"),
        (
            lambda text: text.replace("fuel", "petrol"),
            ModelInputError,
            "reads 'fuel', which .* does not have",
        ),
        (lambda text: text.replace(",", ";").replace(".", ","), RecordError, r"has a comma\. Write"),
        (lambda text: text.replace(",", "|"), RecordError, "Cells are separated by"),
        (lambda text: _spoil(text, 3), RecordError, "row 2, column 'length': 'long' is no"),
    ],
)
def test_what_people_do_wrong_gets_a_sentence(
    tmp_path: Path, made_of: Ingredients, change: object, error: type[ModelServingError], complaint: str
) -> None:
    """And leaves no half of a service behind."""
    assert callable(change)
    table = tmp_path / "cars.csv"
    table.write_text(change(made_of.records.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(error, match=complaint):
        make_service(tmp_path / "cars", Ingredients(table, made_of.model))
    assert not (tmp_path / "cars").exists()


def test_only_columns_that_the_model_reads_have_to_be_numbers_without_commas(
    tmp_path: Path, made_of: Ingredients
) -> None:
    """What another column holds is nobody's business; a bar in a name ends no cell of the README's table."""
    from onnx import load, save

    table = pd.read_csv(made_of.records).assign(place="48,40")
    table.to_csv(tmp_path / "cars.csv", index=False)
    made = make_service(tmp_path / "one", Ingredients(tmp_path / "cars.csv", made_of.model))
    assert read_schema(made.schema).names == ("length", "doors", "fuel")
    table.rename(columns={"fuel": "fu|el"}).to_csv(tmp_path / "cars.csv", index=False)
    model = load(made_of.model)
    fuel = next(item for item in model.graph.input if item.name == "fuel")
    fuel.name = "fu_el"
    for node in model.graph.node:
        node.input[:] = ["fu_el" if name == "fuel" else name for name in node.input]
    save(model, tmp_path / "m.onnx")
    make_service(tmp_path / "two", Ingredients(tmp_path / "cars.csv", tmp_path / "m.onnx"))
    assert r"| `fu\|el` | string | may be missing |" in (tmp_path / "two" / "README.md").read_text(encoding="utf-8")


def test_texts_that_are_numbers_to_the_model_are_numbers(tmp_path: Path, made_of: Ingredients) -> None:
    """``05`` looks like a key, and is a number if the model takes one; a Parquet file has to be written anew."""
    table = pd.read_csv(made_of.records, dtype=str)
    table = table.assign(doors="0" + table["doors"])
    table.to_csv(tmp_path / "cars.csv", index=False)
    made = make_service(tmp_path / "cars", Ingredients(tmp_path / "cars.csv", made_of.model))
    [doors] = (column for column in read_schema(made.schema).columns if column.name == "doors")
    assert doors == Column("doors", ColumnType.DOUBLE, nullable=True, examples=doors.examples)
    assert set(doors.examples) == {3.0, 5.0}
    assert check_service(made.folder) == []
    table.to_parquet(tmp_path / "cars.parquet")
    with pytest.raises(RecordError, match=r"column 'doors': its type is (large_)?string, and the model takes a"):
        make_service(tmp_path / "more", Ingredients(tmp_path / "cars.parquet", made_of.model))


def test_semicolons_are_read(tmp_path: Path, made_of: Ingredients) -> None:
    """As a spreadsheet may write them."""
    table = tmp_path / "cars.csv"
    table.write_text(made_of.records.read_text(encoding="utf-8").replace(",", ";"), encoding="utf-8")
    assert make_service(tmp_path / "cars", Ingredients(table, made_of.model)).name == "cars"


def test_nothing_is_overwritten(tmp_path: Path, made_of: Ingredients) -> None:
    """A folder with something in it stays as it is."""
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="is there already, and not empty"):
        make_service(tmp_path, made_of)


def test_a_workbook_model_on_pmml_makes_a_service_too(tmp_path: Path) -> None:
    """With texts, a boolean and missing values, in each encoding."""
    data = data_folder()
    model = data / "models" / "hire" / "hire-rider-forest.pmml"
    for encoding in ("json", "avro", "protobuf"):
        made = make_service(tmp_path / encoding, Ingredients(data / "hires.csv", model, "hire", encoding=encoding))
        assert check_service(made.folder) == []


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (("port = 5500", 'port = "5500"'), "'port or parameters' is unknown, or of a wrong type"),
        (('server = "stage"', 'server = "stagee"'), "server is 'stagee'; one of stage, actor, streams"),
        (("model = ", "modell = "), "model is None; a text was expected"),
        (('"model.onnx"', '"gone.onnx"'), "model is 'gone.onnx', which is not in the folder"),
    ],
)
def test_settings_that_are_wrong_are_named(
    tmp_path: Path, made_of: Ingredients, change: tuple[str, str], complaint: str
) -> None:
    """With the file, and what was expected."""
    settings = make_service(tmp_path / "cars", made_of).folder / "service.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace(*change), encoding="utf-8")
    with pytest.raises(ConfigError, match=complaint):
        read_settings(tmp_path / "cars")


def test_golden_records_are_its_own_with_the_models_answers(made_of: Ingredients, tmp_path: Path) -> None:
    """Texts and missing values among them: a server that gets other answers does not serve the model."""
    settings = make_service(tmp_path / "cars", made_of)
    golden = golden_records(settings)
    with (settings.folder / "answers.csv").open(encoding="utf-8", newline="") as file:
        answered = [row["prediction"] for row in csv.DictReader(file)]
    assert [one.expected for one in golden] == answered
    assert golden[0].values["length"] is None
    assert set(golden[0].values) == {"length", "doors", "fuel"}
