"""Say the result of a window once, when it is closed: the same as ``suppress``, with no buffer of its own."""

from datetime import timedelta

from modelserving.kstreams import EmitStrategy, Grouped, StreamsBuilder, TimeWindows, TopologyTestDriver, text
from modelserving.kstreams.java import Consumed


def run() -> object:
    """One line for each window that time has closed; the last one is still open."""
    seen = []
    builder = StreamsBuilder()
    readings = builder.stream("in", Consumed.with_(text(), text())).groupByKey(Grouped.with_(text(), text()))
    windows = readings.windowedBy(TimeWindows.ofSizeAndGrace(timedelta(seconds=10), timedelta(seconds=2)))
    counts = windows.emitStrategy(EmitStrategy.onWindowClose()).count().toStream()
    counts.foreach(lambda key, count: seen.append((key.window().start() // 1000, count)))
    with TopologyTestDriver(builder.build()) as driver:
        source = driver.createInputTopic("in", text(), text())
        for second in (1, 2, 11, 3, 13, 4, 25):  # the 3 comes late, and in time; the 4 comes too late
            source.pipeInput("room", "21.5", second * 1000)
    return seen


EXPECTED = [(0, 3), (10, 2)]
