"""Ports are asked for; of a taken one, the next free one is taken."""

from __future__ import annotations

import socket
from contextlib import closing

import pytest

from modelserving.errors import ServerError
from modelserving.web import bind, url_of


def port_of(bound: socket.socket) -> int:
    port: int = bound.getsockname()[1]
    return port


def test_port_zero_is_any_free_port() -> None:
    """Two servers that do not care get two ports, and both listen."""
    with closing(bind("127.0.0.1", 0)) as one, closing(bind("127.0.0.1", 0)) as other:
        assert port_of(one) != port_of(other)
        for bound in (one, other):
            socket.create_connection(("127.0.0.1", port_of(bound)), timeout=5).close()


def test_a_free_port_is_taken_as_asked() -> None:
    """Who asks for a port gets that one, also right after another server let it go."""
    with closing(bind("127.0.0.1", 0)) as probe:
        port = port_of(probe)
    with closing(bind("127.0.0.1", port)) as bound:
        assert port_of(bound) == port
        assert url_of(bound) == f"http://127.0.0.1:{port}"


def test_of_a_taken_port_the_next_free_one_is_taken() -> None:
    """The second server gets one of the next ports, and its URL says which."""
    with closing(bind("127.0.0.1", 0)) as first, closing(bind("127.0.0.1", port_of(first))) as second:
        assert 0 < port_of(second) - port_of(first) < 20
        assert url_of(second) == f"http://127.0.0.1:{port_of(second)}"


def test_loopback_is_all_that_is_bound() -> None:
    """A server that was told nothing else is not seen by the network."""
    with closing(bind("127.0.0.1", 0)) as bound:
        assert bound.getsockname()[0] == "127.0.0.1"


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_ipv6_address_stands_in_brackets() -> None:
    """That is how a URL wants it."""
    try:
        bound = bind("::1", 0)
    except ServerError:
        pytest.skip("this machine has no IPv6 loopback")
    with closing(bound):
        assert url_of(bound) == f"http://[::1]:{port_of(bound)}"


@pytest.mark.parametrize("port", [65_536, -1])
def test_a_port_that_does_not_exist_is_told(port: int) -> None:
    """The message has the port and the range."""
    with pytest.raises(ServerError, match=f"port {port} does not exist: ports go from 0 to 65535"):
        bind("127.0.0.1", port)


def test_the_last_port_has_no_next_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """When 65535 is taken, the message says that, and not that 65536 does not exist."""
    with pytest.raises(ServerError, match=r"cannot listen on 127\.0\.0\.1, port") as caught:
        bind_all_taken(monkeypatch, 65_535)
    assert "does not exist" not in str(caught.value)


def test_no_free_port_is_told_with_the_way_out(monkeypatch: pytest.MonkeyPatch) -> None:
    """After twenty ports: which were tried, what the system said, which option helps."""
    with pytest.raises(ServerError, match=r"cannot listen on 127\.0\.0\.1, ports 5500 to 5519: .*--port 0"):
        bind_all_taken(monkeypatch, 5_500)


@pytest.mark.parametrize("host", ["192.0.2.1", "no such host"])
def test_an_address_that_is_not_ours_is_told_as_that(host: str) -> None:
    """Another port would not help, so the message does not send people there."""
    with pytest.raises(ServerError, match=f"cannot listen on {host}: ") as caught:
        bind(host, 5_500)
    assert "--host" in str(caught.value)


def bind_all_taken(monkeypatch: pytest.MonkeyPatch, port: int) -> None:
    """Bind where every port that exists is taken."""
    with closing(bind("127.0.0.1", 0)) as taken:
        busy = port_of(taken)

        class Busy(socket.socket):
            def bind(self, address: tuple[str, int]) -> None:  # type: ignore[override]
                super().bind((address[0], busy if address[1] < 65_536 else address[1]))

        monkeypatch.setattr(socket, "socket", Busy)
        bind("127.0.0.1", port)
