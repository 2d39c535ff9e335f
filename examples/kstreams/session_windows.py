"""Sessions: what comes within five seconds of each other belongs together, and two sessions can become one."""

from typing import Any

from modelserving.kstreams import Duration, Grouped, SessionWindows, StreamsBuilder, TopologyTestDriver, text
from modelserving.kstreams.java import Consumed


def run() -> object:
    """The sessions as they change; ``None`` takes one back that has become part of a longer one."""
    seen = []
    builder = StreamsBuilder()
    gap = SessionWindows.ofInactivityGapAndGrace(Duration.ofSeconds(5), Duration.ofSeconds(30))
    clicks = builder.stream("clicks", Consumed.with_(text(), text())).groupByKey(Grouped.with_(text(), text()))

    def note(key: Any, count: int | None) -> None:
        seen.append((key.window().start() // 1000, key.window().end() // 1000, count))

    clicks.windowedBy(gap).count().toStream().foreach(note)
    with TopologyTestDriver(builder.build(), statestore_cache_max_bytes=0) as driver:
        source = driver.createInputTopic("clicks", text(), text())
        for second in (0, 8, 4):
            source.pipeInput("ann", "click", second * 1000)
    return seen


EXPECTED = [(0, 0, 1), (8, 8, 1), (0, 0, None), (8, 8, None), (0, 8, 3)]
