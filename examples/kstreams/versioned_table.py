"""Join with a table as it was at the time of the record, though newer values are known already."""

from datetime import timedelta

from modelserving.kstreams import Materialized, Produced, Stores, StreamsBuilder, TopologyTestDriver, text
from modelserving.kstreams.java import Consumed


def run() -> object:
    """The order of the second second gets the price of then."""
    builder = StreamsBuilder()
    history = Stores.persistentVersionedKeyValueStore("history", timedelta(hours=1))
    kept = Materialized.as_(history).withKeySerde(text()).withValueSerde(text())
    prices = builder.table("prices", Consumed.with_(text(), text()), kept)
    orders = builder.stream("orders", Consumed.with_(text(), text()))
    orders.join(prices, lambda order, price: f"{order} at {price}").to("priced", Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build()) as driver:
        price = driver.createInputTopic("prices", text(), text())
        price.pipeInput("wine", "8 €", 1_000)
        price.pipeInput("wine", "9 €", 5_000)
        order = driver.createInputTopic("orders", text(), text())
        order.pipeInput("wine", "late order", 2_000)
        order.pipeInput("wine", "new order", 6_000)
        return driver.createOutputTopic("priced", text(), text()).readValuesToList()


EXPECTED = ["late order at 8 €", "new order at 9 €"]
