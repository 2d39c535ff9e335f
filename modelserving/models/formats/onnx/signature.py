"""What an ONNX graph takes and gives: inputs with types, how it treats what is missing, classes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from modelserving.errors import ModelFormatError
from modelserving.models.formats.feeds import Feed, deal_columns
from modelserving.models.formats.onnx.prune import names_read

_KINDS: Mapping[int, Any] = {1: np.float32, 11: np.float64, 6: np.int32, 7: np.int64, 8: object, 9: np.bool_}
"""Types of ONNX that columns of records have, and numpy's."""
_FLOAT16 = 10
_OPSET = 8
"""Of ONNX's own operators, where a model uses none: what the oldest files (IR 3) may say."""
_CARRIERS = frozenset({"Add", "ArrayFeatureExtractor", "Cast", "Concat", "Div", "FeatureVectorizer", "Flatten"}) | {
    *("Gather", "Identity", "Mul", "Reshape", "Scaler", "Slice", "Split", "Squeeze", "Sub", "Transpose", "Unsqueeze")
}
"""Operators from which NaN comes out as NaN, and a text as itself."""
_MISSING_TEXTS = ("", "nan", "None", "NaN", "NA", "missing")
"""How exporters write a missing text as a category of its own."""


def bind_inputs(graph: Any, parameters: Mapping[str, str]) -> tuple[Feed, ...]:
    """Find which columns of records go where, and what becomes of those that are missing.

    Args:
        graph: checked, and cut down to what its answers need.
        parameters: of the descriptor.

    Raises:
        ModelFormatError: an input that no records fit into.
        ModelInputError: it is not clear which fields its columns are.
    """
    constants = {tensor.name for tensor in graph.initializer}
    inputs = {item.name: item for item in graph.input if item.name not in constants}
    if not inputs:
        raise ModelFormatError("the ONNX model has no input.")
    shapes = {name: _read_shape(item) for name, item in inputs.items()}
    widths = {name: shape[1] if len(shape) == 2 else 1 if shape else None for name, shape in shapes.items()}
    fields = deal_columns(widths, parameters)
    readers = _find_readers(graph)
    return tuple(
        Feed(
            name,
            fields[name],
            np.dtype(_KINDS[item.type.tensor_type.elem_type]),
            len(shapes[name]) == 1,
            _takes_missing(name, readers),
            _find_sentinel(name, readers),
        )
        for name, item in inputs.items()
    )


def _read_shape(item: Any) -> list[int | None]:
    tensor = item.type.tensor_type
    if not item.type.HasField("tensor_type") or tensor.elem_type not in _KINDS:
        half = tensor.elem_type == _FLOAT16
        hint = " It takes float16: export it in single or double precision." if half else ""
        raise ModelFormatError(
            f"the ONNX model's input {item.name!r} is no tensor of float, double, int32, int64, bool or string, which "
            f"is what columns of records are.{hint}"
        )
    sizes = [size.dim_value if size.HasField("dim_value") else None for size in tensor.shape.dim]
    if len(sizes) > 2 or (sizes and sizes[0] is not None):
        raise ModelFormatError(
            f"the ONNX model's input {item.name!r} has shape {sizes}; any number of records in one or two dimensions "
            "was expected. Export it with a free first dimension."
        )
    return sizes


def open_maps(model: Any) -> None:
    """Make a tensor of each output that is a list of maps from class to probability (``ZipMap``)."""
    graph = model.graph
    for output in graph.output:
        for node in graph.node:
            if node.op_type == "ZipMap" and output.name in node.output:
                node.op_type, node.domain = "Identity", ""
                del node.attribute[:]
                output.type.tensor_type.elem_type = _element_type(graph, node.input[0])
                if not any(entry.domain in {"", "ai.onnx"} for entry in model.opset_import):
                    # CatBoost names the operators of ai.onnx.ml alone. Identity is the same in all versions.
                    model.opset_import.add(domain="", version=_OPSET)


def _element_type(graph: Any, name: str) -> int:
    """Of a tensor, as far as the graph says it; most probabilities are single precision, and so declared."""
    known = {item.name: item.type.tensor_type.elem_type for item in (*graph.value_info, *graph.output)}
    return int(known.get(name) or 1)


def find_classes(graph: Any, output: str) -> tuple[str, ...]:
    """The classes that the columns of an output are probabilities of; empty if the graph does not say."""
    makers = {name: node for node in graph.node for name in node.output}
    picked = _picked_classes(graph, makers)
    waiting, seen = [output], {output}
    while waiting:
        name = waiting.pop()
        if name in picked:  # an ensemble's own; those of the models in it are mere numbers
            return picked[name]
        node = makers.get(name)
        if node is None:
            continue
        if found := _class_labels(node):
            return found
        fresh = [name for name in node.input if name not in seen]
        seen.update(fresh)
        waiting.extend(fresh)
    return ()


def _picked_classes(graph: Any, makers: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """The lists that a label is picked from by the largest of some numbers, by the name of these numbers."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    found = {}
    for node in graph.node:
        if node.op_type == "ArrayFeatureExtractor" and node.input[0] in constants:
            largest = makers.get(node.input[1])
            if largest is not None and largest.op_type == "ArgMax":
                found[largest.input[0]] = tuple(map(_label, _read_constant(constants[node.input[0]]).reshape(-1)))
    return found


def _read_constant(tensor: Any) -> Any:
    from onnx.numpy_helper import to_array

    return to_array(tensor)


def _label(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _class_labels(node: Any) -> tuple[str, ...]:
    for attribute in node.attribute:
        if attribute.name.startswith("classlabels"):
            texts = [text.decode(errors="replace") for text in attribute.strings]
            return (*texts, *map(str, attribute.ints))
    return ()


def refuses_unseen(graph: Any) -> bool:
    """Whether the engine fails on a category that the model has not seen."""
    return any(node.op_type == "OneHotEncoder" and not _number(node, "zeros", 1) for node in graph.node)


def _find_readers(graph: Any) -> dict[str, list[Any]]:
    """By the name of a tensor, the nodes that read it; ``None`` for the caller, who reads the outputs."""
    readers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in set(names_read(node)):
            readers.setdefault(name, []).append(node)
    for output in graph.output:
        readers.setdefault(output.name, []).append(None)
    return readers


def _takes_missing(name: str, readers: Mapping[str, list[Any]]) -> bool:
    """Whether NaN in an input always ends where the model has a treatment of it."""
    ends = list(_ends(name, readers))
    return bool(ends) and all(node is not None and _treats_missing(node) for node in ends)


def _ends(name: str, readers: Mapping[str, list[Any]]) -> Iterator[Any]:
    """The first nodes on each way from an input that do more than hand its values on."""
    waiting, seen = [name], {name}
    while waiting:
        for node in readers.get(waiting.pop(), ()):
            if node is None or node.op_type not in _CARRIERS:
                yield node
                continue
            fresh = [output for output in node.output if output not in seen]
            seen.update(fresh)
            waiting.extend(fresh)


def _treats_missing(node: Any) -> bool:
    if node.op_type == "Imputer":
        return bool(np.isnan(_number(node, "replaced_value_float", 0.0)))
    if node.op_type in {"TreeEnsembleClassifier", "TreeEnsembleRegressor"}:
        tracks = next((list(a.ints) for a in node.attribute if a.name == "nodes_missing_value_tracks_true"), [])
        return any(tracks)
    return node.op_type in {"IsNaN"}


def _find_sentinel(name: str, readers: Mapping[str, list[Any]]) -> str | None:
    """The text that stands for a missing one: a category of all its encoders, or one that they all pass over."""
    ends = list(_ends(name, readers))
    if not ends or not all(node is not None and node.op_type == "OneHotEncoder" for node in ends):
        return None
    known = [{text.decode(errors="replace") for a in node.attribute for text in a.strings} for node in ends]
    shared = set.intersection(*known)
    for text in _MISSING_TEXTS:
        if text in shared:
            return text
    passes = all(_number(node, "zeros", 1) for node in ends)
    return "" if passes and not any(set(_MISSING_TEXTS) & texts for texts in known) else None


def _number(node: Any, name: str, default: float) -> float:
    for attribute in node.attribute:
        if attribute.name == name:
            return float(attribute.f if attribute.type == 1 else attribute.i)
    return default
