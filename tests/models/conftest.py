"""Small models of every format, each with what it must answer worked out in plain Python."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from modelserving.models.formats.archive import pack
from modelserving.models.formats.tensorflow.engine import load_tensorflow
from modelserving.records import FEATURES, ModelType, WineRecord
from tests.models.onnx_samples import classifier, onnx_bytes, operator
from tests.models.samples import (
    LABELS,
    WEIGHTS,
    Sample,
    field,
    forest,
    graph_bytes,
    largest_output,
    linear,
    pmml,
    stump,
    target,
    tree,
)


@pytest.fixture(scope="session")
def wines() -> list[WineRecord]:
    """Fifty wines, made up, no two alike."""
    chance = random.Random(3)
    middle = (8.3, 0.53, 0.27, 2.5, 0.09, 16.0, 46.0, 0.9967, 3.3, 0.66, 10.4)
    rows: list[Any] = [[value * chance.uniform(0.7, 1.3) for value in middle] for _ in range(50)]
    return [WineRecord(*row) for row in rows]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The real records and models beside the checkout."""
    folder = Path(__file__).resolve().parents[3] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"the shared real records and models are not on this machine ({folder})")
    return folder


@pytest.fixture(scope="session")
def regression() -> Sample:
    """A linear model of three fields, out of order and spelt with spaces."""
    return Sample(
        ModelType.PMML,
        linear(alcohol=0.3, volatile_acidity=-1.5, pH=0.25),
        ("alcohol", "volatile_acidity", "pH"),
        lambda wine: 1 + 0.3 * wine.alcohol - 1.5 * wine.volatile_acidity + 0.25 * wine.pH,
    )


@pytest.fixture(scope="session")
def decision_tree() -> Sample:
    """A classification tree whose leaves list only the classes that they saw."""
    data = pmml(
        target(*LABELS) + field("alcohol"),
        tree(stump("alcohol", 10.5, {"5": 8, "4": 1}, {"7": 3, "6": 4}), "alcohol"),
    )
    return Sample(ModelType.PMML, data, ("alcohol",), lambda wine: 5.0 if wine.alcohol <= 10.5 else 6.0)


@pytest.fixture(scope="session")
def random_forest() -> Sample:
    """Three trees whose leaves list different classes in different orders."""
    splits: list[tuple[str, float, dict[str, float], dict[str, float]]] = [
        ("alcohol", 10.5, {"4": 1, "5": 8}, {"7": 6, "6": 4}),
        ("volatile acidity", 0.5, {"7": 5, "6": 6}, {"5": 7, "6": 3}),
        ("alcohol", 9.5, {"4": 9, "5": 3}, {"6": 2, "7": 2, "5": 1}),
    ]

    def expected(wine: WineRecord) -> float:
        total = dict.fromkeys(LABELS, 0.0)
        for name, limit, below, above in splits:
            counts = below if getattr(wine, name.replace(" ", "_")) <= limit else above
            for label, count in counts.items():
                total[label] += count / sum(counts.values())
        return float(max(total, key=lambda label: total[label]))

    data = forest([stump(*split) for split in splits])
    return Sample(ModelType.PMML, data, ("volatile_acidity", "alcohol"), expected)


@pytest.fixture(scope="session")
def frozen_graph() -> Sample:
    """A network of one layer as a frozen graph; its input does not state its shape."""

    def build(tf: Any) -> None:
        wines = tf.compat.v1.placeholder(tf.float32, name="dense_1_input")
        tf.nn.softmax(tf.matmul(wines, tf.constant(WEIGHTS, name="kernel")), name="dense_1/Softmax")

    return Sample(ModelType.TENSORFLOW, graph_bytes(build), FEATURES, largest_output)


@pytest.fixture(scope="session")
def saved_model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same network as the folder of a SavedModel."""
    tf = load_tensorflow()
    module = tf.Module()
    module.kernel = tf.Variable(WEIGHTS)
    wines = tf.TensorSpec((None, 11), tf.float32)
    module.serve = tf.function(lambda x: tf.nn.softmax(x @ module.kernel), input_signature=[wines])
    folder = tmp_path_factory.mktemp("saved") / "model"
    tf.saved_model.save(module, str(folder), signatures=module.serve)
    return folder


@pytest.fixture(scope="session")
def saved_model(saved_model_folder: Path) -> Sample:
    """The same network as a SavedModel's archive."""
    return Sample(ModelType.TENSORFLOWSAVED, pack(saved_model_folder), FEATURES, largest_output)


@pytest.fixture(scope="session")
def onnx_classifier() -> Sample:
    """The same network as ONNX: a matrix of eleven columns goes in, labels in letters and probabilities come out."""
    return Sample(ModelType.ONNX, classifier(LABELS), FEATURES, lambda wine: float(LABELS[int(largest_output(wine))]))


@pytest.fixture(scope="session")
def onnx_regression() -> Sample:
    """A sum as ONNX, of two inputs with the names of fields, in double precision."""
    model = onnx_bytes(
        [operator("Mul", "volatile acidity", "two"), operator("Add", "pH", "out0", output="quality")],
        inputs={"pH": 1, "volatile acidity": 1},
        constants={"two": [[2.0]]},
    )
    return Sample(ModelType.ONNX, model, ("pH", "volatile_acidity"), lambda wine: wine.pH + 2 * wine.volatile_acidity)


@pytest.fixture(
    params=[
        "regression",
        "decision_tree",
        "random_forest",
        "frozen_graph",
        "saved_model",
        "onnx_classifier",
        "onnx_regression",
    ]
)
def sample(request: pytest.FixtureRequest) -> Sample:
    """Each of the models above in turn."""
    found: Sample = request.getfixturevalue(request.param)
    return found
