"""The catalog of models: what is committed, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from modelserving.errors import ModelFormatError, ModelRefused, ModelServingError, SetupError
from modelserving.models.formats import factory
from modelserving.models.store.bundled import CATALOG, model_file, read_catalog, write_catalog
from modelserving.models.training import PUBLISHED
from modelserving.records import Golden, ModelDescriptor, ModelType, WineRecord

COMMITTED = Path(__file__).resolve().parents[3] / "data" / "models"
LARGEST = 100_000

WINE = WineRecord(7.9, 0.52, 0.26, 2.2, 0.079, 14.0, 38.0, 0.99675, 3.31, 0.62, 10.2)
MODEL = ModelDescriptor(
    name="mine",
    description="a model of this test's own",
    data_type="wine",
    type=ModelType.PMML,
    data=b"<PMML/>",
    version="1.0",
    golden=(Golden(WINE, 5.5),),
    tolerance=1e-6,
    parameters={"depth": "3"},
    metrics={"mae": 0.5},
)


def _written(folder: Path, change: Callable[[dict[str, Any]], None] = lambda _: None) -> Path:
    """A folder with ``MODEL``, whose entry was changed."""
    write_catalog(folder, [MODEL])
    catalog = json.loads((folder / CATALOG).read_text(encoding="utf-8"))
    change(catalog["models"][0])
    (folder / CATALOG).write_text(json.dumps(catalog), encoding="utf-8")
    return folder


def test_the_committed_models_are_published_in_the_stated_order() -> None:
    """A light model opens, all formats and both data types are there, and each file is small."""
    models = read_catalog(COMMITTED)

    assert tuple(model.name for model in models) == PUBLISHED
    assert models[0].type is ModelType.PMML
    assert {model.type for model in models} == set(factory.FACTORIES) - {ModelType.REMOTE}
    assert {model.data_type for model in models} == {"wine", "white"}
    assert max(len(model.data) for model in models) < LARGEST


@pytest.mark.parametrize("model", read_catalog(COMMITTED), ids=lambda model: model.name)
def test_a_committed_model_carries_what_a_server_asks_for(model: ModelDescriptor) -> None:
    """Digest, golden records of its own data type, and figures that beat a guess."""
    assert model.sha256 == model.digest
    assert 3 <= len(model.golden) <= 5
    assert {getattr(golden.record, "data_type", "") for golden in model.golden} == {model.data_type}
    assert len({golden.expected for golden in model.golden}) == len(model.golden)
    assert model.metrics["accuracy"] > model.metrics["baseline_accuracy"] + 0.03
    assert model.metrics["mae"] < model.metrics["baseline_mae"] - 0.05
    assert model.metrics["r2"] > 0.2


@pytest.mark.parametrize("model", read_catalog(COMMITTED), ids=lambda model: model.name)
def test_a_committed_model_answers_its_golden_records(model: ModelDescriptor) -> None:
    """The engine that serves gives what the library that trained gave."""
    built = factory.create(model)
    try:
        scores = built.score([golden.record for golden in model.golden])
    finally:
        built.close()

    assert not scores.problems
    assert scores.values == pytest.approx([golden.expected for golden in model.golden], abs=model.tolerance)


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    """Writing and reading are inverse; the digest is stated even where the model did not state it."""
    other = replace(MODEL, name="other", data=b"graph", type=ModelType.TENSORFLOW, data_type="white", golden=())

    write_catalog(tmp_path / "new", [other, MODEL])

    assert read_catalog(tmp_path / "new") == tuple(replace(model, sha256=model.digest) for model in (other, MODEL))


def test_equal_models_are_written_as_equal_bytes(tmp_path: Path) -> None:
    """So that a training which changed nothing changes no file."""
    for name in ("one", "two"):
        write_catalog(tmp_path / name, [MODEL])

    for file in (CATALOG, model_file(MODEL)):
        assert (tmp_path / "one" / file).read_bytes() == (tmp_path / "two" / file).read_bytes()


def test_other_bytes_than_described_are_refused(tmp_path: Path) -> None:
    """A file that was damaged or exchanged is no longer the model that was measured."""
    folder = _written(tmp_path)
    (folder / "mine.pmml").write_bytes(b"<PMML></PMML>")

    with pytest.raises(ModelRefused, match=r"mine\.pmml is not the file that models\.json describes"):
        read_catalog(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda e: e.pop("name"), "model 1: 'name' is missing"),
        (lambda e: e.update(version=1), "'version' is 1; a text"),
        (lambda e: e.update(type="pickle"), "'type' is 'pickle'; one of tensorflow, pmml"),
        (lambda e: e.update(data_type="../wine"), "'data_type' data type '../wine' is not allowed"),
        (lambda e: e.update(file="../mine.pmml"), "the name of a file in the same folder"),
        (lambda e: e.update(file="..\\mine.pmml"), "the name of a file in the same folder"),
        (lambda e: e.update(tolerance="small"), "'tolerance' is 'small'; a finite number"),
        (lambda e: e.update(tolerance=True), "'tolerance' is True; a finite number"),
        (lambda e: e["metrics"].update(mae=float("nan")), "'mae' is nan; a finite number"),
        (lambda e: e.update(parameters=[]), r"'parameters' is \[\]; an object"),
        (lambda e: e.update(golden={}), "'golden' is {}; a list"),
        (lambda e: e["golden"].append(3), "golden record 2: an object"),
        (lambda e: e["golden"][0]["record"].pop("pH"), "golden record 1, record: 'pH' is missing"),
        (lambda e: e["golden"][0].update(expected=None), "golden record 1: 'expected' is None"),
    ],
)
def test_an_entry_that_is_wrong_is_named(
    change: Callable[[dict[str, Any]], None], message: str, tmp_path: Path
) -> None:
    """The message says which model, which key, and what was expected."""
    folder = _written(tmp_path, change)

    with pytest.raises(ModelFormatError, match=message) as raised:
        read_catalog(folder)

    assert "modelserving models train" in str(raised.value)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"models": {}}', '{"models": [1]}'])
def test_a_catalog_that_is_none_is_named(text: str, tmp_path: Path) -> None:
    """Not JSON, or JSON of another kind: the file is named, and how to make it again."""
    (tmp_path / CATALOG).write_text(text, encoding="utf-8")

    with pytest.raises(ModelFormatError, match=r"models\.json.*modelserving models train"):
        read_catalog(tmp_path)


@pytest.mark.parametrize("missing", [CATALOG, "mine.pmml"])
def test_a_file_that_is_missing_is_named(missing: str, tmp_path: Path) -> None:
    """An incomplete folder says what is not there, and how to make it again."""
    folder = _written(tmp_path)
    (folder / missing).unlink()

    with pytest.raises(SetupError, match=rf"cannot read .*{missing}.*modelserving models train"):
        read_catalog(folder)


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """A target under a file is no folder to write to, and the message says so."""
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(ModelServingError, match="cannot write the models to"):
        write_catalog(tmp_path / "file" / "models", [MODEL])


@pytest.mark.parametrize("model", read_catalog(COMMITTED), ids=lambda model: model.name)
def test_the_readme_states_the_figures_of_the_catalog(model: ModelDescriptor) -> None:
    """Figures that people read are those that were measured."""
    lines = (COMMITTED.parent / "README.md").read_text(encoding="utf-8").splitlines()
    (row,) = (line for line in lines if line.startswith(f"| `{model.name}`"))
    figures = [cell.strip() for cell in row.strip("|").split("|")][3:]
    size = f" {len(model.data) / 1000:.0f} kB"

    assert figures == [
        f"{model.metrics['accuracy'] * 100:.1f} %",
        f"{model.metrics['mae']:.3f}",
        f"{model.metrics['r2']:.2f}",
    ]
    assert size in row
