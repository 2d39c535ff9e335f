"""Find who comes too often: at least three times in a minute."""

from datetime import timedelta

from modelserving.kstreams import Grouped, Produced, StreamsBuilder, TimeWindows, TopologyTestDriver, integer, text
from modelserving.kstreams.java import Consumed


def run() -> object:
    """Who, and how often; the next minute begins anew."""
    builder = StreamsBuilder()
    clicks = builder.stream("clicks", Consumed.with_(text(), text())).groupBy(
        lambda key, user: user, Grouped.with_(text(), text())
    )
    counts = clicks.windowedBy(TimeWindows.ofSizeWithNoGrace(timedelta(minutes=1))).count()
    often = counts.toStream().filter(lambda window, count: count is not None and count >= 3)
    often.selectKey(lambda window, count: window.key()).to("often", Produced.with_(text(), integer()))
    with TopologyTestDriver(builder.build(), statestore_cache_max_bytes=0) as driver:
        source = driver.createInputTopic("clicks", text(), text())
        for second, user in ((1, "ann"), (20, "bob"), (30, "ann"), (50, "ann"), (59, "ann"), (61, "ann")):
            source.pipeInput(None, user, second * 1000)
        return driver.createOutputTopic("often", text(), integer()).readKeyValuesToList()


EXPECTED = [("ann", 3), ("ann", 4)]
