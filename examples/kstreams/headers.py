"""Read and write headers: what belongs to a record, and not to its value."""

from modelserving.kstreams import Processor, Record, StreamsBuilder, TopologyTestDriver, text
from modelserving.kstreams.java import Consumed, Produced


class Stamping(Processor):
    """Adds a header to those that are there."""

    def process(self, record: Record) -> None:
        """One record."""
        self.context.forward(record.withHeaders((*record.headers(), ("seen-by", b"stamping"))))


def run() -> object:
    """All headers of the record that comes out."""
    builder = StreamsBuilder()
    builder.stream("in", Consumed.with_(text(), text())).process(Stamping).to("out", Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build()) as driver:
        source = driver.createInputTopic("in", text(), text())
        source.pipeInput("k", "v", headers=(("trace", b"4711"), ("empty", None)))
        return driver.createOutputTopic("out", text(), text()).readRecord().headers()


EXPECTED = (("trace", b"4711"), ("empty", None), ("seen-by", b"stamping"))
