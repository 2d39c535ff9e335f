"""TensorFlow frozen graphs: a ``GraphDef`` whose variables became constants."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from google.protobuf.message import DecodeError

from modelserving.errors import ModelFormatError, ModelRefused
from modelserving.models.formats.tensorflow.engine import load_tensorflow, make_session, say
from modelserving.models.formats.tensorflow.graph_guard import (
    COMPUTING,
    check_constants,
    check_makers,
    check_nodes,
    check_operations,
    check_shapes,
)
from modelserving.models.formats.tensorflow.graph_model import GraphModel
from modelserving.models.formats.tensorflow.graph_slice import needed_nodes, source
from modelserving.models.model import NO_PARAMETERS, OUTPUT, OUTPUTS
from modelserving.records import ModelDescriptor

MAX_BYTES = 64_000_000
_NO_ANSWER = frozenset({"Const", "NoOp", "Placeholder", "PlaceholderWithDefault"})


class FrozenGraphFactory:
    """Makes models of frozen graphs.

    Which node is the input and which the answer is read off the graph: the placeholder that the answer needs, and the
    node that nothing else needs. The descriptor's parameters ``inputs`` and ``output`` settle what is not clear.
    """

    suffixes = (".pb",)

    def begins(self, head: bytes) -> bool:  # noqa: ARG002
        """Never sure: a graph has no mark of its own."""
        return False

    def create(self, descriptor: ModelDescriptor) -> GraphModel:
        """Build a model of the bytes that the descriptor carries; errors as ``load_graph``."""
        return load_graph(descriptor.data, descriptor.parameters)

    def restore(self, data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> GraphModel:
        """Build a model of a ``GraphDef``; errors as ``load_graph``."""
        return load_graph(data, parameters)

    def preload(self) -> None:
        """Import TensorFlow."""
        load_tensorflow()


def load_graph(data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> GraphModel:
    """Build a model of a frozen graph.

    Args:
        data: a serialised ``GraphDef``.
        parameters: ``inputs`` names the fields of its columns, ``output`` the node that answers; both may be absent.

    Raises:
        ModelFormatError: no graph, one that is not frozen, or one whose answer is not clear.
        ModelInputError: it wants an input that the records do not have.
        ModelRefused: it is hostile or too large.
    """
    graph_def = _parse(data)
    check_nodes(graph_def.node)
    named = [name for key in (OUTPUT, OUTPUTS) for name in _names(parameters, key) if name != "*"]
    if _names(parameters, OUTPUT) and "*" not in _names(parameters, OUTPUTS):
        graph_def = _cut(graph_def, named)  # what the named answers do not need is not looked at
    check_operations(graph_def.node, COMPUTING)
    check_constants(graph_def.node)
    check_makers({node.name: node for node in graph_def.node})
    graph_def.ClearField("library")  # none of the allowed operations calls a function, so that nothing needs these
    return _build(data, graph_def, parameters)


def _parse(data: bytes) -> Any:
    if not data:
        raise ModelFormatError("the model is empty: 0 bytes. A TensorFlow graph was expected.")
    if len(data) > MAX_BYTES:
        raise ModelRefused(f"the graph has {len(data):,} bytes; at most {MAX_BYTES:,} are read.")
    try:
        graph_def = load_tensorflow().compat.v1.GraphDef.FromString(data)
    except DecodeError as error:
        raise ModelFormatError(
            f"{len(data):,} bytes that are no TensorFlow graph: {error}. Was the model cut short?"
        ) from error
    if not graph_def.node:
        raise ModelFormatError(f"{len(data):,} bytes that hold no TensorFlow graph: it has no nodes.")
    return graph_def


def _names(parameters: Mapping[str, str], key: str) -> list[str]:
    return [name.strip() for name in parameters.get(key, "").split(",") if name.strip()]


def _cut(graph_def: Any, named: list[str]) -> Any:
    """The part of a graph that some nodes need."""
    nodes = {node.name: node for node in graph_def.node}
    _check_named(nodes, named)
    return type(graph_def)(node=needed_nodes(nodes, named), versions=graph_def.versions)


def _check_named(nodes: Mapping[str, Any], named: list[str]) -> None:
    unknown = [name for name in named if source(name) not in nodes]
    if unknown:
        raise ModelFormatError(
            f"the graph has no node {unknown[0]!r}, which the parameter {OUTPUT!r} or {OUTPUTS!r} names."
        )


def _build(data: bytes, graph_def: Any, parameters: Mapping[str, str]) -> GraphModel:
    tf = load_tensorflow()
    nodes = {node.name: node for node in graph_def.node}
    answer = _find_answer(nodes, parameters.get(OUTPUT, ""))
    others = _find_others(nodes, answer, _names(parameters, OUTPUTS))
    inputs = [node.name for node in needed_nodes(nodes, [answer, *others]) if node.op == "Placeholder"]
    if not inputs:
        raise ModelFormatError(f"the graph's answer {answer!r} depends on no input.")
    with tf.Graph().as_default() as graph:
        try:
            tf.import_graph_def(graph_def, name="")
        except (ValueError, TypeError, tf.errors.OpError) as error:
            raise ModelFormatError(f"TensorFlow cannot read the graph: {say(error)}") from error
        check_shapes(graph)
        tensors = {name: graph.get_tensor_by_name(f"{name}:0") for name in inputs}
        outputs = {name: graph.get_tensor_by_name(f"{source(name)}:0") for name in others}
        answers = graph.get_tensor_by_name(f"{answer}:0")
        return GraphModel(data, make_session(graph), tensors, parameters, answers, outputs)


def _find_others(nodes: Mapping[str, Any], answer: str, named: list[str]) -> list[str]:
    """Nodes to give beside the answer: those named, or all that nothing else needs."""
    if "*" in named:
        return [name for name in _ends(nodes) if name != answer]
    _check_named(nodes, named)
    return named


def _find_answer(nodes: Mapping[str, Any], named: str) -> str:
    """The name of the node that nothing else needs, and that needs an input."""
    if named:
        if source(named) not in nodes:
            raise ModelFormatError(f"the graph has no node {named!r}, which the parameter {OUTPUT!r} names.")
        return source(named)
    answers = _ends(nodes)
    if not answers:
        raise ModelFormatError("the graph has no answer: no node that depends on an input and that nothing else needs.")
    if len(answers) > 1:
        raise ModelFormatError(
            f"the graph has {len(answers)} answers: {', '.join(answers[:8])}. Name one in the parameter {OUTPUT!r}."
        )
    return answers[0]


def _ends(nodes: Mapping[str, Any]) -> list[str]:
    """Names of the nodes that nothing else needs, and that need an input."""
    users: dict[str, list[str]] = {name: [] for name in nodes}
    for name, node in nodes.items():
        for needed in map(source, node.input):
            users.setdefault(needed, []).append(name)
    ends = (name for name in _fed(nodes, users) if not users[name] and nodes[name].op not in _NO_ANSWER)
    return sorted(ends)


def _fed(nodes: Mapping[str, Any], users: Mapping[str, list[str]]) -> set[str]:
    """Names of the nodes that an input reaches."""
    waiting = [name for name, node in nodes.items() if node.op == "Placeholder"]
    found = set(waiting)
    while waiting:
        fresh = set(users[waiting.pop()]) - found
        found |= fresh
        waiting.extend(fresh)
    return found
