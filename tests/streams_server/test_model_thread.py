"""The models of a streams server, without Kafka and without Java."""

from __future__ import annotations

import threading

import pytest

from modelserving.errors import ModelUnreachable
from modelserving.kafka import Connection
from modelserving.models.info import LoadedModel
from modelserving.models.lifecycle.fetch import FetchPolicy
from modelserving.records import (
    TOPICS,
    Action,
    ModelCommand,
    ModelDescriptor,
    ModelType,
    encode_command,
    encode_descriptor,
)
from modelserving.serving.options import ServerOptions
from modelserving.streams_server.model_thread import ModelThread
from modelserving.system.stopping import StopWaiting, pause, stoppable
from tests.fakes import FakeMessage, served_by
from tests.waiting import WAIT, wait_until


class Location:
    """Where models are; it does not answer for a while."""

    def __init__(self, silent: int) -> None:
        self.asked = threading.Semaphore(0)
        self._silent = silent

    def build(self, descriptor: ModelDescriptor) -> LoadedModel:
        """A model in plain Python."""
        self.asked.release()
        self._silent -= 1
        if self._silent >= 0:
            raise ModelUnreachable("nobody answers.")
        return served_by(name=descriptor.name, digest=descriptor.digest)


def keep(location: Location, *pauses: float) -> ModelThread:
    options = ServerOptions(preload=False, fetch=FetchPolicy(pauses=pauses), build=location.build)
    thread = ModelThread(Connection("nowhere"), options)
    thread.start()
    return thread


def published(name: str, offset: int) -> FakeMessage:
    descriptor = ModelDescriptor(name, "", "wine", ModelType.PMML, name.encode())
    return FakeMessage(encode_descriptor(descriptor), offset, topic=TOPICS.models, timestamp=offset)


def current(thread: ModelThread) -> str:
    """What serves when the thread is ready."""
    assert thread._ready.wait(WAIT)
    slot = thread.slots.get("wine")
    assert slot is not None
    assert slot.current is not None
    return slot.current.info.name


def test_a_source_that_does_not_answer_is_tried_again_before_the_server_is_ready() -> None:
    """A host that is down for a moment while the server starts costs it no model."""
    thread = keep(Location(silent=2), 0.01, 0.01)
    try:
        thread.begin([published("far", 0)])
        assert (current(thread), thread.controller.refused) == ("far", 0)
    finally:
        thread.close()


@pytest.mark.parametrize("newer", [True, False], ids=["a newer model", "the end"])
def test_the_pause_before_a_further_try_ends_early_with(newer: bool) -> None:
    """However long the pause may be."""
    location = Location(silent=1)
    thread = keep(location, 3600)
    try:
        thread.begin([published("far", 0)])
        assert location.asked.acquire(timeout=WAIT)
        if newer:
            thread.take(published("near", 1))
            assert current(thread) == "near"
    finally:
        thread.close()
    thread._thread.join(WAIT)
    assert not thread._thread.is_alive()


def test_the_end_leaves_a_model_that_waits_while_it_is_built() -> None:
    """Its service is away; nothing is refused, and no thread stays behind."""

    class Away(Location):
        def build(self, descriptor: ModelDescriptor) -> LoadedModel:
            self.asked.release()
            pause(3600)
            return super().build(descriptor)

    location = Away(silent=0)
    thread = keep(location)
    thread.begin([published("far", 0)])
    assert location.asked.acquire(timeout=WAIT)
    thread.close()
    assert not thread._thread.is_alive()
    assert (thread.controller.refused, thread.error) == (0, None)


def test_a_command_that_needs_no_model_to_be_built_is_obeyed_while_one_is() -> None:
    """However long that may take: a model that was retired gives no further answer."""
    built = threading.Event()

    class Slow(Location):
        def build(self, descriptor: ModelDescriptor) -> LoadedModel:
            self.asked.release()
            assert descriptor.name != "slow" or built.wait(WAIT)
            return super().build(descriptor)

    location = Slow(silent=0)
    thread = keep(location)
    try:
        thread.begin([published("quick", 0)])
        assert current(thread) == "quick"
        thread.take(published("slow", 1))
        for _ in range(3):  # twice for the first
            assert location.asked.acquire(timeout=WAIT)
        retire = encode_command(ModelCommand(Action.RETIRE, "wine"))
        thread.take(FakeMessage(retire, 0, topic=TOPICS.control, timestamp=2))
        wait_until(lambda: thread.slots.describe("wine") is None, "nobody serves")
    finally:
        built.set()
        thread.close()


def test_a_task_that_waits_for_the_models_ends_with_the_engine() -> None:
    """They may wait for a service that is away, longer than the engine's end may take."""
    thread, ending = keep(Location(silent=0)), threading.Event()
    ending.set()
    try:
        with stoppable(ending), pytest.raises(StopWaiting):
            thread.wait_until_ready()
    finally:
        thread.close()
