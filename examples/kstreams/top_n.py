"""The two best of each group: a table whose values are lists."""

import json

from modelserving.kstreams import Grouped, Materialized, StreamsBuilder, TopologyTestDriver, serde, text
from modelserving.kstreams.java import Consumed, Produced


def run() -> object:
    """The best two of the reds, after four were judged."""
    scores = serde(lambda value: json.dumps(value).encode(), json.loads)
    builder = StreamsBuilder()
    judged = builder.stream("judged", Consumed.with_(text(), scores)).groupByKey(Grouped.with_(text(), scores))
    best = judged.aggregate(
        list,
        lambda group, wine, so_far: sorted([*so_far, wine], reverse=True)[:2],
        Materialized.with_(text(), scores),
    )
    best.toStream().to("best", Produced.with_(text(), scores))
    with TopologyTestDriver(builder.build()) as driver:
        source = driver.createInputTopic("judged", text(), scores)
        source.pipeKeyValueList(("red", [score, name]) for name, score in (("a", 5), ("b", 8), ("c", 6), ("d", 7)))
        return driver.createOutputTopic("best", text(), scores).readKeyValuesToMap()


EXPECTED = {"red": [[8, "b"], [7, "d"]]}
