"""What a Kafka Streams server makes of the failures of its threads, over a long life."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import anyio
import pytest

from modelserving.errors import BrokerUnavailable, ServerError
from modelserving.kafka import Connection
from modelserving.kstreams import Response, State
from modelserving.serving.options import ServerOptions
from modelserving.streams_server.distribution import ModelDistribution
from modelserving.streams_server.server import StreamsServer
from modelserving.streams_server.topologies import StreamsOptions


@dataclass(slots=True)
class Ending:
    """An engine whose threads fail at these moments, and that ends then."""

    moments: tuple[float, ...]
    clock: SimpleNamespace
    on_error: Callable[[BaseException], Response]
    responses: list[Response]
    failure: Exception = field(default_factory=lambda: ValueError("this one is poison"))
    state: State = State.CREATED
    error: BaseException | None = None

    def start(self) -> None:
        for moment in self.moments:
            self.clock.monotonic = lambda moment=moment: moment
            self.error = self.failure
            self.responses.append(self.on_error(self.error))
        self.clock.monotonic = lambda: self.moments[-1] + 1
        self.state = State.ERROR

    def raise_error(self) -> None:
        if self.error is not None:
            raise self.error

    def close(self, _seconds: float) -> bool:
        return True


@pytest.mark.parametrize(
    ("moments", "expected", "response"),
    [
        ((0, 1, 2, 3, 4), ValueError, Response.SHUTDOWN_CLIENT),
        ((0, 15, 30, 45, 59.5), ValueError, Response.SHUTDOWN_CLIENT),
        ((0, 1000, 2000, 3000, 4000), BrokerUnavailable, Response.REPLACE_THREAD),
        ((0, 1000, 2000, 2001, 2002, 2003), BrokerUnavailable, Response.REPLACE_THREAD),
        ((0, 1), BrokerUnavailable, Response.REPLACE_THREAD),
    ],
)
def test_only_threads_that_fail_again_and_again_end_the_server(
    moments: tuple[float, ...],
    expected: type[BaseException],
    response: Response,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Five failures within a minute are a fault of ours; five in a long life are not, whenever the engine ends."""
    options = StreamsOptions(state_folder=tmp_path, models=ModelDistribution.CO_PARTITIONED)
    server = StreamsServer(Connection("127.0.0.1:1"), ServerOptions(), options)
    clock = SimpleNamespace()
    monkeypatch.setattr("modelserving.serving.running.sessions.time", clock)
    responses: list[Response] = []
    monkeypatch.setattr(server, "_make", lambda: Ending(moments, clock, server._on_error, responses))
    with pytest.raises(expected):
        anyio.run(server._session)
    assert responses[-1] is response
    assert set(responses[:-1]) == {Response.REPLACE_THREAD}


def test_a_server_whose_name_was_taken_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replacing the thread would give it another name, and leave a server that nobody asked for."""
    options = StreamsOptions(state_folder=tmp_path, models=ModelDistribution.CO_PARTITIONED)
    server = StreamsServer(Connection("127.0.0.1:1"), ServerOptions(), options)
    responses: list[Response] = []
    fence = ServerError("Kafka Streams: FencedInstanceIdException: The broker rejected this static consumer.")
    monkeypatch.setattr(server, "_make", lambda: Ending((0,), SimpleNamespace(), server._on_error, responses, fence))
    with pytest.raises(ServerError, match="Give each server an --instance of its own"):
        anyio.run(server._session)
    assert responses == [Response.SHUTDOWN_CLIENT]
