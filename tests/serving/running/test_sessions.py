"""When a server gives its name up, and when it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace

import anyio
import pytest
from kafka.errors import FencedInstanceIdError, KafkaConnectionError, KafkaError

from modelserving.errors import ServerError
from modelserving.serving.running import sessions
from modelserving.serving.running.sessions import run_sessions

FENCED, AWAY = FencedInstanceIdError(), KafkaConnectionError()


class Enough(Exception):
    """The test has seen enough."""


def run(monkeypatch: pytest.MonkeyPatch, *ends: tuple[float, KafkaError]) -> None:
    """Sessions that end at these moments, with these errors."""
    clock, coming = SimpleNamespace(monotonic=lambda: 0.0), iter(ends)
    monkeypatch.setattr(sessions, "time", clock)
    monkeypatch.setattr(sessions, "_RETRY_SECONDS", (0.0,))

    async def session() -> None:
        moment, error = next_of(coming)
        clock.monotonic = lambda: moment
        raise error

    anyio.run(run_sessions, session, lambda: 0, lambda: None)


def next_of(coming: Iterator[tuple[float, KafkaError]]) -> tuple[float, KafkaError]:
    """The next, or the end of the test."""
    for found in coming:
        return found
    raise Enough


def test_the_first_of_two_that_is_fenced_thrice_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two servers of one name take each other's place; one of them gives way, and says what to do."""
    with pytest.raises(ServerError, match=r"the same name in the group.*--instance of its own"):
        run(monkeypatch, (0, FENCED), (6, FENCED), (12, FENCED))


@pytest.mark.parametrize(
    "ends",
    [
        ((0, FENCED), (6, FENCED)),
        ((0, FENCED), (6, FENCED), (7, AWAY), (12, FENCED)),
        ((0, FENCED), (1000, FENCED), (2000, FENCED)),
    ],
    ids=["twice", "with something else between", "in a long life"],
)
def test_a_fence_now_and_then_ends_no_server(
    ends: tuple[tuple[float, KafkaError], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broker that was away for long may fence a server without another one."""
    with pytest.raises(Enough):
        run(monkeypatch, *ends)
