"""A store of one's own: a class, restored from its changelog."""

from collections import Counter

from modelserving.kstreams import (
    Processor,
    ProcessorContext,
    ProcessorSupplier,
    Record,
    StateStore,
    StoreBuilder,
    TopologyTestDriver,
    java,
    text,
)


class Tallies(StateStore):
    """How often each thing came."""

    def open(self) -> None:
        """Begin empty."""
        self.counts: Counter[str] = Counter()

    def restore(self, key: bytes, value: bytes | None) -> None:
        """Take over one entry of the changelog."""
        self.counts[key.decode()] = int(value or 0)

    def add(self, name: str) -> None:
        """Count one more, and say so in the changelog."""
        self.counts[name] += 1
        self.log(name.encode(), str(self.counts[name]).encode())

    def view(self) -> Counter[str]:
        """What a query sees."""
        return Counter(self.counts)


class Counting(Processor):
    """Counts values."""

    def init(self, context: ProcessorContext) -> None:
        """The task begins."""
        super().init(context)
        self.tallies: Tallies = context.getStateStore("tallies")

    def process(self, record: Record) -> None:
        """One record."""
        self.tallies.add(record.value())


def run() -> object:
    """What is in the store."""
    topology = java.Topology()
    topology.addSource("in", text().deserializer(), text().deserializer(), "in")
    topology.addProcessor("count", ProcessorSupplier(Counting, StoreBuilder("tallies", Tallies)), "in")
    with TopologyTestDriver(topology) as driver:
        driver.createInputTopic("in", text(), text()).pipeValueList(["red", "white", "red"])
        return dict(driver.getStateStore("tallies").view())


EXPECTED = {"red": 2, "white": 1}
