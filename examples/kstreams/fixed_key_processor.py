"""Number the values of each key, with a store; the key stays, so nothing is repartitioned when they are counted."""

from modelserving.kstreams import (
    FixedKeyProcessor,
    ProcessorContext,
    Produced,
    Record,
    Stores,
    StreamsBuilder,
    TopologyTestDriver,
    integer,
    text,
)
from modelserving.kstreams.java import Consumed


class Numbering(FixedKeyProcessor):
    """Puts a number before each value."""

    def init(self, context: ProcessorContext) -> None:
        """The task begins."""
        super().init(context)
        self.numbers = context.getStateStore("numbers")

    def process(self, record: Record) -> None:
        """One record."""
        number = (self.numbers.get(record.key()) or 0) + 1
        self.numbers.put(record.key(), number)
        self.context.forward(record.withValue(f"{number}: {record.value()}"))


def run() -> object:
    """What ann and bob said, numbered for each."""
    builder = StreamsBuilder()
    builder.addStateStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("numbers"), text(), integer()))
    said = builder.stream("said", Consumed.with_(text(), text()))
    said.processValues(Numbering, "numbers").to("numbered", Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build()) as driver:
        source = driver.createInputTopic("said", text(), text())
        source.pipeKeyValueList([("ann", "hello"), ("bob", "hi"), ("ann", "bye")])
        return driver.createOutputTopic("numbered", text(), text()).readKeyValuesToList()


EXPECTED = [("ann", "1: hello"), ("bob", "1: hi"), ("ann", "2: bye")]
