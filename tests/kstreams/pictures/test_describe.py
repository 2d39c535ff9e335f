"""A topology as data and as a picture."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from modelserving.kstreams import Processor, ProcessorSupplier, StateStore, StoreBuilder, describe, java, raw, text
from modelserving.kstreams.pictures.describe import Node, NodeKind, TopologyGraph

SVG = "{http://www.w3.org/2000/svg}"


def graph() -> TopologyGraph:
    """Two sub-topologies and a global store."""
    topology = java.Topology()
    topology.addSource("source", "wine & more")
    topology.addProcessor("score", ProcessorSupplier(Processor), "source")
    topology.addStateStore(StoreBuilder("statistics", StateStore), "score")
    topology.addSink("scored", "wine-scored", "score")
    topology.addSink("dead", "wine-dead", "score")
    topology.addSource("alone", "other")
    models = java.Stores.keyValueStoreBuilder(java.Stores.inMemoryKeyValueStore("models"), text(), raw())
    reader = raw().deserializer()
    topology.addGlobalStore(
        models.withLoggingDisabled(),
        "models-source",
        reader,
        reader,
        "wine-models",
        "keep",
        ProcessorSupplier(Processor),
    )
    return describe(topology)


def test_nodes_know_their_topics_stores_and_successors() -> None:
    """Each node once, and each before those that come after it."""
    nodes = graph().nodes
    assert nodes["source"] == Node("source", NodeKind.SOURCE, 0, ("wine & more",), (), ("score",))
    assert nodes["score"] == Node("score", NodeKind.PROCESSOR, 0, (), ("statistics",), ("dead", "scored"))
    assert nodes["dead"] == Node("dead", NodeKind.SINK, 0, ("wine-dead",))
    assert nodes["alone"].part == 1
    assert nodes["keep"] == Node("keep", NodeKind.PROCESSOR, None, (), ("models",))
    order = list(nodes)
    assert all(order.index(node.name) < order.index(after) for node in nodes.values() for after in node.after)


def test_parts_are_what_can_run_in_parallel() -> None:
    """Sub-topologies first, then what is on every instance."""
    assert [[node.name for node in part] for part in graph().parts] == [
        ["source", "score", "scored", "dead"],
        ["alone"],
        ["models-source", "keep"],
    ]


def test_the_picture_is_one_image_with_its_words() -> None:
    """Well-formed; every node, topic and store is written in it; whoever cannot see it hears the same."""
    found = graph()
    root = ET.fromstring(found.svg())
    titles = {element.text for element in root.iter(f"{SVG}title")}
    assert root.get("role") == "img"
    assert root.get("aria-label") == found.alt
    assert {"processor score", "topic wine & more", "store statistics", "sink dead", "topic wine-models"} <= titles
    assert "Sub-topology 0: reads wine & more, score with statistics, writes wine-scored, wine-dead." in found.alt
    assert "On every instance: reads wine-models, keep with models, writes nothing." in found.alt


def test_no_two_boxes_are_in_one_place() -> None:
    """Whatever there is has a place of its own, inside the picture."""
    root = ET.fromstring(graph().svg())
    corners = [(float(box.get("x", "")), float(box.get("y", ""))) for box in root.iter(f"{SVG}rect")]
    assert len(set(corners)) == len(corners) == 14
    assert all(x < float(root.get("width", "")) and y < float(root.get("height", "")) for x, y in corners)


def test_a_long_name_stays_in_its_box() -> None:
    """The DSL names nodes in capitals and many digits: on more lines, without the noughts, they can still be read."""
    builder = java.StreamsBuilder()
    builder.stream("in").groupByKey().count().toStream().to("out")
    root = ET.fromstring(describe(builder.build()).svg())
    sizes = {text.text: float(text.get("font-size", "")) for text in root.iter(f"{SVG}text")}
    assert sizes["in"] == sizes["KSTREAM-"] == sizes["SOURCE-0"] == 12
    assert sizes["STATE-STORE-1"] >= 9
    assert "source KSTREAM-SOURCE-0000000000" in {title.text for title in root.iter(f"{SVG}title")}


def test_a_chain_of_six_is_not_wider_than_a_cell() -> None:
    """Beside the list of files, on a narrow screen, a cell has some 600 pixels: letters of 12 become 9 there."""
    builder = java.StreamsBuilder()
    builder.stream("in").filter(lambda key, value: True).filterNot(lambda key, value: False).to("out")
    assert float(ET.fromstring(describe(builder.build()).svg()).get("width", "")) <= 800


def test_what_is_seen_without_pictures_is_the_sentence() -> None:
    """A notebook that shows text shows the picture's words, not Python's fields."""
    assert repr(graph()) == graph().alt


def test_its_text_is_the_engines() -> None:
    """``print(describe(topology))`` shows what a Java colleague sees."""
    assert str(graph()).startswith("Topologies:\n   Sub-topology: 0")


def test_lines_that_have_nothing_in_common_do_not_cross() -> None:
    """A node stands beside what leads to it, whatever it is called; or who looks sees arrows that are not there."""
    topology = java.Topology()
    for source, node in (("a", "z"), ("b", "y")):
        topology.addSource(source, source)
        topology.addProcessor(node, ProcessorSupplier(Processor), source)
    shared = java.Stores.keyValueStoreBuilder(java.Stores.inMemoryKeyValueStore("shared"), text(), raw())
    topology.addStateStore(shared, "z", "y")
    boxes = ET.fromstring(describe(topology).svg()).iter(f"{SVG}g")
    rows = {box[2].text: float(box[1].attrib["y"]) for box in boxes if box[0].text in {"processor y", "processor z"}}
    assert rows["z"] < rows["y"]
