"""Frozen graphs: inputs and answer are read off the graph, and what a graph may contain is limited."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from modelserving.errors import ModelFormatError, ModelInputError, ModelRefused
from modelserving.models.formats.tensorflow import graph_guard
from modelserving.models.formats.tensorflow.engine import load_tensorflow
from modelserving.models.formats.tensorflow.frozen_graph import load_graph
from modelserving.models.model import NO_PARAMETERS, Scores
from modelserving.records import FEATURES, WineRecord
from tests.models.samples import WEIGHTS, Sample, graph_bytes

Build = Callable[[Any], Any]


def score(build: Build, wines: list[WineRecord], parameters: Mapping[str, str] = NO_PARAMETERS) -> Scores:
    model = load_graph(graph_bytes(build), parameters)
    try:
        return model.score(wines)
    finally:
        model.close()


def refuse(build: Build, error: type[Exception], reason: str, parameters: Mapping[str, str] = NO_PARAMETERS) -> None:
    data = graph_bytes(build)
    with pytest.raises(error, match=reason):
        load_graph(data, parameters)


def refuse_wines(build: Build, wines: list[WineRecord], reason: str, parameters: Mapping[str, str]) -> None:
    with pytest.raises(ModelInputError, match=reason):
        score(build, wines, parameters)


def wines_of(tf: Any, width: int | None = 11, kind: str = "float32", batch: int | None = None, name: str = "x") -> Any:
    return tf.compat.v1.placeholder(kind, (batch, width), name=name)


def test_one_output_is_the_answer_itself(wines: list[WineRecord]) -> None:
    """A graph with one output for each record answers its value, not an index."""
    scores = score(lambda tf: tf.reduce_sum(wines_of(tf), axis=1, keepdims=True), wines)
    assert scores.values == pytest.approx([sum(getattr(w, f) for f in FEATURES) for w in wines], rel=1e-5)


def test_a_flat_output_is_an_answer_too(wines: list[WineRecord]) -> None:
    """One number for each record may come without a second dimension; whole numbers will do."""
    scores = score(lambda tf: tf.argmax(tf.matmul(wines_of(tf), tf.constant(WEIGHTS)), axis=1), wines)
    assert set(scores.values) <= {0.0, 1.0, 2.0, 3.0}


def test_a_tensor_for_each_field_is_bound_by_its_name(wines: list[WineRecord]) -> None:
    """Placeholders that are named after fields get those, in whatever order; TensorFlow's small letters are known."""

    def build(tf: Any) -> Any:
        ph, alcohol = wines_of(tf, 1, name="ph"), tf.compat.v1.placeholder(tf.float32, (None,), name="alcohol")
        return tf.subtract(10 * ph[:, 0], alcohol)

    scores = score(build, wines)
    assert scores.values == pytest.approx([10 * wine.pH - wine.alcohol for wine in wines], rel=1e-5)


def test_columns_may_be_named_in_the_descriptor(wines: list[WineRecord]) -> None:
    """A graph of another width scores when its descriptor says what its columns are, in their own spelling."""
    scores = score(lambda tf: wines_of(tf, 2)[:, 1], wines, {"inputs": "alcohol, volatile acidity"})
    assert scores.values == pytest.approx([wine.volatile_acidity for wine in wines], rel=1e-6)


@pytest.mark.parametrize(
    ("build", "parameters", "reason"),
    [
        (lambda tf: wines_of(tf, 3) + 1, {}, "3 columns, and the model does not name them"),
        (lambda tf: wines_of(tf, 3) + 1, {"inputs": "pH,alcohol"}, "3 columns, and 2"),
        (lambda tf: wines_of(tf, 2) + 1, {"inputs": "pH,sweetness"}, "'sweetness'"),
        (lambda tf: wines_of(tf, 1) + 1, {}, "'x'"),
        (lambda tf: wines_of(tf, 1, name="pH") + wines_of(tf, 2, name="alcohol"), {}, "2 columns; one field"),
        (lambda tf: wines_of(tf, 1, name="pH") + wines_of(tf, 1, name="PH2"), {}, "'PH2'"),
        (lambda tf: wines_of(tf, 1, name="pH") + wines_of(tf, 1, name="density"), {"inputs": "pH"}, "2 inputs"),
    ],
)
def test_inputs_that_records_do_not_have_are_refused(
    build: Build, parameters: dict[str, str], reason: str, wines: list[WineRecord]
) -> None:
    """A width, or a name that the records do not have, is an error about inputs, and says which."""
    refuse_wines(build, wines, reason, parameters)


def test_an_unstated_width_shows_when_the_graph_is_tried(wines: list[WineRecord]) -> None:
    """A graph that does not state its shape is run once, and refused when it takes another width."""

    def build(tf: Any) -> Any:
        return tf.matmul(tf.compat.v1.placeholder(tf.float32, name="x"), tf.constant(WEIGHTS[:3]))

    refuse(build, ModelFormatError, "does not run on 11 inputs.*'inputs'")
    assert len(score(build, wines, {"inputs": "pH,alcohol,density"}).values) == len(wines)


@pytest.mark.parametrize(
    ("build", "reason"),
    [
        (lambda tf: tf.add(1, 2), "no answer"),
        (lambda tf: (tf.exp(wines_of(tf), name="a"), tf.exp(wines_of(tf, name="y"), name="b")), "2 answers: a, b"),
        (lambda tf: wines_of(tf, kind="complex64") + 1, "complex64"),
        (lambda tf: tf.compat.v1.placeholder("float32", (None, 3, 3), name="x") + 1, "3 dimensions"),
        (lambda tf: wines_of(tf, batch=4) + 1, "4 records at a time"),
        (lambda tf: tf.reduce_sum(wines_of(tf)), "gave no answers"),
        (lambda tf: tf.reduce_sum(wines_of(tf), axis=0), "gave 11 answers"),
    ],
)
def test_a_graph_that_answers_no_records_is_told_why(build: Build, reason: str) -> None:
    """Each way in which a graph is no model of wines has its own message."""
    refuse(build, ModelFormatError, reason)


def test_of_several_answers_the_descriptor_names_one(wines: list[WineRecord]) -> None:
    """Which of two ends of a graph answers is settled by the parameter ``output``."""

    def build(tf: Any) -> Any:
        x = wines_of(tf)
        return tf.identity(x[:, 0], name="a"), tf.identity(x[:, 10], name="b")

    scores = score(build, wines, {"output": "b"})
    assert scores.values == pytest.approx([wine.alcohol for wine in wines], rel=1e-6)
    refuse(build, ModelFormatError, "no node 'c'", {"output": "c"})


def _swallow(tf: Any) -> Any:
    return tf.numpy_function(lambda x: x, [wines_of(tf)], tf.float32)


def _loop(tf: Any) -> Any:
    return tf.while_loop(lambda x: tf.reduce_sum(x) < 9, lambda x: x + 1, [wines_of(tf)])


@pytest.mark.parametrize(
    ("build", "operation"),
    [
        (lambda tf: tf.strings.to_number(tf.io.read_file("/etc/hostname")) + wines_of(tf), "ReadFile"),
        (lambda tf: (tf.io.write_file("stolen", "x"), wines_of(tf) + 1), "WriteFile"),
        (_swallow, "PyFunc"),
        (_loop, "While|Enter"),
        (lambda tf: tf.tile(wines_of(tf), [1, 100_000_000]), "Tile"),
        (lambda tf: tf.fill([1 << 40], 1.0) + wines_of(tf)[:, :1], "Fill"),
        (lambda tf: tf.fill(tf.cast(wines_of(tf)[0, :2], "int32"), 1.0), "Fill"),
        (lambda tf: tf.fill(tf.shape(wines_of(tf))[:1] * tf.shape(wines_of(tf, name="y"))[:1], 1.0), "Fill"),
        (lambda tf: tf.one_hot(tf.cast(wines_of(tf), "int32"), 1 << 30), "OneHot"),
        (lambda tf: tf.raw_ops.MatchingFiles(pattern="/*"), "MatchingFiles"),
        (lambda tf: wines_of(tf) @ tf.raw_ops.VarHandleOp(dtype="float32", shape=(11, 1)), "VarHandleOp"),
        (lambda tf: tf.print(wines_of(tf)), "PrintV2"),
        (lambda tf: tf.random.uniform([2, 11]) + wines_of(tf), "RandomUniform"),
    ],
)
def test_operations_that_do_more_than_compute_are_refused(
    build: Build, operation: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files, code, loops and unbounded memory: refused by name, and nothing has run."""
    monkeypatch.chdir(tmp_path)
    data = graph_bytes(lambda tf: _tolerate(build, tf))
    with pytest.raises(ModelRefused, match=operation):
        load_graph(data)
    assert not list(tmp_path.iterdir())


def _tolerate(build: Build, tf: Any) -> None:
    """Build what may not type-check: only the operation must be in the graph."""
    try:
        build(tf)
    except (ValueError, TypeError):
        assert tf.compat.v1.get_default_graph().get_operations()


def constant_graph(*shape: int) -> bytes:
    tf = load_tensorflow()
    node = tf.compat.v1.NodeDef(name="bomb", op="Const")
    node.attr["dtype"].type = 1
    node.attr["value"].tensor.dtype = 1
    node.attr["value"].tensor.float_val.append(1.0)
    for size in shape:
        node.attr["value"].tensor.tensor_shape.dim.add().size = size
    data: bytes = tf.compat.v1.GraphDef(node=[node]).SerializeToString()
    return data


@pytest.mark.parametrize("shape", [(500_000_000,), (1 << 40, 1 << 40), (1 << 62, 4), (-1,)])
def test_a_small_constant_cannot_claim_gigabytes(shape: tuple[int, ...]) -> None:
    """Ninety bytes that stand for two gigabytes, or for a shape that is none, are refused unread."""
    data = constant_graph(*shape)
    assert len(data) < 120
    with pytest.raises(ModelRefused, match="constant"):
        load_graph(data)


def test_a_graph_that_makes_much_of_little_is_refused() -> None:
    """A product of two small tensors may not be a huge one."""
    column = np.arange(5000, dtype=np.float32).reshape(-1, 1)
    refuse(lambda tf: tf.constant(column) * column.T * tf.reduce_sum(wines_of(tf)), ModelRefused, "shape")


def test_too_many_operations_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph has a limited number of operations."""
    monkeypatch.setattr(graph_guard, "MAX_NODES", 3)
    refuse(lambda tf: tf.exp(tf.exp(tf.exp(wines_of(tf)))), ModelRefused, "at most 3")


def test_functions_are_not_loaded(wines: list[WineRecord]) -> None:
    """Nothing in a frozen graph calls a function, so that even one that TensorFlow cannot read does no harm."""
    tf = load_tensorflow()
    graph = tf.compat.v1.GraphDef.FromString(graph_bytes(lambda tf: tf.identity(wines_of(tf)[:, 10], name="answer")))
    graph.library.function.add().signature.name = "MatMul"  # which is an operation's
    graph.node[-1].attr["_note"].func.name = "MatMul"
    model = load_graph(graph.SerializeToString())
    assert model.score(wines).values == pytest.approx([wine.alcohol for wine in wines], rel=1e-6)
    model.close()


def test_a_node_that_is_missing_is_named() -> None:
    """A graph whose nodes need others that it lacks is told so."""
    tf = load_tensorflow()
    graph = tf.compat.v1.GraphDef.FromString(
        graph_bytes(lambda tf: tf.matmul(wines_of(tf), tf.constant(WEIGHTS, name="kernel")))
    )
    kept = [node for node in graph.node if node.name != "kernel"]
    with pytest.raises(ModelFormatError, match="lacks node 'kernel'"):
        load_graph(tf.compat.v1.GraphDef(node=kept).SerializeToString())


def test_an_answer_that_is_not_finite_is_a_problem(wines: list[WineRecord]) -> None:
    """NaN among several outputs is told, and not taken for the largest."""

    def build(tf: Any) -> Any:
        x = wines_of(tf)
        return tf.concat([tf.math.log(x[:, :1] - 5), x[:, 1:2]], axis=1)

    scores = score(build, [wines[0], replace(wines[0], fixed_acidity=1.0)])
    assert scores.problems == {1: "the model answered nan, not a finite number"}
    assert np.isnan(scores.values[1])


def test_a_number_that_32_bits_cannot_hold_is_a_problem(wines: list[WineRecord]) -> None:
    """What would reach the graph as infinite is told before; a graph of 64 bits takes it."""
    huge = [replace(wines[0], alcohol=1e200)]
    assert "too large" in score(lambda tf: wines_of(tf)[:, 10], huge).problems[0]
    assert score(lambda tf: wines_of(tf, kind="float64")[:, 10], huge).values.tolist() == [1e200]


@pytest.mark.slow
def test_loading_and_scoring_print_nothing(frozen_graph: Sample, tmp_path: Path) -> None:
    """TensorFlow's notices do not reach the screen, and real errors written meanwhile do."""
    path = tmp_path / "model.pb"
    path.write_bytes(frozen_graph.data)
    script = (
        "import sys\nfrom pathlib import Path\nfrom modelserving.models.admin.loading import load_model\n"
        "from modelserving.models.formats.tensorflow.engine import _without_noise\n"
        "from modelserving.records import WineRecord\n"
        "model = load_model(Path(sys.argv[1]))\nmodel.score([WineRecord(*[1.0] * 11)])\nmodel.close()\n"
        "with _without_noise():\n    import os\n    os.write(2, b'I0000 00:00: noise\\nreal trouble\\n')\n"
    )
    run = subprocess.run([sys.executable, "-c", script, str(path)], capture_output=True, text=True, check=True)
    assert run.stdout == ""
    assert run.stderr == "real trouble\n"


def test_columns_of_several_types_are_served() -> None:
    """Texts, whole numbers, booleans and numbers by name; a label answers, with the numbers that were asked for."""

    def build(tf: Any) -> Any:
        v1 = tf.compat.v1
        town, age = v1.placeholder("string", (None,), name="town"), v1.placeholder("int64", (None, 1), name="age")
        sure, weight = v1.placeholder("bool", (None,), name="sure"), v1.placeholder("float32", (None,), name="weight")
        old = tf.logical_and(age[:, 0] > 40, sure)
        tf.stack([tf.cast(age[:, 0], "float32"), weight], axis=1, name="both")
        tf.where(tf.logical_or(old, tf.equal(town, "Ulm")), tf.constant("yes"), tf.constant("no"), name="label")

    model = load_graph(graph_bytes(build), {"output": "label", "outputs": "both"})
    batch = pa.RecordBatch.from_pydict(
        {
            "weight": [1.5, 2.5, 3.5, 4.5, None],
            "town": ["Ulm", "Bern", "Bern", None, "Ulm"],
            "age": [1, 50, 30, 1, 1],
            "sure": [True, True, True, True, False],
        }
    )
    scores = model.score(batch)
    assert scores.labels is not None
    assert list(scores.labels) == ["yes", "yes", "no", None, None]
    assert list(scores.problems) == [3, 4]
    assert "town is missing" in scores.problems[3]
    assert scores.outputs["both"][:3].tolist() == [[1.0, 1.5], [50.0, 2.5], [30.0, 3.5]]
    odd = batch.set_column(batch.schema.get_field_index("age"), "age", pa.array([1, 1.5, 2.0**63, 4, 5]))
    assert {row: why for row, why in model.score(odd).problems.items() if row in {1, 2}} == {
        1: "age is 1.5, and this model takes whole numbers only",
        2: "age is 9.223372036854776e+18, too large for this model",
    }
    model.close()


def test_what_a_named_answer_does_not_need_is_not_looked_at(wines: list[WineRecord]) -> None:
    """An operation that is refused does no harm where the answer does without it."""

    def build(tf: Any) -> Any:
        x = wines_of(tf)
        return tf.print(x), tf.identity(x[:, 10], name="quality")

    assert score(build, wines, {"output": "quality"}).values == pytest.approx([w.alcohol for w in wines], rel=1e-6)
    refuse(build, ModelRefused, "PrintV2")
