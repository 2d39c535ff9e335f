"""The part of a TensorFlow graph that is needed for something, checked, and cut off from everything else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelserving.errors import ModelFormatError, ModelRefused
from modelserving.models.formats.tensorflow.engine import load_tensorflow
from modelserving.models.formats.tensorflow.graph_guard import (
    COMPUTING,
    RESTORING,
    check_constants,
    check_count,
    check_makers,
    check_operations,
)

MAX_DEPTH = 100
"""Functions that call one another in a row. TensorFlow writes calls out; thousands in a row overrun its stack."""

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
    every = [*kept, *(node for function in functions for node in function.node_def)]
    check_operations(every, COMPUTING | RESTORING)
    check_constants(every)
    for body in (kept, *(function.node_def for function in functions)):
        check_makers({node.name: node for node in body})
    _check_file_names(kept, functions, source(file_name))
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


@dataclass(frozen=True, slots=True)
class _Extent:
    """What some nodes become when each call in them is replaced by the function.

    Args:
        count: of nodes. A function counts as one more, so that one without nodes is not free to call.
        depth: how many functions call one another in a row.
    """

    count: int
    depth: int


def _needed_functions(library: Iterable[Any], nodes: Iterable[Any]) -> list[Any]:
    """The functions that some nodes call, and those that these call.

    Raises:
        ModelFormatError: one of them is missing.
        ModelRefused: one calls itself, or they call one another too deep, or too often.
    """
    known = {function.signature.name: function for function in library}
    extents: dict[str, _Extent] = {}
    check_count(_measure(nodes, known, extents, ()).count, "the graph, with all functions that it calls,")
    return [known[name] for name in extents]


def _measure(
    nodes: Iterable[Any], known: Mapping[str, Any], extents: dict[str, _Extent], callers: tuple[str, ...]
) -> _Extent:
    """The extent of the body of the last of ``callers``; ``extents`` learns those of all functions that it reaches."""
    count = depth = 0
    for node in nodes:
        count += 1
        for name in _called(node):
            if name not in extents:
                extents[name] = _measure_function(name, known, extents, callers)
            count += extents[name].count
            depth = max(depth, extents[name].depth)
    return _Extent(count, depth)


def _measure_function(
    name: str, known: Mapping[str, Any], extents: dict[str, _Extent], callers: tuple[str, ...]
) -> _Extent:
    if name in callers:
        raise ModelRefused(f"function {name!r} of the graph calls itself{_way(callers, name)}: it would never end.")
    if name not in known:
        raise ModelFormatError(f"the graph lacks function {name!r}, which is needed. Was the model cut short?")
    # Two limits: of the way that led here, so that this recursion ends, and of what was measured on other ways before.
    _check_depth(len(callers) + 1, name)
    body = _measure(known[name].node_def, known, extents, (*callers, name))
    _check_depth(body.depth + 1, name)
    check_count(body.count, f"function {name!r} of the graph, with all that it calls,")
    return _Extent(body.count + 1, body.depth + 1)


def _way(callers: tuple[str, ...], name: str) -> str:
    """Which other functions lie between a function and its call of itself."""
    between = callers[callers.index(name) + 1 :]
    return f" through {', '.join(map(repr, between[:3]))}{' and others' if between[3:] else ''}" if between else ""


def _check_depth(depth: int, name: str) -> None:
    if depth > MAX_DEPTH:
        raise ModelRefused(
            f"the graph's functions call one another in a row of {depth:,} and more (at {name!r}); "
            f"at most {MAX_DEPTH} are allowed."
        )


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


@dataclass(frozen=True, slots=True)
class _Body:
    """Nodes in which names mean the same.

    Args:
        name: of the function that they are of; empty for the graph itself.
        nodes: by their names.
        arguments: of the function.
    """

    name: str
    nodes: Mapping[str, Any]
    arguments: tuple[str, ...] = ()

    def origin(self, node: Any, index: int) -> str:
        """The reference behind an input of a node, beyond nodes that hand it on as it is; empty if there is none."""
        for _ in range(len(self.nodes) + 1):  # no more often, lest two nodes hand on each other's
            reference = next(iter(node.input[index : index + 1]), "")
            if self.name and ":" not in reference:
                return reference  # an argument, whatever node has its name
            node, index = self.nodes.get(source(reference)), 0
            if node is None or node.op != "Identity" or reference.startswith("^"):
                return reference
        return ""


def _check_file_names(kept: Iterable[Any], functions: Iterable[Any], file_name: str) -> None:
    """Refuse a graph that says by itself which file to read.

    Variables are restored from a file, so that the one operation which reads files must be allowed. The file's name
    has to come from outside of the graph: from the node ``file_name``, which is fed, through calls perhaps. A text that
    was made in the graph, or read from a file, does not do.

    Raises:
        ModelRefused: a name comes from elsewhere.
    """
    root = _Body("", {node.name: node for node in kept})
    bodies = [root, *map(_body, functions)]
    calls = _calls(bodies)
    waiting = [(body, node, 0) for body in bodies for node in body.nodes.values() if node.op == "RestoreV2"]
    seen: set[tuple[str, int]] = set()
    while waiting:
        body, node, index = waiting.pop()
        origin = body.origin(node, index)
        if body is root and file_name and origin in {file_name, f"{file_name}:0"}:
            continue
        if origin not in body.arguments:
            where = f"function {body.name!r}" if body.name else "the graph"
            raise ModelRefused(
                f"{where} gives {origin!r} to {node.op} {node.name!r}, where it could name a file to read. Only the "
                "model's own variables are read; the name of their file comes from outside of the graph."
            )
        argument = body.name, body.arguments.index(origin)
        if argument not in seen:  # every call of the function has to give it the file's name
            seen.add(argument)
            waiting.extend((caller, call, argument[1]) for caller, call in calls[body.name])


def _calls(bodies: Iterable[_Body]) -> dict[str, list[tuple[_Body, Any]]]:
    """By a function's name, the nodes that call it, each with where it is."""
    calls: dict[str, list[tuple[_Body, Any]]] = {}
    for body in bodies:
        for node in body.nodes.values():
            for name in _called(node):
                calls.setdefault(name, []).append((body, node))
    return calls


def _body(function: Any) -> _Body:
    nodes = {node.name: node for node in function.node_def}
    if len(nodes) < len(function.node_def):
        raise ModelFormatError(f"function {function.signature.name!r} of the graph has two nodes of one name.")
    arguments = function.signature.input_arg
    # One that stands for several tensors would shift the indices of those after it; no exporter writes such.
    single = not any(argument.number_attr or argument.type_list_attr for argument in arguments)
    return _Body(
        function.signature.name,
        nodes,
        tuple(argument.name for argument in arguments) if single else (),
    )
