"""Join two streams: a click belongs to the impression that came at most ten seconds before or after it."""

from modelserving.kstreams import (
    Duration,
    JoinWindows,
    Produced,
    StreamJoined,
    StreamsBuilder,
    TopologyTestDriver,
    text,
)
from modelserving.kstreams.java import Consumed


def run() -> object:
    """The pairs; the click that came too late has none."""
    builder = StreamsBuilder()
    shown = builder.stream("shown", Consumed.with_(text(), text()))
    clicked = builder.stream("clicked", Consumed.with_(text(), text()))
    within = JoinWindows.ofTimeDifferenceWithNoGrace(Duration.ofSeconds(10))
    joined = shown.join(clicked, lambda ad, click: f"{ad}, {click}", within, StreamJoined.with_(text(), text(), text()))
    joined.to("pairs", Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build()) as driver:
        driver.createInputTopic("shown", text(), text()).pipeInput("ann", "an ad", 0)
        clicks = driver.createInputTopic("clicked", text(), text())
        clicks.pipeInput("ann", "a click", 5_000)
        clicks.pipeInput("ann", "a late click", 15_000)
        return driver.createOutputTopic("pairs", text(), text()).readValuesToList()


EXPECTED = ["an ad, a click"]
