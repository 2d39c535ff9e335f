"""Add up two streams into one table: what came in, and what went out of a cellar."""

from modelserving.kstreams import Grouped, Materialized, Produced, StreamsBuilder, TopologyTestDriver, integer, text
from modelserving.kstreams.java import Consumed


def run() -> object:
    """The bottles that are left, after each record."""
    builder = StreamsBuilder()
    came, went = (
        builder.stream(topic, Consumed.with_(text(), integer())).groupByKey(Grouped.with_(text(), integer()))
        for topic in ("came", "went")
    )
    both = came.cogroup(lambda wine, bottles, left: left + bottles)
    both = both.cogroup(went, lambda wine, bottles, left: left - bottles)
    left = both.aggregate(lambda: 0, Materialized.with_(text(), integer()))
    left.toStream().to("left", Produced.with_(text(), integer()))
    with TopologyTestDriver(builder.build(), statestore_cache_max_bytes=0) as driver:
        topics = {name: driver.createInputTopic(name, text(), integer()) for name in ("came", "went")}
        for topic, bottles in (("came", 12), ("went", 5), ("came", 6)):
            topics[topic].pipeInput("merlot", bottles)
        return driver.createOutputTopic("left", text(), integer()).readValuesToList()


EXPECTED = [12, 7, 13]
