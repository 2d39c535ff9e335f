"""Pass over what fails, and keep it: the engine's own dead letters, with the Python error in their headers."""

from modelserving.kstreams import StreamsBuilder, TopologyTestDriver, text
from modelserving.kstreams.java import Consumed, Produced

CONTINUE = "org.apache.kafka.streams.errors.LogAndContinueProcessingExceptionHandler"


def run() -> object:
    """What came through, what did not, and whether it says why."""
    builder = StreamsBuilder()
    numbers = builder.stream("in", Consumed.with_(text(), text())).mapValues(lambda value: str(1 / int(value)))
    numbers.to("out", Produced.with_(text(), text()))
    options = {"processing_exception_handler": CONTINUE, "errors_dead_letter_queue_topic_name": "dead"}
    with TopologyTestDriver(builder.build(), **options) as driver:
        driver.createInputTopic("in", text(), text()).pipeValueList(["2", "0", "4"])
        letter = driver.createOutputTopic("dead", text(), text()).readRecord()
        why = any(b"ZeroDivisionError: division by zero" in (value or b"") for _, value in letter.headers())
        return driver.createOutputTopic("out", text(), text()).readValuesToList(), letter.value(), why


EXPECTED = (["0.5", "0.25"], "0", True)
