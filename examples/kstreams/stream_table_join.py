"""Join a stream with a table: each order gets what is known of its customer at that moment."""

from modelserving.kstreams import Joined, Produced, StreamsBuilder, TopologyTestDriver, text
from modelserving.kstreams.java import Consumed


def run() -> object:
    """The second order sees the new address, the first one keeps the old."""
    builder = StreamsBuilder()
    orders = builder.stream("orders", Consumed.with_(text(), text()))
    homes = builder.table("homes", Consumed.with_(text(), text()))
    sent = orders.leftJoin(homes, lambda order, home: f"{order} to {home}", Joined.with_(text(), text(), text()))
    sent.to("sent", Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build()) as driver:
        order = driver.createInputTopic("orders", text(), text())
        home = driver.createInputTopic("homes", text(), text())
        order.pipeInput("ann", "wine")
        home.pipeInput("ann", "Oslo")
        order.pipeInput("ann", "bread")
        return driver.createOutputTopic("sent", text(), text()).readValuesToList()


EXPECTED = ["wine to None", "bread to Oslo"]
