"""A table made of another one, with a store at hand: each value with the number of times that its key has changed."""

from typing import Any

from modelserving.kstreams import (
    Produced,
    Stores,
    StreamsBuilder,
    TopologyTestDriver,
    ValueTransformerContext,
    ValueTransformerWithKey,
    integer,
    text,
)
from modelserving.kstreams.java import Consumed


class Numbering(ValueTransformerWithKey):
    """Counts the changes of each key."""

    def init(self, context: ValueTransformerContext) -> None:
        """The task begins."""
        super().init(context)
        self.changes = context.getStateStore("changes")

    def transform(self, key: Any, value: Any) -> object:
        """The new value of a key; a table that loses a key says ``None``."""
        number = (self.changes.get(key) or 0) + 1
        self.changes.put(key, number)
        return None if value is None else f"{value}, change {number}"


def run() -> object:
    """What the second table says."""
    builder = StreamsBuilder()
    builder.addStateStore(Stores.keyValueStoreBuilder(Stores.inMemoryKeyValueStore("changes"), text(), integer()))
    homes = builder.table("homes", Consumed.with_(text(), text()))
    homes.transformValues(Numbering, "changes").toStream().to("numbered", Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build()) as driver:
        source = driver.createInputTopic("homes", text(), text())
        source.pipeKeyValueList([("ann", "Oslo"), ("ann", "Rome"), ("ann", None)])
        return driver.createOutputTopic("numbered", text(), text()).readKeyValuesToList()


EXPECTED = [("ann", "Oslo, change 1"), ("ann", "Rome, change 2"), ("ann", None)]
