"""Which port the broker gets."""

from __future__ import annotations

import socket

import pytest

from modelserving.broker.ports import choose_port
from modelserving.errors import BrokerStartError
from modelserving.system.ports import free_port, is_free


@pytest.fixture
def taken() -> object:
    """A port that a listener of ours has."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_taken_port_is_not_free(taken: int) -> None:
    """A port with a listener is not free, and is again when the listener is gone."""
    assert not is_free(taken)
    assert is_free(free_port())


def test_wanted_port_or_none(taken: int) -> None:
    """A port that is asked for is given, or refused with its number; the last one has no say."""
    wanted = free_port()
    assert choose_port(wanted, last=free_port()) == wanted
    with pytest.raises(BrokerStartError, match=f"port {taken} on 127.0.0.1 is taken"):
        choose_port(taken, last=None)


@pytest.mark.parametrize("wanted", [None, 0])
def test_last_port_is_kept_if_free(wanted: int | None, taken: int) -> None:
    """Without a wish, or with the wish for any, the last port is kept; of a taken one, the next free one is taken."""
    last = free_port()
    assert choose_port(wanted, last) == last
    other = choose_port(wanted, taken)
    assert other != taken
    assert is_free(other)


def test_default_is_near_9092() -> None:
    """Without a wish and a past, it is Kafka's own port, or the next one that is free."""
    assert 9092 <= choose_port(None, None) < 9092 + 50
