"""Join with a global table: it is whole on each instance, so its key need not be that of the stream."""

from modelserving.kstreams import Produced, StreamsBuilder, TopologyTestDriver, text
from modelserving.kstreams.java import Consumed


def run() -> object:
    """Each order with the name of its country."""
    builder = StreamsBuilder()
    countries = builder.globalTable("countries", Consumed.with_(text(), text()))
    orders = builder.stream("orders", Consumed.with_(text(), text()))
    named = orders.join(countries, lambda key, order: order[-2:], lambda order, country: f"{order[:-3]}, {country}")
    named.to("named", Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("countries", text(), text()).pipeInput("PT", "Portugal")
        driver.createInputTopic("orders", text(), text()).pipeInput("1", "white wine PT")
        return driver.createOutputTopic("named", text(), text()).readValuesToList()


EXPECTED = ["white wine, Portugal"]
