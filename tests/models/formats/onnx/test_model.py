"""ONNX: what is an input, what is the answer, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from onnx import SparseTensorProto, TensorProto, helper, numpy_helper

from modelserving.errors import ModelError, ModelFormatError, ModelInputError, ModelRefused
from modelserving.models.formats import factory
from modelserving.models.formats.onnx.guard import MAX_BYTES, MAX_NODES
from modelserving.models.model import NO_PARAMETERS
from modelserving.records import FEATURES, ModelType, WineRecord
from tests.models.onnx_samples import classifier, onnx_bytes, onnx_model, operator


def answers(data: bytes, wines: list[WineRecord], parameters: Mapping[str, str] = NO_PARAMETERS) -> Any:
    """What a model answers; shape ``(len(wines),)``."""
    model = factory.restore(ModelType.ONNX, data, parameters)
    try:
        return model.score(wines).values
    finally:
        model.close()


def column(index: int) -> bytes:
    """A model that answers one of its eleven columns."""
    return onnx_bytes([operator("Gather", "wine", "index", output="quality", axis=1)], constants={"index": [index]})


def identity(**options: Any) -> Any:
    """A model that answers what it is given."""
    return onnx_model([operator("Identity", "alcohol", output="quality")], **{"inputs": {"alcohol": 1}, **options})


def test_a_matrix_is_in_the_order_of_the_record_unless_another_is_named(wines: list[WineRecord]) -> None:
    """Column 10 is the alcohol; with the fields named in reverse, it is what the record has first."""
    assert answers(column(10), wines) == pytest.approx([wine.alcohol for wine in wines], abs=0)
    reverse = {"inputs": ", ".join(reversed(FEATURES))}
    assert answers(column(10), wines, reverse) == pytest.approx([wine.fixed_acidity for wine in wines], abs=0)


def test_of_several_columns_the_index_of_the_largest_answers(wines: list[WineRecord]) -> None:
    """As for a network: its outputs are the grades."""
    data = onnx_bytes([operator("Identity", "wine", output="quality")])
    assert answers(data, wines) == pytest.approx([FEATURES.index("total_sulfur_dioxide")] * len(wines))


def test_the_label_answers_and_a_parameter_names_another_output(wines: list[WineRecord]) -> None:
    """Of label and probabilities, the label; of several that could be, the one that is named."""
    data = classifier(("5", "6", "7", "4"))
    assert set(answers(data, wines)) <= {4.0, 5.0, 6.0, 7.0}
    assert set(answers(data, wines, {"output": "probabilities"})) <= {0.0, 1.0, 2.0, 3.0}
    two = onnx_bytes(
        [operator("Neg", "alcohol", output="a"), operator("Abs", "alcohol", output="b")],
        inputs={"alcohol": 1},
        outputs={"a": TensorProto.DOUBLE, "b": TensorProto.DOUBLE},
    )
    assert answers(two, wines[:1], {"output": "a"}) == [-wines[0].alcohol]
    with pytest.raises(ModelFormatError, match="2 outputs: a, b"):
        answers(two, wines)
    with pytest.raises(ModelFormatError, match="no output 'c'"):
        answers(two, wines, {"output": "c"})


def test_a_label_that_is_no_number_is_an_answer(wines: list[WineRecord]) -> None:
    """As with PMML: a word is a label, and the records with other labels get their number."""
    model = factory.restore(ModelType.ONNX, classifier(("5", "good", "nan", "1e999")))
    scores = model.score(wines)
    good = np.isfinite(scores.values)
    assert 0 < good.sum() < len(wines)
    assert set(scores.values[good]) == {5.0}
    assert scores.problems == {}
    assert scores.labels is not None
    assert "good" in set(scores.labels[~good]) <= {"good", "nan", "1e999"}


def test_an_answer_that_is_not_finite_costs_only_its_record(wines: list[WineRecord]) -> None:
    """A logarithm of what is not positive is a problem of its record, which says what it was."""
    nodes = [operator("Sub", "alcohol", "limit", output="rest"), operator("Log", "rest", output="quality")]
    limit = sorted(wine.alcohol for wine in wines)[10]
    data = onnx_bytes(nodes, inputs={"alcohol": 1}, constants={"limit": [[limit]]})
    scores = factory.restore(ModelType.ONNX, data).score(wines)
    assert len(scores.problems) == 11
    told = {"nan" if wine.alcohol < limit else "-inf" for wine in wines if wine.alcohol <= limit}
    assert set(scores.problems.values()) == {f"the model answered {what}, not a finite number" for what in told}
    assert "-inf" in told


@pytest.mark.parametrize(
    ("model", "error", "message"),
    [
        (identity(inputs={"alcohol": 3}), ModelInputError, "has 3 columns, and the model does not name them"),
        (identity(inputs={"alcohol": 1, "pH": 2}), ModelInputError, "input 'pH' of 2 has 2 columns"),
        (identity(rows=1), ModelFormatError, "free first dimension"),
        (identity(inputs={}), ModelFormatError, "no input"),
        (identity(outputs={"nothing": TensorProto.DOUBLE}), ModelFormatError, "cannot read the model"),
    ],
    ids=["width", "wide field", "one record", "no input", "no answer"],
)
def test_a_model_that_does_not_fit_says_why(model: Any, error: type[ModelError], message: str) -> None:
    """Its inputs are those of the records, for any number of them, and it has an answer."""
    with pytest.raises(error, match=message):
        factory.restore(ModelType.ONNX, model.SerializeToString())


def external(tensor: Any) -> Any:
    """The tensor, as if it stood in a file."""
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="secret.bin")
    return tensor


def branch(name: str, node: Any, initializers: tuple[Any, ...] = ()) -> Any:
    """A graph for a branch of ``If``; its output is called after it."""
    output = helper.make_tensor_value_info(name, TensorProto.DOUBLE, None)
    return helper.make_graph([node], name, [], [output], list(initializers))


def choice(inner: Any) -> Any:
    """An ``If`` that holds a graph."""
    other = branch("other", operator("Identity", "alcohol", output="other"))
    return operator("If", "sure", output="quality", then_branch=inner, else_branch=other)


def weighted() -> Any:
    """A model that needs a constant."""
    node = operator("Add", "alcohol", "weights", output="quality")
    return onnx_model([node], inputs={"alcohol": 1}, constants={"weights": np.ones(4)})


def in_a_file() -> Any:
    model = weighted()
    external(model.graph.initializer[0])
    return model


def in_a_file_by_an_attribute() -> Any:
    tensor = external(numpy_helper.from_array(np.ones(4), "weights"))
    return onnx_model([operator("Constant", output="quality", value=tensor)], inputs={"alcohol": 1})


def in_a_file_in_a_branch() -> Any:
    tensor = external(numpy_helper.from_array(np.ones(4), "weights"))
    inner = branch("inner", operator("Identity", "alcohol", output="inner"), (tensor,))
    return onnx_model([choice(inner)], inputs={"alcohol": 1}, constants={"sure": True})


def loop_in_a_branch() -> Any:
    body = branch("body", operator("Identity", "alcohol", output="body"))
    inner = branch("inner", operator("Loop", "times", output="inner", body=body))
    return onnx_model([choice(inner)], inputs={"alcohol": 1}, constants={"sure": True})


def deep() -> Any:
    inner = branch("g0", operator("Identity", "alcohol", output="g0"))
    for depth in range(1, 12):
        inner = branch(f"g{depth}", operator("If", "sure", output=f"g{depth}", then_branch=inner, else_branch=inner))
        inner.node[0].attribute[1].g.CopyFrom(branch("end", operator("Identity", "alcohol", output="end")))
    return onnx_model([choice(inner)], inputs={"alcohol": 1}, constants={"sure": True})


def long() -> Any:
    nodes = [operator("Neg", f"x{index}", output=f"x{index + 1}") for index in range(MAX_NODES - 1)]
    last = operator("Neg", f"x{MAX_NODES - 1}", output="quality")
    return onnx_model([operator("Neg", "alcohol", output="x0"), *nodes, last], inputs={"alcohol": 1})


def claiming(*sizes: int) -> Any:
    model = weighted()
    model.graph.initializer[0].dims[:] = sizes
    return model


def sparse() -> Any:
    model = onnx_model([operator("Add", "alcohol", "weights", output="quality")], inputs={"alcohol": 1})
    values = numpy_helper.from_array(np.ones(1), "weights")
    indices = numpy_helper.from_array(np.zeros(1, np.int64), "indices")
    model.graph.sparse_initializer.append(SparseTensorProto(values=values, indices=indices, dims=[100_000, 100_000]))
    return model


def growing() -> Any:
    nodes = [
        operator("Concat", f"x{index}", f"x{index}", output=f"x{index + 1}", axis=1)
        if index
        else operator("Identity", "alcohol", output="x1")
        for index in range(40)
    ]
    return onnx_model([*nodes, operator("ReduceMax", "x40", output="quality")], inputs={"alcohol": 1})


def with_function() -> Any:
    model = identity()
    function = helper.make_function("", "F", ["x"], ["y"], [operator("Identity", "x", output="y")], model.opset_import)
    model.functions.append(function)
    return model


def foreign() -> Any:
    node = operator("Inverse", "alcohol", output="quality", domain="com.microsoft")
    return onnx_model([node], inputs={"alcohol": 1})


def filled(*size: str) -> Any:
    """Zeros in a size that is made of the named values: constants, the alcohol itself, the number of records."""
    nodes = [
        operator("Shape", "alcohol", output="shape"),
        operator("Gather", "shape", "nil", output="rows"),
        operator("Cast", "alcohol", output="whole", to=TensorProto.INT64),
        operator("Concat", *size, output="size", axis=0),
        operator("ConstantOfShape", "size", output="zeros"),
        operator("Cast", "zeros", output="quality", to=TensorProto.DOUBLE),
    ]
    return onnx_model(nodes, inputs={"alcohol": None}, constants={"nil": [0], "one": [1], "huge": [1 << 40]})


def scan(body: Any) -> Any:
    return operator("Scan", "alcohol", output="quality", body=body, num_scan_inputs=1)


def scanned(inner: Any) -> Any:
    """A body of a scan: one row in, one row out."""
    row = helper.make_tensor_value_info("row", TensorProto.DOUBLE, [1])
    return helper.make_graph([inner], "body", [row], [helper.make_tensor_value_info("new", TensorProto.DOUBLE, [1])])


def scan_in_a_scan() -> Any:
    body = scanned(operator("Neg", "row", output="new"))
    inner = operator("Scan", "alcohol", output="new", body=body, num_scan_inputs=1)
    return onnx_model([scan(scanned(inner))], inputs={"alcohol": 1})


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (in_a_file, "keeps 'weights' in another file"),
        (in_a_file_by_an_attribute, "keeps 'weights' in another file"),
        (in_a_file_in_a_branch, "keeps 'weights' in another file"),
        (loop_in_a_branch, "uses Loop: only operators that compute"),
        (lambda: onnx_model([operator("RandomNormal", output="quality", shape=[9])]), "uses RandomNormal"),
        (foreign, "operators of 'com.microsoft'"),
        (with_function, "functions or a training"),
        (deep, "more than 8 deep"),
        (long, "2,001 operations"),
        (lambda: claiming(1 << 20, 1 << 20), "claim 1,099,511,627,776 numbers"),
        (lambda: claiming(-1), "no definite shape"),
        (sparse, "claim 10,000,000,002 numbers"),
        (growing, "a tensor of shape"),
        (lambda: filled("rows", "huge"), "a tensor of shape"),
        (lambda: filled("rows", "rows"), "ConstantOfShape makes 'zeros', whose size has no bound"),
        (lambda: filled("whole", "one"), "ConstantOfShape makes 'zeros', whose size has no bound"),
        (scan_in_a_scan, "a Scan within another"),
    ],
    ids=lambda case: getattr(case, "__name__", ""),
)
def test_what_is_more_than_computing_is_refused(make: Callable[[], Any], message: str) -> None:
    """Files, loops, chance, code of others, and memory without bound: all of it before the engine sees it."""
    with pytest.raises(ModelRefused, match=message):
        factory.restore(ModelType.ONNX, make().SerializeToString())


def test_what_is_no_model_is_told(wines: list[WineRecord]) -> None:
    """Nothing, anything, another format, and far too much."""
    for data, message in ((b"", "empty"), (b"\xff" * 90, "no ONNX model"), (b"<PMML/>", "no ONNX model")):
        with pytest.raises(ModelFormatError, match=message):
            answers(data, wines)
    with pytest.raises(ModelRefused, match=r"64,000,001 bytes; at most 64,000,000"):
        answers(bytes(MAX_BYTES + 1), wines)


def test_the_same_branch_either_way_is_served(wines: list[WineRecord]) -> None:
    """A choice computes: it is not refused for holding graphs."""
    inner = branch("inner", operator("Neg", "alcohol", output="inner"))
    data = onnx_bytes([choice(inner)], inputs={"alcohol": 1}, constants={"sure": True})
    assert answers(data, wines) == pytest.approx([-wine.alcohol for wine in wines], abs=0)


def test_the_engine_writes_nothing_on_the_screen(capfd: pytest.CaptureFixture[str]) -> None:
    """A model that it refuses is told in the error alone."""
    data = onnx_bytes([operator("MatMul", "wine", "wine", output="quality")])
    with pytest.raises(ModelFormatError) as raised:
        factory.restore(ModelType.ONNX, data)
    assert "onnxruntime_src" not in str(raised.value)
    assert capfd.readouterr() == ("", "")


def test_what_only_another_output_needs_is_neither_looked_at_nor_loaded(wines: list[WineRecord]) -> None:
    """As scikit-learn's converter writes it: probabilities in a map, which the engine refuses in double precision."""
    nodes = [
        operator("ArgMax", "wine", output="label", axis=1, keepdims=0),
        operator("ZipMap", "wine", output="map", domain="ai.onnx.ml", classlabels_int64s=list(range(11))),
        operator("Inverse", "wine", output="strange", domain="com.microsoft"),
    ]
    outputs = {"label": TensorProto.INT64, "map": TensorProto.DOUBLE, "strange": TensorProto.DOUBLE}
    model = onnx_model(nodes, outputs=outputs, constants={"unused": np.ones(3)})
    model.opset_import.add(domain="com.microsoft", version=1)
    external(model.graph.initializer[0])
    expected = [FEATURES.index("total_sulfur_dioxide")] * len(wines)
    assert answers(model.SerializeToString(), wines, {"output": "label"}).tolist() == expected
    with pytest.raises(ModelRefused, match=r"com\.microsoft"):
        answers(model.SerializeToString(), wines, {"output": "strange"})


def test_probabilities_in_a_map_need_no_operators_but_those_of_machine_learning(wines: list[WineRecord]) -> None:
    """CatBoost writes classifiers so: it names the version of ``ai.onnx.ml``, and none of ONNX's own operators."""
    labels = ["5", "6", "7", "4"]
    model = onnx_model([])
    model.ParseFromString(classifier(labels))
    plain = factory.restore(ModelType.ONNX, model.SerializeToString(), {"outputs": "*"}).score(wines)
    model.graph.node[0].output[1] = "shares"
    model.graph.node.append(
        operator("ZipMap", "shares", output="probabilities", domain="ai.onnx.ml", classlabels_strings=labels)
    )
    model.graph.output[1].type.Clear()
    model.graph.output[1].type.sequence_type.elem_type.map_type.key_type = TensorProto.STRING
    del model.opset_import[0]
    assert [entry.domain for entry in model.opset_import] == ["ai.onnx.ml"]
    scores = factory.restore(ModelType.ONNX, model.SerializeToString(), {"outputs": "*"}).score(wines)
    assert list(scores.outputs) == [f"probabilities({label})" for label in labels]
    assert {name: list(column) for name, column in scores.outputs.items()} == {
        name: list(column) for name, column in plain.outputs.items()
    }


def test_a_branch_reads_what_stands_around_it(wines: list[WineRecord]) -> None:
    """What only a graph within a graph needs is not cut off."""
    inner = branch("inner", operator("Add", "alcohol", "two", output="inner"))
    nodes = [operator("Add", "one", "one", output="two"), choice(inner)]
    data = onnx_bytes(nodes, inputs={"alcohol": 1}, constants={"sure": True, "one": [[1.0]]})
    assert answers(data, wines) == pytest.approx([wine.alcohol + 2 for wine in wines])


def test_sizes_may_come_from_constants_and_the_number_of_records(wines: list[WineRecord]) -> None:
    """Zeros for each record are bounded, and so is a scan over the records."""
    assert answers(filled("rows", "one").SerializeToString(), wines).tolist() == [0.0] * len(wines)
    data = onnx_bytes([scan(scanned(operator("Neg", "row", output="new")))], inputs={"alcohol": 1})
    assert answers(data, wines) == pytest.approx([-wine.alcohol for wine in wines])


def test_an_input_that_records_do_not_have_is_told_when_they_come(wines: list[WineRecord]) -> None:
    """What the records are is known only then: the model names the columns that they lack."""
    nodes = [operator("Add", "alcohol", "vintage", output="quality")]
    model = factory.restore(ModelType.ONNX, onnx_bytes(nodes, inputs={"alcohol": 1, "vintage": 1}))
    with pytest.raises(ModelInputError, match="'vintage', which the records do not have"):
        model.score(wines)
