"""Say the result of a window once, when it is closed, instead of at each change."""

from modelserving.kstreams import (
    Duration,
    Grouped,
    StreamsBuilder,
    Suppressed,
    TimeWindows,
    TopologyTestDriver,
    java,
    text,
)
from modelserving.kstreams.java import Consumed


def run() -> object:
    """One line for each window that time has closed; the last one is still open."""
    seen = []
    builder = StreamsBuilder()
    windows = TimeWindows.ofSizeWithNoGrace(Duration.ofSeconds(10))
    counts = builder.stream("in", Consumed.with_(text(), text())).groupByKey(Grouped.with_(text(), text()))
    final = Suppressed.untilWindowCloses(java.BufferConfig.unbounded())
    closed = counts.windowedBy(windows).count().suppress(final)
    closed.toStream().foreach(lambda key, count: seen.append((key.window().start() // 1000, count)))
    with TopologyTestDriver(builder.build()) as driver:
        source = driver.createInputTopic("in", text(), text())
        for second in (1, 2, 3, 12, 25):
            source.pipeInput("room", "21.5", second * 1000)
    return seen


EXPECTED = [(0, 3), (10, 1)]
