"""What an ONNX model may contain.

As with TensorFlow (``graph_guard``), a model is read as data first: only operators of the list below get through, which
compute and do nothing else; not even a file beside the model, from which weights could be read, may be named. The
engine gets the model written anew, so that it sees what was looked at and nothing more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError

from modelserving.errors import ModelFormatError, ModelRefused
from modelserving.models.formats.tensorflow.graph_guard import MAX_ELEMENTS

__all__ = ["MAX_BYTES", "MAX_DEPTH", "MAX_NODES", "OPERATORS", "read_onnx"]

MAX_BYTES = 64_000_000
MAX_DEPTH = 8
"""Deepest nesting of graphs in the branches of ``If``."""

MAX_NODES = 2_000
"""In all graphs together. The engine takes half a minute to arrange many thousands; a wine model has a few."""

_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_STRUCTURE = "Constant Identity Dropout If"
_ARITHMETIC = """
    Abs Add Cast CastLike Ceil Clip Div Erf Exp Floor Log Max Mean Min Mod Mul Neg Pow Reciprocal Round Sign Sqrt Sub
    Sum
"""
_REDUCTIONS = """
    ArgMax ArgMin CumSum ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare TopK
"""
_LAYERS = """
    BatchNormalization Celu Einsum Elu Gelu Gemm HardSigmoid HardSwish LayerNormalization LeakyRelu LogSoftmax MatMul
    PRelu Relu Selu Sigmoid Softmax Softplus Softsign Tanh ThresholdedRelu
"""
_DECISIONS = """
    And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Where Xor
"""
_SHAPES = """
    Concat Flatten Gather GatherElements GatherND Reshape Shape Size Slice Split Squeeze Transpose Unsqueeze
"""
_LEARNED = """
    ArrayFeatureExtractor Binarizer CategoryMapper FeatureVectorizer Imputer LabelEncoder LinearClassifier
    LinearRegressor Normalizer SVMClassifier SVMRegressor Scaler TreeEnsemble TreeEnsembleClassifier
    TreeEnsembleRegressor ZipMap
"""
OPERATORS = frozenset(f"{_STRUCTURE} {_ARITHMETIC} {_REDUCTIONS} {_LAYERS} {_DECISIONS} {_SHAPES} {_LEARNED}".split())
"""Operators that compute. None makes much of little (as Tile, Expand and Range do), and none loops (Loop, Scan)."""


def read_onnx(data: bytes) -> Any:
    """Read a model and check it.

    Args:
        data: a serialised ``ModelProto``.

    Returns:
        The ``ModelProto``, with the shapes that follow from it and without its metadata.

    Raises:
        ModelFormatError: no ONNX model: empty, cut short, something else.
        ModelRefused: it is hostile or too large.
    """
    model = _parse(data)
    if model.functions or model.training_info:
        raise ModelRefused("the ONNX model brings functions or a training of its own, which are not read.")
    _check_domains({entry.domain for entry in model.opset_import})
    _check_graphs(model.graph)
    model.ClearField("metadata_props")
    return _check_shapes(model)


def _parse(data: bytes) -> Any:
    from onnx import ModelProto

    if not data:
        raise ModelFormatError("the model is empty: 0 bytes. An ONNX model was expected.")
    if len(data) > MAX_BYTES:
        raise ModelRefused(f"the ONNX model has {len(data):,} bytes; at most {MAX_BYTES:,} are read.")
    try:
        model = ModelProto.FromString(data)
    except DecodeError as error:
        raise ModelFormatError(f"{len(data):,} bytes that are no ONNX model: {error}. Was it cut short?") from error
    if not model.opset_import or not model.graph.output:
        raise ModelFormatError(f"{len(data):,} bytes that hold no ONNX model: it has no operators, or no output.")
    return model


def _check_domains(domains: set[str]) -> None:
    foreign = sorted(domains - _DOMAINS)
    if foreign:
        raise ModelRefused(
            f"the ONNX model uses operators of {', '.join(map(repr, foreign[:8]))}; only those of ONNX itself are "
            "allowed."
        )


def _check_graphs(graph: Any) -> None:
    """Check a graph, and the graphs in it."""
    count = elements = 0
    for part in _graphs(graph, 1):
        count += len(part.node)
        if count > MAX_NODES:
            raise ModelRefused(f"the ONNX model has {count:,} operations; at most {MAX_NODES:,} are allowed.")
        _check_operators(part.node)
        for tensor in _tensors(part):
            elements += tensor.elements
            if tensor.external:
                raise ModelRefused(
                    f"the ONNX model keeps {tensor.name!r} in another file, which could be any file of this machine. "
                    "Save it with all weights in the model."
                )
            if elements > MAX_ELEMENTS:
                raise ModelRefused(
                    f"the ONNX model's constants claim {elements:,} numbers and more (at {tensor.name!r}); at most "
                    f"{MAX_ELEMENTS:,} are allowed."
                )


def _check_operators(nodes: Any) -> None:
    _check_domains({node.domain for node in nodes})
    refused = sorted({node.op_type for node in nodes} - OPERATORS)
    if refused:
        raise ModelRefused(
            f"the ONNX model uses {', '.join(refused[:8])}: only operators that compute are allowed, none that can "
            "loop, draw random numbers, or ask for memory without bound."
        )


def _graphs(graph: Any, depth: int) -> Iterator[Any]:
    """A graph, and all graphs that its operators hold."""
    if depth > MAX_DEPTH:
        raise ModelRefused(f"the ONNX model nests graphs more than {MAX_DEPTH} deep.")
    yield graph
    for node in graph.node:
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *((attribute.g,) if attribute.HasField("g") else ())):
                yield from _graphs(inner, depth + 1)


def _check_shapes(model: Any) -> Any:
    """Refuse a model that makes huge tensors of small ones, as far as its shapes say so; and give it these shapes."""
    from onnx import shape_inference

    try:
        inferred = shape_inference.infer_shapes(model, data_prop=True)
    except (shape_inference.InferenceError, ValueError, RuntimeError, TypeError) as error:
        raise ModelFormatError(f"the ONNX model contradicts itself: {str(error).strip()[:300]}") from error
    for graph in _graphs(inferred.graph, 1):
        for value in (*graph.value_info, *graph.output):
            sizes = [size.dim_value or 1 for size in value.type.tensor_type.shape.dim]
            if math.prod(sizes) > MAX_ELEMENTS:
                raise ModelRefused(
                    f"{value.name!r} of the ONNX model is a tensor of shape {sizes}; at most {MAX_ELEMENTS:,} numbers "
                    "are allowed."
                )
    return inferred


@dataclass(frozen=True, slots=True)
class _Constant:
    """What a tensor says of itself."""

    name: str
    elements: int
    external: bool


def _tensors(graph: Any) -> Iterator[_Constant]:
    """Each tensor that one graph holds, without those of graphs in it."""
    for tensor in graph.initializer:
        yield _read_tensor(tensor)
    for sparse in graph.sparse_initializer:
        yield from _read_sparse(sparse)
    for node in graph.node:
        for attribute in node.attribute:
            for tensor in (*attribute.tensors, *((attribute.t,) if attribute.HasField("t") else ())):
                yield _read_tensor(tensor, node.name)
            single = (attribute.sparse_tensor,) if attribute.HasField("sparse_tensor") else ()
            for sparse in (*attribute.sparse_tensors, *single):
                yield from _read_sparse(sparse)
            numbers = len(attribute.floats) + len(attribute.ints) + len(attribute.strings)
            yield _Constant(f"{node.name} {attribute.name}", numbers, False)


def _read_sparse(sparse: Any) -> Iterator[_Constant]:
    """A sparse tensor counts as much as it becomes when it is unpacked."""
    yield _read_tensor(sparse.values)
    yield _read_tensor(sparse.indices)
    yield _Constant(sparse.values.name, _count(sparse.dims, sparse.values.name), False)


def _read_tensor(tensor: Any, owner: str = "") -> _Constant:
    name = tensor.name or owner
    return _Constant(name, _count(tensor.dims, name), bool(tensor.data_location or tensor.external_data))


def _count(dimensions: Any, name: str) -> int:
    if any(size < 0 for size in dimensions):
        raise ModelRefused(f"constant {name!r} of the ONNX model has no definite shape.")
    return math.prod(dimensions)
