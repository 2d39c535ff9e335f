"""A model from a file: whose records it scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from modelserving.errors import ConfigError
from modelserving.models.admin.describe import About, describe_file
from modelserving.records.defaults import DEFAULT_SCHEMA, DEFAULT_TYPE

WriteModel = Callable[[Sequence[str]], Path]


@pytest.fixture
def write_model(tmp_path: Path) -> WriteModel:
    """Writes a model that reads such columns; a remote one, which no engine has to build."""

    def write(columns: Sequence[str]) -> Path:
        path = tmp_path / "model.json"
        said = {
            "remote": "http://127.0.0.1:9",
            "protocol": "v2",
            "model": "m",
            "columns": dict.fromkeys(columns, "FP64"),
        }
        path.write_text(json.dumps(said), encoding="utf-8")
        return path

    return write


def test_a_model_of_other_records_has_to_be_told_whose(write_model: WriteModel) -> None:
    """It is never taken for one of the default records without a word; the error names the column and the option."""
    foreign = write_model(["age", "alcohol"])
    with pytest.raises(ConfigError, match=r"Not those of 'wine': the model wants 'age', .* --data-type NAME"):
        describe_file(foreign, About())
    assert describe_file(foreign, About("income")).data_type == "income"


def test_a_model_of_the_default_records_need_not_be_told(write_model: WriteModel) -> None:
    """Whether it reads all of their columns or some."""
    for columns in (DEFAULT_SCHEMA.names, ["alcohol"]):
        assert describe_file(write_model(columns), About()).data_type == DEFAULT_TYPE


def test_a_model_that_cannot_be_built_is_left_to_the_servers(tmp_path: Path) -> None:
    """They say what is wrong with it; here nothing is known about its records."""
    path = tmp_path / "broken.json"
    path.write_text('{"remote": "http://127.0.0.1:9"}', encoding="utf-8")
    assert describe_file(path, About(), "remote").data_type == DEFAULT_TYPE
