"""Split a stream, treat each branch by itself, and send each record to the topic that its value names."""

from modelserving.kstreams import Produced, StreamsBuilder, TopologyTestDriver, text
from modelserving.kstreams.java import Branched, Consumed, Named


def run() -> object:
    """What each topic has got."""
    builder = StreamsBuilder()
    wines = builder.stream("wines", Consumed.with_(text(), text()))
    branches = wines.split(Named.as_("kind-")).branch(lambda key, wine: "rosé" in wine, Branched.as_("rare"))
    branches = branches.defaultBranch(Branched.as_("usual"))
    rare = branches["kind-rare"].mapValues(lambda wine: f"{wine}!")
    both = rare.merge(branches["kind-usual"])
    both.to(lambda key, wine: "strong" if "14 %" in wine else "light", Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("wines", text(), text()).pipeValueList(["red 14 %", "rosé 11 %", "white 12 %"])
        return {name: driver.createOutputTopic(name, text(), text()).readValuesToList() for name in ("strong", "light")}


EXPECTED = {"strong": ["red 14 %"], "light": ["rosé 11 %!", "white 12 %"]}
