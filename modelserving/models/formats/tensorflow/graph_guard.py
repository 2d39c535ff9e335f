"""What a TensorFlow graph may contain.

A graph is a program: it can read and write files, run Python, loop for ever, or claim gigabytes with a constant of
ninety bytes. So it is read as data first, and only operations of the list below, which compute and do nothing else, get
through. What remains possible is to compute for long, or much: whoever may publish models must be trusted that far.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from modelserving.errors import ModelRefused

MAX_NODES = 20_000
_MAX_RANK = 16
MAX_ELEMENTS = 16_000_000
"""Numbers in all constants, or variables, of a model: 64 MB of float32. A model of tables has a few thousand."""

_STRUCTURE = "Const Placeholder PlaceholderWithDefault Identity IdentityN NoOp StopGradient EnsureShape Switch Merge"
_ARITHMETIC = """
    Abs Add AddN AddV2 BiasAdd BiasAddV1 Cast Ceil ClipByValue Div DivNoNan Erf Erfc Exp Expm1 Floor FloorDiv FloorMod
    Inv Log Log1p Max Maximum Mean Min Minimum Mod Mul MulNoNan Neg Pow Prod RealDiv Reciprocal Rint Round Rsqrt Sign
    Sqrt Square SquaredDifference Sub Sum
"""
_LAYERS = """
    AvgPool BatchMatMul BatchMatMulV2 BatchMatMulV3 Bucketize Conv2D Einsum Elu FusedBatchNorm FusedBatchNormV2
    FusedBatchNormV3 LeakyRelu LogSoftmax MatMul MaxPool Relu Relu6 Selu Sigmoid Softmax Softplus Softsign Tanh
    _FusedMatMul
"""
_DECISIONS = """
    All Any ArgMax ArgMin Equal Greater GreaterEqual IsFinite IsInf IsNan Less LessEqual LogicalAnd LogicalNot LogicalOr
    NotEqual Select SelectV2
"""
_SHAPES = """
    Concat ConcatV2 ExpandDims Gather GatherV2 Pack Rank Reshape Shape Size Slice Split SplitV Squeeze StridedSlice
    Transpose Unpack
"""
_MAKERS = {"Fill": 0, "OneHot": 1}
"""Operations that make much of little, with the index of the input that says how much."""
_SIZES = frozenset(
    {"Cast", "ConcatV2", "Const", "ExpandDims", "GatherV2", "Identity", "Pack", "Shape", "Squeeze", "StridedSlice"}
)
"""Operations through which a size may go from a tensor, or a constant, to one of those."""
COMPUTING = frozenset(f"{_STRUCTURE} {_ARITHMETIC} {_LAYERS} {_DECISIONS} {_SHAPES} {' '.join(_MAKERS)}".split())
"""Operations that compute. None makes much of little without a bound (as Tile and Range do), and none loops."""
_VARIABLES = """
    Assign AssignVariableOp DisableCopyOnRead PartitionedCall ReadVariableOp RestoreV2 StatefulPartitionedCall
    VarHandleOp VarIsInitializedOp Variable VariableV2
"""
_TABLES = "HashTableV2 InitializeTableV2 LookupTableFindV2 LookupTableImportV2 LookupTableSizeV2"
RESTORING = frozenset(f"{_VARIABLES} {_TABLES}".split())
"""Operations that a SavedModel needs beside those, to hold its variables and tables and to fill them: tables from
constants in the graph, never from a file."""


def check_nodes(nodes: Iterable[Any]) -> None:
    """Refuse a graph with too many nodes.

    Args:
        nodes: ``NodeDef`` messages.

    Raises:
        ModelRefused: there are more than ``MAX_NODES``.
    """
    check_count(sum(1 for _ in nodes), "the graph")


def check_count(count: int, part: str) -> None:
    """Refuse too many nodes.

    Args:
        count: how many there are.
        part: what they are the nodes of, for the message.

    Raises:
        ModelRefused: there are more than ``MAX_NODES``.
    """
    if count > MAX_NODES:
        raise ModelRefused(f"{part} has {count:,} operations; at most {MAX_NODES:,} are allowed.")


def check_operations(nodes: Iterable[Any], allowed: frozenset[str]) -> None:
    """Refuse operations that are not on the list.

    Raises:
        ModelRefused: there is one; all of them are named.
    """
    refused = sorted({node.op for node in nodes} - allowed)
    if refused:
        raise ModelRefused(
            f"the graph uses {', '.join(refused[:8])}: only operations that compute are allowed, none that can read or "
            f"write files, run code, loop, or ask for memory without bound.{_hint(refused)}"
        )


def _hint(refused: list[str]) -> str:
    loops = any(name.startswith(("While", "StatelessWhile", "TensorList")) for name in refused)
    return " A recurrent layer of Keras does without a loop if it is made with `unroll=True`." if loops else ""


def check_makers(nodes: Mapping[str, Any]) -> None:
    """Refuse what makes a tensor of a size that has no bound.

    Args:
        nodes: of the graph, or of one function, by name.

    Raises:
        ModelRefused: a size comes from a record's values, from more than one size of a tensor, or is huge.
    """
    for node in nodes.values():
        if node.op in _MAKERS and not _is_bounded(node.input[_MAKERS[node.op]], nodes):
            raise ModelRefused(
                f"{node.op} {node.name!r} of the graph makes a tensor whose size has no bound that can be seen: sizes "
                "have to come from constants, and from the number of records."
            )


def _is_bounded(reference: str, nodes: Mapping[str, Any]) -> bool:
    """Whether a size is made of constants, none of them huge, and of no more than one size of a tensor."""
    waiting, seen, shapes, product = [_node_of(reference)], set[str](), 0, 1
    while waiting:
        node = nodes.get(waiting.pop())
        if node is None or node.op not in _SIZES:
            return False
        if node.name in seen:
            continue
        seen.add(node.name)
        shapes += node.op == "Shape"
        if node.op == "Const":
            product *= _largest(node.attr["value"].tensor)
        elif node.op in {"StridedSlice", "GatherV2"}:  # the others of its inputs say which, not how much
            waiting.append(_node_of(node.input[0]))
        elif node.op != "Shape":
            waiting.extend(_node_of(name) for name in node.input if not name.startswith("^"))
    return shapes <= 1 and product <= MAX_ELEMENTS


def _largest(tensor: Any) -> int:
    """What a constant may at most stand for as a size: the product of its numbers."""
    from tensorflow import make_ndarray

    if math.prod(dimension.size for dimension in tensor.tensor_shape.dim) > _MAX_RANK:
        return MAX_ELEMENTS + 1
    return math.prod(max(1, int(number)) for number in make_ndarray(tensor).reshape(-1).tolist())


def _node_of(reference: str) -> str:
    return reference.removeprefix("^").partition(":")[0]


def check_constants(nodes: Iterable[Any]) -> None:
    """Refuse constants that claim more memory than a model may have.

    A constant states its shape, and may give one value to be repeated: its size on the wire says nothing.

    Raises:
        ModelRefused: together they have more than ``MAX_ELEMENTS`` elements, or one has a shape that is none.
    """
    total = 0
    for node, tensor in _tensors(nodes):
        dimensions = [dimension.size for dimension in tensor.tensor_shape.dim]
        if tensor.tensor_shape.unknown_rank or any(size < 0 for size in dimensions):
            raise ModelRefused(f"constant {node.name!r} of the graph has no definite shape.")
        total += math.prod(dimensions)
        if total > MAX_ELEMENTS:
            raise ModelRefused(
                f"the graph's constants claim {total:,} numbers and more (at {node.name!r}, shape {dimensions}); "
                f"at most {MAX_ELEMENTS:,} are allowed."
            )


def check_shapes(graph: Any) -> None:
    """Refuse a graph that says itself that it makes huge tensors of small ones.

    Args:
        graph: of TensorFlow.

    Raises:
        ModelRefused: a tensor has more than ``MAX_ELEMENTS`` elements, those of one record counted.
    """
    for operation in graph.get_operations():
        for tensor in operation.outputs:
            dimensions = tensor.shape.as_list() if tensor.shape.rank is not None else []
            if math.prod(size or 1 for size in dimensions) > MAX_ELEMENTS:
                raise ModelRefused(
                    f"{operation.name!r} of the graph makes a tensor of shape {dimensions}; at most {MAX_ELEMENTS:,} "
                    "numbers are allowed."
                )


def _tensors(nodes: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    """Each tensor that some attribute of some node holds, with its node."""
    for node in nodes:
        for value in node.attr.values():
            if value.HasField("tensor"):
                yield node, value.tensor
            for tensor in value.list.tensor:
                yield node, tensor
