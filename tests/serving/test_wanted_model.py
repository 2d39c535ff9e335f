"""A model that is wanted and that is nowhere: every server says so, also where another serves in its place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from modelserving.actors import ActorServer, ServingSettings
from modelserving.kafka import Connection
from modelserving.kstreams import State
from modelserving.models.lifecycle.controller import ModelController
from modelserving.records import (
    TOPICS,
    Action,
    ModelCommand,
    ModelDescriptor,
    ModelType,
    encode_command,
    encode_descriptor,
)
from modelserving.serving import Health, Phase, ServerOptions
from modelserving.stage import StageServer
from modelserving.streams_server import StreamsOptions, StreamsServer
from tests.fakes import FakeMessage

NOBODY = Connection("127.0.0.1:1")


@dataclass(frozen=True, slots=True)
class Engine:
    """A Kafka Streams application that runs, as far as one can see."""

    state: State = State.RUNNING


def stage(_folder: Path, _monkeypatch: pytest.MonkeyPatch) -> tuple[ModelController, Callable[[], Health]]:
    server = StageServer(NOBODY, ServerOptions())
    server.phase = Phase.SERVING
    return server._models.controller, server.health


def actor(folder: Path, _monkeypatch: pytest.MonkeyPatch) -> tuple[ModelController, Callable[[], Health]]:
    def never() -> object:
        raise AssertionError("no actor is needed")

    server = ActorServer(NOBODY, ServerOptions(), ServingSettings(folder), never)  # type: ignore[arg-type]
    server.phase = Phase.SERVING
    return server._models.controller, server.health


def streams(folder: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[ModelController, Callable[[], Health]]:
    monkeypatch.setattr(StreamsServer, "missing", "")
    server = StreamsServer(NOBODY, ServerOptions(), StreamsOptions(folder))
    server.phase = Phase.SERVING
    server.streams = Engine()  # type: ignore[assignment]
    return server.models.threads[0].controller, server.health


@pytest.mark.parametrize("make", [stage, actor, streams])
def test_a_wanted_model_that_is_nowhere_is_said_at_healthz(
    make: Callable[..., tuple[ModelController, Callable[[], Health]]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the command that asks for it, what to do, and until another is wanted."""
    controller, health = make(tmp_path, monkeypatch)
    here = ModelDescriptor("here", "", "wine", ModelType.PMML, b"here")
    controller.take(FakeMessage(encode_descriptor(here), 0, topic=TOPICS.models, timestamp=1))
    assert health() == Health(True, Phase.SERVING, ())
    wanted = ModelCommand(Action.ROLL_BACK, "wine", "ab" * 32)
    controller.take(FakeMessage(encode_command(wanted), 0, topic=TOPICS.control, timestamp=2))
    (line,) = health().details
    assert line.startswith("cannot roll back for data type 'wine': no model with digest abababababab…")
    assert "publish the model again" in line
    controller.take(FakeMessage(encode_descriptor(here), 1, topic=TOPICS.models, timestamp=3))
    assert health().details == ()
