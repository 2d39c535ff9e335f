"""Node by node, without the DSL: a source, a processor, two sinks; what goes where is said by name."""

from modelserving.kstreams import Processor, Record, TopologyTestDriver, java, text


class Sorting(Processor):
    """Sends each record to one of two sinks."""

    def process(self, record: Record) -> None:
        """One record."""
        self.context.forward(record, "good" if float(record.value()) >= 6 else "plain")


def run() -> object:
    """What each sink has got."""
    topology = java.Topology()
    topology.addSource("scores", text().deserializer(), text().deserializer(), "scores")
    topology.addProcessor("sort", Sorting, "scores")
    for sink in ("good", "plain"):
        topology.addSink(sink, sink, text().serializer(), text().serializer(), "sort")
    with TopologyTestDriver(topology) as driver:
        driver.createInputTopic("scores", text(), text()).pipeValueList(["5.5", "7", "6.1"])
        return [driver.createOutputTopic(name, text(), text()).readValuesToList() for name in ("good", "plain")]


EXPECTED = [["7", "6.1"], ["5.5"]]
