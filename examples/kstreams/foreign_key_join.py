"""Join two tables by a foreign key: a bottle names its maker in its value."""

from modelserving.kstreams import Produced, StreamsBuilder, TopologyTestDriver, text
from modelserving.kstreams.java import Consumed, Materialized


def run() -> object:
    """When the maker changes its name, the bottles follow."""
    builder = StreamsBuilder()
    bottles = builder.table("bottles", Consumed.with_(text(), text()))
    makers = builder.table("makers", Consumed.with_(text(), text()))
    kept = Materialized.with_(text(), text())
    named = bottles.join(makers, lambda bottle: bottle.split("@")[1], lambda bottle, maker: f"{bottle}: {maker}", kept)
    named.toStream().to("named", Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build()) as driver:
        maker = driver.createInputTopic("makers", text(), text())
        maker.pipeInput("7", "Quinta")
        driver.createInputTopic("bottles", text(), text()).pipeInput("b1", "white@7")
        maker.pipeInput("7", "Quinta Nova")
        return driver.createOutputTopic("named", text(), text()).readValuesToList()


EXPECTED = ["white@7: Quinta", "white@7: Quinta Nova"]
