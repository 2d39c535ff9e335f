"""Count in windows of ten seconds, by the time in the records; what comes too late changes nothing."""

from modelserving.kstreams import Duration, Grouped, StreamsBuilder, TimeWindows, TopologyTestDriver, text
from modelserving.kstreams.java import Consumed


def run() -> object:
    """Windows by their beginning; the last record is of the first window, which is closed."""
    seen = {}
    builder = StreamsBuilder()
    windows = TimeWindows.ofSizeAndGrace(Duration.ofSeconds(10), Duration.ofSeconds(5))
    readings = builder.stream("in", Consumed.with_(text(), text())).groupByKey(Grouped.with_(text(), text()))
    counts = readings.windowedBy(windows).count()
    counts.toStream().foreach(lambda key, count: seen.update({(key.key(), key.window().start()): count}))
    with TopologyTestDriver(builder.build(), statestore_cache_max_bytes=0) as driver:
        source = driver.createInputTopic("in", text(), text())
        for second in (0, 4, 12, 9, 27, 3):
            source.pipeInput("room", "21.5", second * 1000)
    return seen


EXPECTED = {("room", 0): 3, ("room", 10_000): 1, ("room", 20_000): 1}
