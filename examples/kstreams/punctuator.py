"""Do something regularly, between two records: each ten seconds of the clock, say how many came."""

from modelserving.kstreams import Processor, ProcessorContext, Record, TopologyTestDriver, java, text


class Reporting(Processor):
    """Counts, and reports."""

    def init(self, context: ProcessorContext) -> None:
        """The task begins; the engine calls ``report`` from now on."""
        super().init(context)
        self.seen = 0
        context.schedule(10, self.report)

    def report(self, now_ms: int) -> None:
        """Say how many there were."""
        self.context.forward(Record("seen", str(self.seen), now_ms))
        self.seen = 0

    def process(self, record: Record) -> None:
        """One record."""
        self.seen += 1


def run() -> object:
    """The reports of twenty seconds."""
    topology = java.Topology()
    topology.addSource("in", text().deserializer(), text().deserializer(), "in")
    topology.addProcessor("report", Reporting, "in")
    topology.addSink("out", "out", text().serializer(), text().serializer(), "report")
    with TopologyTestDriver(topology) as driver:
        source = driver.createInputTopic("in", text(), text())
        source.pipeValueList(["a", "b", "c"])
        driver.advanceWallClockTime(10)
        source.pipeInput("d")
        driver.advanceWallClockTime(10)
        return driver.createOutputTopic("out", text(), text()).readValuesToList()


EXPECTED = ["3", "1"]
