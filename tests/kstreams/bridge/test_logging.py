"""The engine's log in Python's ``logging``."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

import pytest

from modelserving import jvm
from modelserving.kstreams import forward_logs

NAME = "org.apache.kafka.streams.Tests"


@pytest.fixture
def java_logger() -> Iterator[Any]:
    """A logger of the engine; levels are as before afterwards."""
    root = logging.getLogger("org.apache.kafka")
    forward_logs()
    before = root.level
    yield jvm.java_class("org.slf4j.LoggerFactory").getLogger(NAME)
    root.setLevel(before)
    forward_logs()


def test_it_arrives_by_its_own_name_and_level(java_logger: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Java's levels become Python's; what a record says of an exception comes with it."""
    with caplog.at_level(logging.INFO, "org.apache.kafka"):
        forward_logs(logging.INFO)
        java_logger.info("one")
        java_logger.warn("two")
        java_logger.error("three", jvm.java_class("java.io.IOException")("disk full"))  # noqa: PLE1205 - Java's
        java_logger.debug("never")
    assert caplog.record_tuples == [
        (NAME, logging.INFO, "one"),
        (NAME, logging.WARNING, "two"),
        (NAME, logging.ERROR, "three (IOException: disk full)"),
    ]


def test_advice_is_not_heard_unless_somebody_asks(java_logger: Any, capfd: pytest.CaptureFixture[str]) -> None:
    """By default only errors reach Python's handlers, and Java's terminal gets nothing."""
    java_logger.info("a quiet word")
    java_logger.warn("good advice")
    assert not logging.getLogger(NAME).isEnabledFor(logging.WARNING)
    assert capfd.readouterr() == ("", "")


def test_a_kill_is_told_in_one_calm_sentence(java_logger: Any, caplog: pytest.LogCaptureFixture) -> None:
    """The engine calls it an error, and deals with it: no exception, no trace, nothing to do."""
    tasks = jvm.java_class("java.util.Set").of(jvm.java_class("org.apache.kafka.streams.processor.TaskId")(0, 0))
    thrown = jvm.java_class("org.apache.kafka.streams.errors.TaskCorruptedException")(tasks)
    java_logger.error("Detected the states of tasks are corrupted", thrown)  # noqa: PLE1205 - Java's
    (told,) = caplog.records
    assert (told.levelno, told.exc_info) == (logging.WARNING, None)
    assert told.getMessage().endswith("as after a kill: it is restored, and nothing is lost")
