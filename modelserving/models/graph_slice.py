"""The part of a TensorFlow graph that is needed for something, checked, and cut off from everything else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from modelserving.errors import ModelFormatError, ModelRefused
from modelserving.models.engine import load_tensorflow
from modelserving.models.graph_guard import COMPUTING, RESTORING, check_constants, check_nodes, check_operations

__all__ = ["needed_nodes", "slice_graph", "source"]

_STRING = 7  # DT_STRING


def slice_graph(graph_def: Any, wanted: Sequence[str], file_name: str) -> Any:
    """What some nodes need of a SavedModel's graph, with the functions that they call.

    Args:
        graph_def: the whole graph.
        wanted: names of nodes or tensors.
        file_name: the tensor through which the restoring operation learns which file to read; empty if there is none.

    Returns:
        A ``GraphDef``, in which that tensor has no default.

    Raises:
        ModelFormatError: a node or a function is missing.
        ModelRefused: the part is hostile or too large.
    """
    tf = load_tensorflow()
    nodes = {node.name: node for node in graph_def.node}
    if file_name:
        nodes[source(file_name)] = _placeholder(source(file_name))
    kept = needed_nodes(nodes, wanted)
    functions = _needed_functions(graph_def.library.function, kept)
    parts = [kept, *(list(function.node_def) for function in functions)]
    every = [node for part in parts for node in part]
    check_nodes(every)
    check_operations(every, COMPUTING | RESTORING)
    check_constants(every)
    for part in parts:
        _check_file_names(part)
    cut = tf.compat.v1.GraphDef(node=kept, versions=graph_def.versions)
    cut.library.function.extend(functions)
    for node in (*cut.node, *(node for function in cut.library.function for node in function.node_def)):
        node.ClearField("device")  # of the machine that trained it
        node.attr.pop("_class", None)
    return cut


def needed_nodes(nodes: Mapping[str, Any], wanted: Iterable[str]) -> list[Any]:
    """The ``wanted`` nodes and all that they depend on.

    Raises:
        ModelFormatError: one of them is not in the graph.
    """
    waiting = sorted({source(name) for name in wanted})
    kept: dict[str, Any] = dict.fromkeys(waiting)
    while waiting:
        name = waiting.pop()
        if name not in nodes:
            raise ModelFormatError(f"the graph lacks node {name!r}, which is needed. Was the model cut short?")
        kept[name] = nodes[name]
        fresh = [other for other in dict.fromkeys(map(source, nodes[name].input)) if other not in kept]
        kept.update(dict.fromkeys(fresh))
        waiting.extend(fresh)
    return list(kept.values())


def source(reference: str) -> str:
    """The node behind a reference: ``scores`` of ``scores``, ``scores:1`` and ``^scores``."""
    name: str = reference.removeprefix("^").partition(":")[0]
    return name


def _needed_functions(library: Iterable[Any], nodes: Iterable[Any]) -> list[Any]:
    """The functions that some nodes call, and those that these call."""
    known = {function.signature.name: function for function in library}
    found: dict[str, Any] = {}
    waiting = [name for node in nodes for name in _called(node)]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        if name not in known:
            raise ModelFormatError(f"the graph lacks function {name!r}, which is needed. Was the model cut short?")
        found[name] = known[name]
        waiting.extend(called for node in known[name].node_def for called in _called(node))
    return list(found.values())


def _called(node: Any) -> list[str]:
    values = node.attr.values()
    single = [value.func.name for value in values if value.HasField("func")]
    return single + [function.name for value in values for function in value.list.func]


def _placeholder(name: str) -> Any:
    """A node that must be fed: what it had for a default is gone."""
    tf = load_tensorflow()
    node = tf.compat.v1.NodeDef(name=name, op="Placeholder")
    node.attr["dtype"].type = _STRING
    node.attr["shape"].shape.SetInParent()
    return node


def _check_file_names(nodes: Iterable[Any]) -> None:
    """Refuse a graph that names a file by itself.

    Variables are restored from a file, so that one operation which reads files must be allowed. The file's name comes
    from outside of the graph; texts in it may only say which variables (the operation's other two inputs).

    Raises:
        ModelRefused: a text goes elsewhere.
    """
    nodes = list(nodes)
    texts = {node.name for node in nodes if node.op == "Const" and node.attr["dtype"].type == _STRING}
    for node in nodes:
        harmless = node.input[1:3] if node.op == "RestoreV2" else ()
        stray = texts.intersection(map(source, node.input)) - set(map(source, harmless))
        if stray:
            raise ModelRefused(
                f"the graph gives the text {min(stray)!r} to {node.op}, where it could name a file to read."
            )
