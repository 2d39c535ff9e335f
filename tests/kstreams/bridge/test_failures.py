"""Python errors that cross Java: the very one that was raised, with its traceback; and what Java gets to know of it."""

from __future__ import annotations

import _thread
import logging
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from modelserving import jvm
from modelserving.errors import ServerError
from modelserving.kstreams import (
    Predicate,
    Processor,
    ProcessorSupplier,
    TopologyTestDriver,
    ValueMapper,
    java,
    serde,
    text,
)
from modelserving.kstreams.bridge.failures import python_errors, said_by, told
from modelserving.kstreams.bridge.proxies import implement

CONTINUE = "org.apache.kafka.streams.errors.LogAndContinueProcessingExceptionHandler"
Make = Callable[[Any], Any]


def run(make: Make, value: str = "v", **options: object) -> list[Any]:
    """What comes out of a stream of one record."""
    builder = java.StreamsBuilder()
    stream = builder.stream("in", java.Consumed.with_(text(), text()))
    make(stream).to("out", java.Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build(), **options) as driver:
        driver.createInputTopic("in", text(), text()).pipeInput("k", value)
        return driver.createOutputTopic("out", text(), text()).readValuesToList()


def divide(_: object) -> str:
    return str(1 / 0)


@pytest.mark.parametrize(
    "make",
    [
        pytest.param(lambda stream: stream.mapValues(ValueMapper(divide)), id="named"),
        pytest.param(lambda stream: stream.mapValues(divide), id="bare"),
    ],
)
def test_the_error_has_its_own_traceback(make: Make) -> None:
    """The line that failed is in it, for a bare function, too."""
    with pytest.raises(ZeroDivisionError) as caught:
        run(make)
    assert "return str(1 / 0)" in "".join(traceback.format_tb(caught.value.__traceback__))


def test_an_error_comes_without_the_engines_advice(caplog: pytest.LogCaptureFixture) -> None:
    """A cell that fails, or is stopped, shows that alone: how to go on after errors is good advice, and no error."""
    with pytest.raises(ZeroDivisionError):
        run(lambda stream: stream.mapValues(divide))
    assert "exception handler" not in caplog.text


def test_an_error_of_yesterday_is_not_told_again() -> None:
    """What fails now is told, and not what failed last on this thread."""
    with pytest.raises(ZeroDivisionError):
        run(lambda stream: stream.mapValues(ValueMapper(divide)))
    with pytest.raises(TypeError, match="a Predicate returns True or False; this one returned 'v', a str"):
        run(lambda stream: stream.filter(Predicate(lambda key, value: value)))


def test_a_stop_button_stops_though_java_is_about_to_call() -> None:
    """What is interrupted while Java runs comes back as the interrupt, and not as a method that is not there."""
    consumer = "java.util.function.Consumer"
    # No line of Python runs between this call, of a function in C, and the next one that Java makes.
    interrupted = implement(consumer, accept=_thread.interrupt_main)
    numbers = jvm.java_class("java.util.stream.Stream").of(jvm.java_class("java.lang.Integer")(int(signal.SIGINT)))
    with pytest.raises(KeyboardInterrupt), python_errors():
        numbers.peek(interrupted).forEach(implement(consumer, accept=lambda _: None))


def test_an_error_while_a_topology_is_drawn_is_itself() -> None:
    """The engine asks a supplier for a processor already when it is added."""
    builder = java.StreamsBuilder()

    def make() -> Processor:
        raise LookupError("no processor today")

    with pytest.raises(LookupError, match="no processor today"):
        builder.stream("in").process(ProcessorSupplier(make))


@pytest.mark.parametrize("level", [logging.WARNING, logging.DEBUG])
def test_what_is_passed_over_is_logged(caplog: pytest.LogCaptureFixture, level: int) -> None:
    """Who chooses to log and continue sees a line with the error and its place, whatever Kafka's level is.

    There may be many, so the traceback is only for who debugs.
    """
    with caplog.at_level(level, "modelserving"):
        assert run(lambda stream: stream.mapValues(divide), processing_exception_handler=CONTINUE) == []
    (line,) = [record for record in caplog.records if "passed over" in record.message]
    assert "ZeroDivisionError: division by zero" in line.message
    assert "of test_failures.py: return str(1 / 0))" in line.message
    assert (line.exc_info is not None) == (level == logging.DEBUG)


def test_what_a_serde_cannot_read_is_logged_too(caplog: pytest.LogCaptureFixture) -> None:
    """A serde in Python fails as a function does."""

    def refuse(data: bytes) -> str:
        raise ValueError(f"{data!r} is no text of ours")

    builder = java.StreamsBuilder()
    builder.stream("in", java.Consumed.with_(text(), serde(str.encode, refuse))).to("out")
    handler = "org.apache.kafka.streams.errors.LogAndContinueExceptionHandler"
    with (
        caplog.at_level(logging.WARNING, "modelserving"),
        TopologyTestDriver(builder.build(), deserialization_exception_handler=handler) as driver,
    ):
        driver.createInputTopic("in", text(), text()).pipeInput("k", "v")
    assert "ValueError: b'v' is no text of ours" in caplog.text


def test_the_engines_own_dead_letters_say_why() -> None:
    """Its dead-letter queue (KIP-1034) has the Python error in its headers, and where it was raised."""
    builder = java.StreamsBuilder()
    builder.stream("in", java.Consumed.with_(text(), text())).mapValues(divide).to(
        "out", java.Produced.with_(text(), text())
    )
    options = {"processing_exception_handler": CONTINUE, "errors_dead_letter_queue_topic_name": "dead"}
    with TopologyTestDriver(builder.build(), **options) as driver:
        driver.createInputTopic("in", text(), text()).pipeInput("k", "v")
        (letter,) = driver.createOutputTopic("dead", text(), text()).readRecordsToList()
    said = b" ".join(value or b"" for _, value in letter.headers()).decode()
    assert letter.value() == "v"
    assert "ZeroDivisionError: division by zero (line " in said
    assert "return str(1 / 0)" in said


def test_an_error_in_one_line_names_the_users_own_line() -> None:
    """Not the last line of ours that it went through."""
    try:
        divide(None)
    except ZeroDivisionError as error:
        line = told(error)
    assert line.startswith("ZeroDivisionError: division by zero (line ")
    assert line.endswith("of test_failures.py: return str(1 / 0))")


def test_a_cell_is_called_a_cell(tmp_path: Path) -> None:
    """Its file is a number, which means nothing to anybody."""
    code = compile("1 / 0", str(tmp_path / "ipykernel_7" / "1707961768.py"), "exec")
    with pytest.raises(ZeroDivisionError) as raised:
        exec(code)
    assert "(line 1 of its cell: " in told(raised.value)


def test_a_long_error_is_cut_and_not_its_place() -> None:
    """Which line it was stands at the end; a value of a megabyte would push it out."""
    try:
        raise ValueError("x" * 5_000)
    except ValueError as error:
        line = told(error)
    assert line.startswith("ValueError: xxx")
    assert line.endswith('of test_failures.py: raise ValueError("x" * 5_000))')
    assert len(line) == 1_000


class Unsayable(Exception):
    """It fails when it is asked what it says."""

    def __str__(self) -> str:
        raise OSError("no words")


@pytest.mark.parametrize(
    "error",
    [Unsayable(), ValueError("half a \ud83d"), StopIteration(5), ExceptionGroup("two", [ValueError(), KeyError()])],
    ids=["fails over its own text", "a text that is none", "the end of an iterator", "a group"],
)
def test_an_error_of_an_odd_kind_comes_out_as_itself(error: Exception) -> None:
    """What Java is told of it is told as well as can be, and hides nothing."""

    def fail(_: object) -> str:
        raise error

    with pytest.raises(type(error)) as caught:
        run(lambda stream: stream.mapValues(fail))
    assert caught.value is error
    assert told(error).startswith(type(error).__name__)
    assert said_by(Unsayable()) == "(what it says cannot be told: OSError)"


@pytest.mark.parametrize(("said", "is_full"), [("No space left on device", True), ("Permission denied", False)])
def test_of_a_disk_that_is_full_the_folder_is_named(said: str, is_full: bool) -> None:
    """Java says no more than that there is no space."""
    thrown = jvm.java_class("java.lang.RuntimeException")("state", jvm.java_class("java.io.IOException")(said))
    with pytest.raises(ServerError, match=said) as caught, python_errors("/where/state/is"):
        raise thrown
    assert ("Make room for /where/state/is" in str(caught.value)) is is_full
