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

MAX_BYTES = 64_000_000
MAX_DEPTH = 8
"""Deepest nesting of graphs in the branches of ``If``."""

MAX_NODES = 2_000
"""In all graphs together. The engine takes half a minute to arrange many thousands; a model of tables has a few."""

_DOMAINS = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_STRUCTURE = "Constant Identity Dropout If Scan"
_ARITHMETIC = """
    Abs Add Cast CastLike Ceil Clip Div Erf Exp Floor Log Max Mean Min Mod Mul Neg Pow Reciprocal Round Sign Sqrt Sub
    Sum
"""
_REDUCTIONS = """
    ArgMax ArgMin CumSum ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd
    ReduceSum ReduceSumSquare TopK
"""
_LAYERS = """
    AveragePool BatchNormalization Celu Conv Einsum Elu GRU Gelu Gemm GlobalAveragePool GlobalMaxPool HardSigmoid
    HardSwish LSTM LayerNormalization LeakyRelu LogSoftmax LpNormalization MatMul MaxPool PRelu RNN Relu Selu Sigmoid
    Softmax Softplus Softsign Tanh ThresholdedRelu
"""
_DECISIONS = """
    And Equal Greater GreaterOrEqual IsInf IsNaN Less LessOrEqual Not Or Where Xor
"""
_SHAPES = """
    Concat Flatten Gather GatherElements GatherND Reshape Shape Size Slice Split Squeeze Transpose Unsqueeze
"""
_LEARNED = """
    ArrayFeatureExtractor Binarizer CategoryMapper FeatureVectorizer Imputer LabelEncoder LinearClassifier
    LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler StringNormalizer TreeEnsemble
    TreeEnsembleClassifier TreeEnsembleRegressor ZipMap
"""
_MAKERS = {"ConstantOfShape": 0, "Expand": 1, "OneHot": 1}
"""Operators that make much of little, with the index of the input that says how much."""
_SIZES = frozenset(
    {"Cast", "Concat", "Constant", "Gather", "Identity", "Shape", "Size", "Slice", "Squeeze", "Unsqueeze"}
)
"""Operators through which a size may go from a tensor, or a constant, to one of those."""
OPERATORS = frozenset(
    f"{_STRUCTURE} {_ARITHMETIC} {_REDUCTIONS} {_LAYERS} {_DECISIONS} {_SHAPES} {_LEARNED} {' '.join(_MAKERS)}".split()
)
"""Operators that compute. None makes much of little without a bound (as Tile and Range do), and none loops for as long
as it likes (Loop): ``Scan`` goes once over the rows of what it is given, and not within another."""


def check_onnx(model: Any) -> Any:
    """Check a model, cut down to what its answers need (``prune``).

    Args:
        model: a ``ModelProto``; it loses its metadata.

    Returns:
        The ``ModelProto``, with the shapes that follow from it.

    Raises:
        ModelFormatError: it contradicts itself.
        ModelRefused: it is hostile or too large.
    """
    if model.functions or model.training_info:
        raise ModelRefused("the ONNX model brings functions or a training of its own, which are not read.")
    _check_domains({entry.domain for entry in model.opset_import})
    _check_graphs(model.graph)
    _check_scans(model.graph)
    model.ClearField("metadata_props")
    return _check_shapes(model)


def parse_onnx(data: bytes) -> Any:
    """Read a model as data.

    Args:
        data: a serialised ``ModelProto``.

    Returns:
        The ``ModelProto``, of which nothing has been checked.

    Raises:
        ModelFormatError: no ONNX model: empty, cut short, something else.
        ModelRefused: it is too large.
    """
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


def _check_scans(graph: Any) -> None:
    """Refuse a scan within a scan: the work of each is its rows times what it holds."""
    for node in graph.node:
        bodies = [attribute.g for attribute in node.attribute if attribute.HasField("g")]
        nested = (inner for body in bodies for part in _graphs(body, 1) for inner in part.node)
        if node.op_type == "Scan" and any(inner.op_type == "Scan" for inner in nested):
            raise ModelRefused(f"the ONNX model has a Scan within another ({node.name!r}): loops may not be nested.")
        for body in bodies:
            _check_scans(body)


def _check_makers(graph: Any) -> None:
    """Refuse what makes a tensor of a size that only a record's values, or more than the number of records, tells.

    Raises:
        ModelRefused: an operator of ``_MAKERS`` has no bound.
    """
    parts = list(_graphs(graph, 1))
    makers: dict[str, list[Any]] = {}
    for part in parts:
        for node in part.node:
            for name in node.output:
                makers.setdefault(name, []).append(node)
    shapes = {value.name: value.type.tensor_type for part in parts for value in (*part.value_info, *part.output)}
    constants = {tensor.name for part in parts for tensor in part.initializer}
    for part in parts:
        for node in part.node:
            if node.op_type not in _MAKERS:
                continue
            size = node.input[_MAKERS[node.op_type]]
            as_another = all(maker.op_type == "Shape" for maker in makers.get(size, ())) and size in makers
            if not as_another and not (_is_bounded(shapes.get(node.output[0])) and _is_size(size, makers, constants)):
                raise ModelRefused(
                    f"the ONNX model's {node.op_type} makes {node.output[0]!r}, whose size has no bound that can be "
                    "seen: sizes have to come from constants, and from the number of records."
                )


def _is_bounded(kind: Any) -> bool:
    """Whether a tensor has a known size, but for one dimension: that of the records."""
    return (
        kind is not None
        and kind.HasField("shape")
        and sum(not size.HasField("dim_value") for size in kind.shape.dim) <= 1
    )


def _is_size(name: str, makers: dict[str, list[Any]], constants: set[str]) -> bool:
    """Whether a value is made of constants and of sizes of tensors only."""
    waiting, seen = [name], {name}
    while waiting:
        found = waiting.pop()
        if found not in makers and found not in constants:
            return False
        for node in makers.get(found, ()):
            if node.op_type not in _SIZES:
                return False
            fresh = set(filter(None, node.input)) - seen if node.op_type not in {"Shape", "Size"} else set()
            seen |= fresh
            waiting.extend(fresh)
    return True


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
    _check_makers(inferred.graph)
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
