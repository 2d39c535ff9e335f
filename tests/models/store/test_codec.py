"""A model's description as JSON: one form everywhere, and what older versions wrote is still read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from modelserving.errors import ModelFormatError
from modelserving.models.info import ModelInfo
from modelserving.models.store.codec import JsonEntry, read_descriptor, read_info, write_descriptor, write_info
from modelserving.records import Golden, ModelDescriptor, ModelType, WineRecord

_WINE = WineRecord(7.4, 0.7, 0.0, 1.9, 0.076, 11.0, 34.0, 0.9978, 3.51, 0.56, 9.4, data_type="wine")
_MODEL = ModelDescriptor(
    "tree", "about it", "wine", ModelType.PMML, sha256="ab" * 32, version="1.2", created_ms=5, tolerance=0.5,
    golden=(Golden(_WINE, 5.0), Golden({"pH": 3.1, "colour": "red"}, "good"), Golden({}, 1.0)),
    parameters={"depth": "5"}, metrics={"accuracy": 0.61},
)  # fmt: skip


def _there_and_back(told: dict[str, Any]) -> ModelDescriptor:
    return read_descriptor(JsonEntry("here", json.loads(json.dumps(told))))


def test_a_description_comes_back_as_it_was() -> None:
    """Golden records of all kinds, also one that has a column of wines and is none."""
    assert _there_and_back(write_descriptor(_MODEL)) == _MODEL


def test_a_name_comes_back_as_it_was() -> None:
    """With its parameters, where they are written beside it."""
    info = replace(ModelInfo.of(_MODEL), parameters={"output": "label"})
    told = {**write_info(info), "parameters": dict(info.parameters)}

    assert read_info(JsonEntry("here", told), "wine") == info
    assert read_info(JsonEntry("here", write_info(info)), "wine").parameters == {}


def test_catalogs_of_older_versions_are_read() -> None:
    """They did not say which golden records are wines."""
    told = write_descriptor(replace(_MODEL, golden=(Golden(_WINE, 5.0), Golden({"age": 3}, 1.0))))
    for golden in told["golden"]:
        del golden["data_type"]

    assert _there_and_back(told).golden == (Golden(_WINE, 5.0), Golden({"age": 3}, 1.0))


def test_repositories_of_older_versions_are_read() -> None:
    """They had the same keys in another order, and two more."""
    told = dict(reversed({**write_descriptor(_MODEL), "file": "../../bytes/x.pmml", "published_ms": 7}.items()))

    assert _there_and_back(told) == _MODEL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sha256": "../../x"}, "here: 'sha256' '../../x' is no SHA-256"),
        ({"data_type": "../x"}, "here: 'data_type' data type '../x' is not allowed"),
        ({"type": "magic"}, "here: 'type' is 'magic'; one of tensorflow, pmml"),
        ({"name": None}, "here: 'name' is None; a text was expected"),
        ({"metrics": {"mae": "small"}}, "here, metrics: 'mae' is 'small'; a number"),
    ],
)
def test_what_is_wrong_is_named(change: dict[str, Any], message: str) -> None:
    """With where it stands, the key, and what was expected."""
    with pytest.raises(ModelFormatError, match=message):
        _there_and_back({**write_descriptor(_MODEL), **change})
