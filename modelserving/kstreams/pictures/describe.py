"""A topology as data, and as a picture: what ``Topology.describe()`` says, for programs and for notebooks.

::

    graph = describe(topology)
    graph.nodes["score"].stores        # ("statistics",)
    graph                              # in a notebook: the picture
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from modelserving.kstreams.pictures.drawing import Edge, NodeBox, draw
from modelserving.svg import scrolled


class NodeKind(StrEnum):
    """What a node does."""

    SOURCE = "source"
    PROCESSOR = "processor"
    SINK = "sink"


@dataclass(frozen=True, slots=True)
class Node:
    """One node of a topology.

    Args:
        name: of the node.
        kind: what it does.
        part: number of its sub-topology, which is a unit of parallel work; ``None`` for a global store's node, which
            is on every instance.
        topics: that a source reads, or a sink writes; a sink that decides by the record has none.
        stores: that a processor uses.
        after: names of the nodes that come next.
    """

    name: str
    kind: NodeKind
    part: int | None
    topics: tuple[str, ...] = ()
    stores: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, repr=False)
class TopologyGraph:
    """All nodes of a topology.

    Args:
        nodes: by name, each before those that come after it.
        text: what the engine says of it.
    """

    nodes: Mapping[str, Node]
    text: str

    @property
    def parts(self) -> tuple[tuple[Node, ...], ...]:
        """The nodes of each sub-topology; those of global stores come last, each pair by itself."""
        numbers = sorted({node.part for node in self.nodes.values() if node.part is not None})
        local = [tuple(node for node in self.nodes.values() if node.part == number) for number in numbers]
        alone = [
            (node, *(self.nodes[name] for name in node.after))
            for node in self.nodes.values()
            if node.part is None and node.kind is NodeKind.SOURCE
        ]
        return (*local, *alone)

    @property
    def alt(self) -> str:
        """The picture in one sentence."""
        return " ".join(self._sentences())

    def svg(self) -> str:
        """The picture, as a whole SVG document."""
        boxes: list[NodeBox] = []
        lines: list[Edge] = []
        row = 0
        for part in self.parts:
            row = _lay_out(part, row, boxes, lines)
        return draw(boxes, lines, self.alt)

    def _repr_html_(self) -> str:
        return scrolled(self.svg())

    def _repr_svg_(self) -> str:
        return self.svg()

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return self.alt

    def _sentences(self) -> Iterator[str]:
        for part in self.parts:
            read = _words(topic for node in part if node.kind is NodeKind.SOURCE for topic in node.topics)
            written = _words(topic for node in part if node.kind is NodeKind.SINK for topic in node.topics)
            where = "On every instance" if part[0].part is None else f"Sub-topology {part[0].part}"
            work = "; ".join(_clause(node) for node in part if node.kind is NodeKind.PROCESSOR)
            yield f"{where}: reads {read or 'nothing'}, {work or 'no processor'}, writes {written or 'nothing'}."


def describe(topology: Any) -> TopologyGraph:
    """What a topology consists of.

    Args:
        topology: a ``Topology``, built.
    """
    said = topology.describe()
    nodes: dict[str, Node] = {}
    for part in said.subtopologies():
        nodes |= {str(node.name()): _node(node, int(part.id())) for node in part.nodes()}
    for store in said.globalStores():
        nodes |= {str(node.name()): _node(node, None) for node in (store.source(), store.processor())}
    return TopologyGraph(MappingProxyType({name: nodes[name] for name in _in_order(nodes)}), str(said).rstrip())


def _node(java: Any, part: int | None) -> Node:
    name, after = str(java.name()), tuple(sorted(str(node.name()) for node in java.successors()))
    if hasattr(java, "topicSet"):
        pattern = java.topicPattern()
        topics = (str(pattern),) if pattern is not None else tuple(sorted(map(str, java.topicSet())))
        return Node(name, NodeKind.SOURCE, part, topics, (), after)
    if hasattr(java, "topic"):
        topic = java.topic()
        return Node(name, NodeKind.SINK, part, () if topic is None else (str(topic),), (), after)
    return Node(name, NodeKind.PROCESSOR, part, (), tuple(sorted(map(str, java.stores()))), after)


def _in_order(nodes: Mapping[str, Node]) -> list[str]:
    """Names, each before those that come after it."""
    done: list[str] = []

    def visit(name: str) -> None:
        if name not in done:
            for after in nodes[name].after:
                visit(after)
            done.append(name)

    for name in sorted(nodes, key=lambda name: (nodes[name].part is None, nodes[name].part or 0, name), reverse=True):
        visit(name)
    return done[::-1]


def _lay_out(part: tuple[Node, ...], row: int, boxes: list[NodeBox], lines: list[Edge]) -> int:
    """Put the boxes of a sub-topology below what is there; the first row that is free afterwards."""
    column = {node.name: 1 for node in part}
    for node in part:
        for after in node.after:
            column[after] = max(column[after], column[node.name] + 1)
    last = max((column[node.name] for node in part if node.kind is NodeKind.SINK), default=0)
    below: dict[int, int] = {}

    def add(name: str, title: str, kind: str, where: int) -> None:
        boxes.append(NodeBox(name, title, kind, where, row + below.get(where, 0)))
        below[where] = below.get(where, 0) + 1

    def beside_those_before(node: Node) -> tuple[int, float]:
        """Column, and the middle of the rows that lead here: so lines that have nothing in common do not cross."""
        rows = [box.row for box in boxes if box.name in before[node.name]]
        return column[node.name], sum(rows) / len(rows) if rows else row

    before = {node.name: {other.name for other in part if node.name in other.after} for node in part}
    waiting = list(part)
    while waiting:
        node = min(waiting, key=beside_those_before)
        waiting.remove(node)
        add(node.name, node.name, node.kind, column[node.name])
        for store in node.stores:
            if not any(box.name == f"store {store}" for box in boxes):
                add(f"store {store}", store, "store", column[node.name])
            lines.append(Edge(node.name, f"store {store}"))
        for topic in node.topics:
            add(f"{node.kind} {topic}", topic, "topic", 0 if node.kind is NodeKind.SOURCE else last + 1)
            ends = (f"source {topic}", node.name) if node.kind is NodeKind.SOURCE else (node.name, f"sink {topic}")
            lines.append(Edge(*ends))
        lines.extend(Edge(node.name, after) for after in node.after)
    return row + max(below.values(), default=0)


def _clause(node: Node) -> str:
    return f"{node.name} with {_words(node.stores)}" if node.stores else node.name


def _words(names: Any) -> str:
    return ", ".join(dict.fromkeys(names))
