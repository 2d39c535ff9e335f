"""Let each event through once: its id is remembered for a minute, in a store of windows."""

from modelserving.kstreams import (
    Duration,
    Processor,
    ProcessorContext,
    ProcessorSupplier,
    Record,
    Stores,
    StreamsBuilder,
    TopologyTestDriver,
    text,
)
from modelserving.kstreams.java import Consumed, Produced

MINUTE_MS = 60_000


class Once(Processor):
    """Hands on what was not there a minute ago."""

    def init(self, context: ProcessorContext) -> None:
        """The task begins."""
        super().init(context)
        self.seen = context.getStateStore("seen")

    def process(self, record: Record) -> None:
        """One event."""
        now = record.timestamp()
        if not list(self.seen.fetch(record.key(), max(0, now - MINUTE_MS), now)):
            self.context.forward(record)
        self.seen.put(record.key(), "", now)


def run() -> object:
    """The second one is the same event; the last comes so late that it counts as another."""
    minute = Duration.ofMinutes(1)
    kept = Stores.inMemoryWindowStore("seen", Duration.ofMinutes(2), minute, False)
    builder = StreamsBuilder()
    once = ProcessorSupplier(Once, Stores.windowStoreBuilder(kept, text(), text()))
    builder.stream("in", Consumed.with_(text(), text())).process(once).to("out", Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build()) as driver:
        source = driver.createInputTopic("in", text(), text())
        for second, event in ((0, "a"), (30, "a"), (40, "b"), (180, "a")):
            source.pipeInput(event, f"at {second}", second * 1000)
        return driver.createOutputTopic("out", text(), text()).readValuesToList()


EXPECTED = ["at 0", "at 40", "at 180"]
