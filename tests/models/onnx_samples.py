"""How the tests make ONNX models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from onnx import TensorProto, helper, numpy_helper

from tests.models.samples import WEIGHTS


def operator(kind: str, *inputs: str, output: str = "", domain: str = "", **attributes: Any) -> Any:
    """A node; its output is called ``out0`` where no name is given."""
    return helper.make_node(
        kind, list(inputs), [output or "out0"], name=f"{kind}-{output}", domain=domain, **attributes
    )


def onnx_model(
    nodes: Sequence[Any],
    inputs: Mapping[str, int | None] = {"wine": 11},
    constants: Mapping[str, ArrayLike] = {},
    outputs: Mapping[str, int] = {"quality": TensorProto.DOUBLE},
    rows: int | None = None,
) -> Any:
    """A model in double precision.

    Args:
        nodes: in the order of the work.
        inputs: with their numbers of columns.
        constants: the initializers.
        outputs: with their types.
        rows: the first dimension of the inputs.
    """
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info(name, TensorProto.DOUBLE, [rows, width]) for name, width in inputs.items()],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in outputs.items()],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    opsets = [helper.make_opsetid("", 21), helper.make_opsetid("ai.onnx.ml", 3)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=10)


def onnx_bytes(*args: Any, **options: Any) -> bytes:
    """As ``onnx_model``, serialised."""
    data: bytes = onnx_model(*args, **options).SerializeToString()
    return data


def classifier(labels: Sequence[str]) -> bytes:
    """The network of ``WEIGHTS``, as skl2onnx writes classifiers: a label, and a matrix of probabilities."""
    node = helper.make_node(
        "LinearClassifier",
        ["wine"],
        ["label", "probabilities"],
        domain="ai.onnx.ml",
        coefficients=[float(weight) for weight in WEIGHTS.T.reshape(-1)],
        intercepts=[0.0] * len(labels),
        classlabels_strings=list(labels),
        multi_class=0,
        post_transform="SOFTMAX",
    )
    outputs = {"label": TensorProto.STRING, "probabilities": TensorProto.FLOAT}
    return onnx_bytes([node], outputs=outputs)


def hungry_onnx() -> bytes:
    """Takes the outer product of all numbers with themselves, four times; no shape says so before it runs."""
    nodes, last = [operator("Reshape", "wine", "all", output="v0")], "v0"
    for turn in range(1, 5):
        nodes += [
            operator("Unsqueeze", last, "one", output=f"column{turn}"),
            operator("Unsqueeze", last, "nil", output=f"row{turn}"),
            operator("MatMul", f"column{turn}", f"row{turn}", output=f"m{turn}"),
            operator("Reshape", f"m{turn}", "all", output=f"v{turn}"),
        ]
        last = f"v{turn}"
    nodes += [
        operator("ReduceMax", last, output="top", keepdims=0),
        operator("ReduceMax", "wine", "one", output="own", keepdims=0),
        operator("Add", "own", "top", output="quality"),
    ]
    return onnx_bytes(nodes, constants={"all": [-1], "one": [1], "nil": [0]})
