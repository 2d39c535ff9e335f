"""Windows of ten seconds that begin each five: each record is in two of them."""

from typing import Any

from modelserving.kstreams import Duration, Grouped, StreamsBuilder, TimeWindows, TopologyTestDriver, text
from modelserving.kstreams.java import Consumed


def run() -> object:
    """How many records each window has, by its beginning and end in seconds."""
    seen = {}
    builder = StreamsBuilder()
    windows = TimeWindows.ofSizeWithNoGrace(Duration.ofSeconds(10)).advanceBy(Duration.ofSeconds(5))
    readings = builder.stream("in", Consumed.with_(text(), text())).groupByKey(Grouped.with_(text(), text()))

    def note(key: Any, count: int) -> None:
        window = key.window()
        seen[window.start() // 1000, window.end() // 1000] = count

    readings.windowedBy(windows).count().toStream().foreach(note)
    with TopologyTestDriver(builder.build(), statestore_cache_max_bytes=0) as driver:
        source = driver.createInputTopic("in", text(), text())
        for second in (1, 7, 12):
            source.pipeInput("room", "21.5", second * 1000)
    return seen


EXPECTED = {(0, 10): 2, (5, 15): 2, (10, 20): 1}
