"""Count words: the first example of all."""

from modelserving.kstreams import Grouped, Produced, StreamsBuilder, TopologyTestDriver, integer, text
from modelserving.kstreams.java import Consumed


def run() -> object:
    """How often each word came, after two lines."""
    builder = StreamsBuilder()
    words = builder.stream("lines", Consumed.with_(text(), text())).flatMapValues(lambda line: line.lower().split())
    counts = words.groupBy(lambda key, word: word, Grouped.with_(text(), text())).count()
    counts.toStream().to("counts", Produced.with_(text(), integer()))
    with TopologyTestDriver(builder.build()) as driver:
        lines = driver.createInputTopic("lines", text(), text())
        lines.pipeValueList(["All streams lead to Kafka", "Kafka streams"])
        return driver.createOutputTopic("counts", text(), integer()).readKeyValuesToMap()


EXPECTED = {"all": 1, "streams": 2, "lead": 1, "to": 1, "kafka": 2}
