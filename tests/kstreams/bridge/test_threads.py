"""The Python side of threads that Java made."""

from __future__ import annotations

import signal
import threading
from typing import Any
from unittest.mock import Mock

import jpype
import pytest

from modelserving import jvm
from modelserving.kstreams import functions
from modelserving.kstreams.bridge.proxies import implement
from modelserving.kstreams.bridge.threads import attach, attached, call_as_daemon, detach, may_wait


def on_a_java_thread(*steps: object) -> list[int]:
    """Call functions, one after the other, on one thread that Java makes; the identities that Python saw.

    An identity is the key of a thread's state in a dictionary that lives as long as the state does.
    """
    local = threading.local()
    seen: list[int] = []

    def run(step: object) -> None:
        if callable(step):
            step()
        local.count = getattr(local, "count", 0) + 1
        seen.append(local.count)

    executor = jvm.java_class("java.util.concurrent.Executors").newSingleThreadExecutor()
    try:
        for step in steps:
            task = implement("java.lang.Runnable", run=lambda step=step: run(step))
            executor.submit(task).get()
    finally:
        executor.shutdown()
    return seen


def as_java(mapper: object) -> Any:
    """The object that Java has of it, so that a call goes through Java."""
    return jpype.JObject(mapper, "org.apache.kafka.streams.kstream.ValueMapper")


def test_without_being_attached_a_thread_is_new_at_each_call() -> None:
    """Its Python state is made and thrown away, which costs more than most calls do."""
    assert on_a_java_thread(None, None, None) == [1, 1, 1]


def test_attached_it_keeps_its_state_until_it_is_detached_as_often() -> None:
    """A processor and a store of one task attach the same thread."""
    assert on_a_java_thread(attach, attach, None, detach, None, detach, None) == [1, 2, 3, 4, 5, 6, 1]


def test_a_function_of_the_dsl_keeps_it_by_itself() -> None:
    """Where no processor and no store has attached the thread; it would cost two to four times as much."""
    mapper = functions.ValueMapper(lambda value: value)
    assert on_a_java_thread(lambda: as_java(mapper).apply("v"), None, None) == [1, 2, 3]


def test_detaching_once_too_often_does_nothing() -> None:
    """Closing twice is allowed."""
    assert on_a_java_thread(detach, None) == [1, 1]


def test_a_beginning_that_cannot_be_undone_is_detached_nevertheless() -> None:
    """Else its thread would keep a state that nobody gives back."""

    def begin() -> None:
        with pytest.raises(LookupError), attached(fail):
            raise ValueError("it does not begin")

    def fail() -> None:
        raise LookupError("nothing to let go of")

    assert on_a_java_thread(begin, None) == [1, 1]


def test_threads_that_java_makes_meanwhile_are_daemons() -> None:
    """They do not keep a process that is ending."""
    thread = jvm.java_class("java.lang.Thread")
    assert call_as_daemon(lambda: bool(thread().isDaemon()))
    assert call_as_daemon(lambda: thread().getContextClassLoader() is not None)


def test_an_error_comes_out_of_the_daemon() -> None:
    """As itself, where it was called."""

    def fail() -> None:
        raise LookupError("no such thing")

    with pytest.raises(LookupError, match="no such thing"):
        call_as_daemon(fail)


def test_what_is_made_is_made_as_a_whole() -> None:
    """The stop button waits for the end of the call, and is heard then."""
    me, made = threading.get_ident(), []

    def make() -> None:
        signal.pthread_kill(me, signal.SIGINT)
        threading.Event().wait(0.05)
        made.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        call_as_daemon(make)
    assert made == ["all of it"]


@pytest.mark.parametrize(
    ("name", "seconds"), [("a-StreamThread-2", 0.0), ("a-GlobalStreamThread", 0.0), ("b-GlobalStreamThread", 5.0)]
)
def test_no_thread_of_an_engine_waits_for_the_engine(name: str, seconds: float) -> None:
    """Nor does the one that fills global stores, which the engine does not count among its threads."""
    threads = [Mock(threadName=Mock(return_value=f"a-StreamThread-{number}")) for number in (1, 2)]
    streams = Mock(metadataForLocalThreads=Mock(return_value=threads))
    here = jvm.java_class("java.lang.Thread").currentThread()
    before = here.getName()
    here.setName(name)
    try:
        assert may_wait(streams, 5.0) == seconds
    finally:
        here.setName(before)
