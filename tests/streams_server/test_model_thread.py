"""The models of a streams server, without Kafka and without Java."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from modelserving.errors import ModelUnreachable
from modelserving.kafka import Connection
from modelserving.models.info import LoadedModel
from modelserving.models.lifecycle.fetch import FetchPolicy
from modelserving.records import TOPICS, ModelDescriptor, ModelType, encode_descriptor
from modelserving.streams_server.model_thread import ModelOptions, ModelThread
from tests.fakes import FakeMessage, served_by

WAIT = 20


class Place:
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
        return replace(served_by(name=descriptor.name), digest=descriptor.digest)


def keep(place: Place, *pauses: float) -> ModelThread:
    options = ModelOptions(Connection("nowhere"), TOPICS, references=FetchPolicy(pauses=pauses), build=place.build)
    keeper = ModelThread(options)
    keeper.start()
    return keeper


def published(name: str, offset: int) -> FakeMessage:
    descriptor = ModelDescriptor(name, "", "wine", ModelType.PMML, name.encode())
    return FakeMessage(encode_descriptor(descriptor), offset, topic=TOPICS.models, timestamp=offset)


def current(keeper: ModelThread) -> str:
    """What serves when the keeper is ready."""
    assert keeper._ready.wait(WAIT)
    slot = keeper.slots.get("wine")
    assert slot is not None
    assert slot.current is not None
    return slot.current.name


def test_a_place_that_does_not_answer_is_tried_again_before_the_server_is_ready() -> None:
    """A host that is down for a moment while the server starts costs it no model."""
    keeper = keep(Place(silent=2), 0.01, 0.01)
    try:
        keeper.begin([published("far", 0)])
        assert (current(keeper), keeper.refused) == ("far", 0)
    finally:
        keeper.close()


@pytest.mark.parametrize("newer", [True, False], ids=["a newer model", "the end"])
def test_the_pause_before_a_further_try_ends_early_with(newer: bool) -> None:
    """However long the pause may be."""
    place = Place(silent=1)
    keeper = keep(place, 3600)
    try:
        keeper.begin([published("far", 0)])
        assert place.asked.acquire(timeout=WAIT)
        if newer:
            keeper.take(published("near", 1))
            assert current(keeper) == "near"
    finally:
        keeper.close()
    keeper._thread.join(WAIT)
    assert not keeper._thread.is_alive()
