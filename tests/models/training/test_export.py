"""Export: equal models are equal bytes."""

from __future__ import annotations

import os
import zipfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest

from modelserving.errors import ModelFormatError, SetupError
from modelserving.models.training import Sample
from modelserving.models.training.neural import pack_folder, train_network
from modelserving.models.training.onnx import export_onnx
from modelserving.models.training.pmml import export_pmml
from modelserving.records import FEATURES, WineRecord


@pytest.mark.slow
def test_a_document_says_nothing_about_when_it_was_written() -> None:
    """Two exports of one model are equal bytes, with the fields under their own names."""
    from sklearn.linear_model import LinearRegression

    model = LinearRegression().fit(np.eye(len(FEATURES)), np.arange(len(FEATURES)))

    document = export_pmml(model)

    assert document == export_pmml(model)
    assert b"Timestamp" not in document
    assert all(f'MiningField name="{name}"'.encode() in document for name in FEATURES)


@pytest.mark.slow
def test_a_model_that_pmml_cannot_express_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The cause is in the message, in one line, and nothing is on the screen."""
    from sklearn.neighbors import RadiusNeighborsRegressor

    model = RadiusNeighborsRegressor().fit(np.eye(len(FEATURES)), np.arange(len(FEATURES)))

    with pytest.raises(
        ModelFormatError, match=r"cannot write RadiusNeighborsRegressor.*as PMML: java.*Cannot cast"
    ) as raised:
        export_pmml(model)

    assert "\n" not in str(raised.value)
    assert capsys.readouterr().out == ""


def test_onnx_says_nothing_about_when_and_by_what_it_was_written() -> None:
    """Two exports of one classifier are equal bytes, and its probabilities are a matrix."""
    from onnx import ModelProto
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression().fit(np.eye(len(FEATURES)), np.arange(len(FEATURES)) % 3)

    data = export_onnx(model)

    assert data == export_onnx(model)
    document = ModelProto.FromString(data)
    assert not document.producer_version
    assert [output.type.WhichOneof("value") for output in document.graph.output] == ["tensor_type", "tensor_type"]


def test_a_model_that_onnx_cannot_express_is_refused() -> None:
    """What scikit-learn has and skl2onnx has not is told in one line."""
    from sklearn.cluster import OPTICS

    with pytest.raises(ModelFormatError, match=r"skl2onnx cannot write OPTICS\(\) as ONNX: .+") as raised:
        export_onnx(OPTICS().fit(np.eye(len(FEATURES))))

    assert "\n" not in str(raised.value)


def test_a_folder_is_packed_the_same_whatever_its_dates_and_order(tmp_path: Path) -> None:
    """Names are sorted and dates fixed, and the contents come out as they went in."""
    for folder, names in (("one", ("saved_model.pb", "variables/a")), ("two", ("variables/a", "saved_model.pb"))):
        for age, name in enumerate(names):
            file = tmp_path / folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(name.encode())
            os.utime(file, (1e9 + age, 1e9 + age))

    packed = pack_folder(tmp_path / "one")

    assert packed == pack_folder(tmp_path / "two")
    with zipfile.ZipFile(BytesIO(packed)) as archive:
        assert {name: archive.read(name) for name in archive.namelist()} == {
            "saved_model.pb": b"saved_model.pb",
            "variables/a": b"variables/a",
        }


def test_a_training_process_that_fails_says_why(tmp_path: Path) -> None:
    """The last lines of the process are in the message."""
    record = WineRecord(1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
    sample = Sample(tmp_path / "nowhere.csv", (record,), np.ones((1, 11)), np.array([5]), np.array([True]))

    with pytest.raises(
        SetupError, match=r"(?s)training the neural network failed with status 1.*nowhere\.csv is missing"
    ):
        train_network(sample)
