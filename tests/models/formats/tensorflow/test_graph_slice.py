"""The part of a graph that is needed: how far its functions may reach, and where the names of files come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from modelserving.errors import ModelFormatError, ModelRefused
from modelserving.models.formats.tensorflow import graph_guard
from modelserving.models.formats.tensorflow.engine import load_tensorflow
from modelserving.models.formats.tensorflow.graph_slice import MAX_DEPTH, slice_graph

FLOAT, TEXT = 1, 7


def put(nodes: Any, name: str, op: str, *inputs: str, calls: str = "") -> Any:
    """Add a node, which may call a function."""
    node = nodes.add(name=name, op=op, input=inputs)
    if calls:
        node.attr["f"].func.name = calls
    return node


def calling(functions: dict[str, list[str]]) -> Any:
    """A graph whose node ``answer`` calls ``f0``, with functions that call those beside them one after the other."""
    graph = load_tensorflow().compat.v1.GraphDef()
    put(graph.node, "x", "Placeholder")
    put(graph.node, "answer", "StatefulPartitionedCall", "x", calls="f0")
    for name, called in functions.items():
        function = graph.library.function.add()
        function.signature.name = name
        function.signature.input_arg.add(name="x", type=FLOAT)
        for index, other in enumerate(called):
            put(function.node_def, f"call{index}", "PartitionedCall", "x", calls=other)
    return graph


@pytest.mark.parametrize(
    ("functions", "way"),
    [
        ({"f0": ["f0"]}, "'f0' of the graph calls itself: "),
        ({"f0": ["f1"], "f1": ["f2"], "f2": ["f1"]}, "'f1' of the graph calls itself through 'f2': "),
        ({"f0": ["f1", "f2"], "f1": [], "f2": ["f1", "f0"]}, "'f0' of the graph calls itself through 'f2': "),
        (
            {f"f{n}": [f"f{(n + 1) % 6}"] for n in range(6)},
            "'f0' of the graph calls itself through 'f1', 'f2', 'f3' and others: ",
        ),
    ],
)
def test_a_function_that_calls_itself_is_refused(functions: dict[str, list[str]], way: str) -> None:
    """A call without end overruns TensorFlow's stack; the function and its way back to itself are named."""
    with pytest.raises(ModelRefused, match=way):
        slice_graph(calling(functions), ["answer"], "")


def test_a_function_that_calls_itself_unused_is_left_out() -> None:
    """What the answer does not reach is not loaded, whatever it calls."""
    cut = slice_graph(calling({"f0": ["f1"], "f1": [], "f2": ["f2"]}), ["answer"], "")
    assert sorted(function.signature.name for function in cut.library.function) == ["f0", "f1"]


@pytest.mark.parametrize("step", [1, -1])
def test_functions_in_a_row_are_counted(step: int) -> None:
    """Functions may call one another so deep and no deeper, also where the deeper ones were met before."""

    def cut(length: int) -> Any:
        names = [f"f{n}" for n in range(length)]
        graph = calling({name: names[index + 1 : index + 2] for index, name in enumerate(names)})
        calls = [f"call{n:03}" for n in range(length)]  # taken in the order of their names
        for call, name in zip(calls, names[::step], strict=True):
            put(graph.node, call, "PartitionedCall", "x", calls=name)
        return slice_graph(graph, calls, "")

    assert len(cut(MAX_DEPTH).library.function) == MAX_DEPTH
    with pytest.raises(ModelRefused, match=f"in a row of {MAX_DEPTH + 1}"):
        cut(MAX_DEPTH + 1)


def test_a_very_long_row_of_functions_is_refused() -> None:
    """Ten thousand functions in a row are refused like any that are too deep, without a stack that overruns."""
    functions = {f"f{n}": [f"f{n + 1}"] for n in range(10_000)}
    with pytest.raises(ModelRefused, match=f"in a row of {MAX_DEPTH + 1}"):
        slice_graph(calling({**functions, "f10000": []}), ["answer"], "")


def test_functions_that_double_at_each_step_are_refused() -> None:
    """Forty functions of two calls each become a million million operations; that is seen without writing them out."""
    functions = {f"f{n}": [f"f{n + 1}"] * 2 for n in range(40)}
    with pytest.raises(ModelRefused, match=r"function 'f\d+' of the graph, with all that it calls, has .* operations"):
        slice_graph(calling({**functions, "f40": []}), ["answer"], "")


def test_each_call_of_a_function_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A function counts as often as it is called, each time with all that it calls, and one for itself."""
    graph = calling({"f0": ["f1", "f1", "f1"], "f1": ["f2"], "f2": []})
    monkeypatch.setattr(graph_guard, "MAX_NODES", 2 + (1 + 3) + 3 * (1 + 1 + 1))
    assert len(slice_graph(graph, ["answer"], "").library.function) == 3
    monkeypatch.setattr(graph_guard, "MAX_NODES", graph_guard.MAX_NODES - 1)
    with pytest.raises(ModelRefused, match="the graph, with all functions that it calls, has 15 operations"):
        slice_graph(graph, ["answer"], "")


def test_a_function_that_is_missing_is_named() -> None:
    """A graph that calls a function which it lacks is told so."""
    with pytest.raises(ModelFormatError, match="lacks function 'f1'"):
        slice_graph(calling({"f0": ["f1"]}), ["answer"], "")


def restoring() -> Any:
    """A graph like an exporter's: ``restore`` hands ``file`` to a function, that to another, and that reads it."""
    graph = load_tensorflow().compat.v1.GraphDef()
    put(graph.node, "file", "Placeholder")
    put(graph.node, "other", "Placeholder")
    put(graph.node, "restore", "StatefulPartitionedCall", "other", "file", calls="outer")
    for name in ("outer", "inner"):
        function = graph.library.function.add()
        function.signature.name = name
        for argument in ("variable", "prefix"):
            function.signature.input_arg.add(name=argument, type=TEXT)
    outer, inner = graph.library.function
    put(outer.node_def, "same", "Identity", "prefix")
    put(outer.node_def, "call", "PartitionedCall", "variable", "same:output:0", calls="inner")
    put(inner.node_def, "names", "Const").attr["dtype"].type = TEXT
    put(inner.node_def, "read", "RestoreV2", "prefix", "names:output:0", "names:output:0")
    return graph


def test_the_name_of_the_file_may_pass_through_functions() -> None:
    """What exporters write is taken: the name is an argument of functions, and they may hand it on."""
    assert len(slice_graph(restoring(), ["restore"], "file:0").library.function) == 2


def in_the_graph(graph: Any) -> None:
    put(graph.node, "read", "RestoreV2", "other", "other", "other")
    graph.node[2].input.append("^read")


def by_mere_order(graph: Any) -> None:
    put(graph.node, "first", "Identity", "file")
    put(graph.node, "read", "RestoreV2", "^first", "other", "other")
    graph.node[2].input.append("^read")


def by_another_input(graph: Any) -> None:
    graph.node[2].input[1] = "other"


def by_a_second_call(graph: Any) -> None:
    put(graph.library.function[0].node_def, "second", "PartitionedCall", "prefix", "variable", calls="inner")


def by_a_call_without_inputs(graph: Any) -> None:
    put(graph.library.function[0].node_def, "second", "PartitionedCall", calls="inner")


def by_what_was_read(graph: Any) -> None:
    put(graph.library.function[1].node_def, "again", "RestoreV2", "read:tensors:0", "names:output:0", "names:output:0")


def by_a_choice(graph: Any) -> None:
    nodes = graph.library.function[1].node_def
    put(nodes, "either", "Merge", "prefix", "variable")
    nodes[1].input[0] = "either:output:0"


def by_nodes_in_a_ring(graph: Any) -> None:
    nodes = graph.library.function[1].node_def
    put(nodes, "one", "Identity", "two:output:0")
    put(nodes, "two", "Identity", "one:output:0")
    nodes[1].input[0] = "one:output:0"


def by_an_argument_with_the_name_of_a_node(graph: Any) -> None:
    nodes = graph.library.function[1].node_def
    put(nodes, "variable", "Identity", "prefix")
    nodes[1].input[0] = "variable"


def by_an_argument_of_many(graph: Any) -> None:
    graph.library.function[1].signature.input_arg[0].type_list_attr = "kinds"


@pytest.mark.parametrize(
    "edit",
    [
        in_the_graph,
        by_mere_order,
        by_another_input,
        by_a_second_call,
        by_a_call_without_inputs,
        by_what_was_read,
        by_a_choice,
        by_nodes_in_a_ring,
        by_an_argument_with_the_name_of_a_node,
        by_an_argument_of_many,
    ],
)
def test_the_name_of_the_file_comes_from_nowhere_else(edit: Callable[[Any], None]) -> None:
    """A file is read only when its name comes from the one node that is fed, whichever way the graph goes."""
    graph = restoring()
    edit(graph)
    with pytest.raises(ModelRefused, match="could name a file"):
        slice_graph(graph, ["restore"], "file:0")


def test_a_graph_without_a_file_reads_none() -> None:
    """A model without variables has no business with files."""
    with pytest.raises(ModelRefused, match="could name a file"):
        slice_graph(restoring(), ["restore"], "")


def test_two_nodes_of_one_name_are_told() -> None:
    """Where a name means two nodes, nothing can be said of where a text comes from."""
    graph = restoring()
    put(graph.library.function[1].node_def, "read", "Const")
    with pytest.raises(ModelFormatError, match="'inner' of the graph has two nodes of one name"):
        slice_graph(graph, ["restore"], "file:0")
