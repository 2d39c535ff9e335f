"""What an answer needs of an ONNX graph; the rest is cut off, and no guard has to look at it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any


def prune(model: Any, outputs: Sequence[Any]) -> None:
    """Cut off, in place, what some outputs do not need: other outputs, operators, constants, and declared domains.

    scikit-learn's converter, for one, writes probabilities for everybody behind ``ZipMap``, which the engine refuses in
    double precision, so that a model whose label is fine would not load.

    Args:
        model: a ``ModelProto``; its inputs stay, also those that nothing reads any more.
        outputs: of its graph, at least one.
    """
    graph = model.graph
    outputs = [_copy(output) for output in outputs]
    needed = _needed_names(graph, [output.name for output in outputs])
    _keep(graph.node, [node for node in graph.node if needed.intersection(node.output)])
    _keep(graph.initializer, [tensor for tensor in graph.initializer if tensor.name in needed])
    _keep(graph.sparse_initializer, [item for item in graph.sparse_initializer if item.values.name in needed])
    _keep(graph.value_info, [value for value in graph.value_info if value.name in needed])
    _keep(graph.output, outputs)
    domains = {_plain(domain) for domain in _domains(graph)}
    _keep(model.opset_import, [entry for entry in model.opset_import if _plain(entry.domain) in domains])


def names_read(node: Any) -> Iterator[str]:
    """What a node reads, the graphs in it included; these may read whatever the graph around them knows."""
    yield from node.input
    for graph in _inner_graphs(node):
        yield from (output.name for output in graph.output)
        for inner in graph.node:
            yield from names_read(inner)


def _needed_names(graph: Any, wanted: Sequence[str]) -> set[str]:
    makers: dict[str, list[Any]] = {}
    for node in graph.node:
        for name in filter(None, node.output):
            makers.setdefault(name, []).append(node)
    needed, waiting = set(wanted), list(wanted)
    while waiting:
        for node in makers.pop(waiting.pop(), ()):
            fresh = set(filter(None, names_read(node))) - needed
            needed |= fresh
            waiting.extend(fresh)
    return needed


def _domains(graph: Any) -> Iterator[str]:
    yield ""  # every model declares it, whatever it uses
    for node in graph.node:
        yield node.domain
        for inner in _inner_graphs(node):
            yield from _domains(inner)


def _inner_graphs(node: Any) -> Iterator[Any]:
    for attribute in node.attribute:
        yield from attribute.graphs
        if attribute.HasField("g"):
            yield attribute.g


def _plain(domain: str) -> str:
    return "" if domain == "ai.onnx" else domain


def _copy(message: Any) -> Any:
    twin = type(message)()
    twin.CopyFrom(message)
    return twin


def _keep(field: Any, kept: list[Any]) -> None:
    """Make a repeated field hold just these messages."""
    copies = [_copy(message) for message in kept] if len(kept) < len(field) else None
    if copies is not None:
        del field[:]
        field.extend(copies)
