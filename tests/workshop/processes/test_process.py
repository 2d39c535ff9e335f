"""Servers as child processes of a lesson."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from modelserving.errors import ServerError
from modelserving.widgets.speculative.feed import ask_server
from modelserving.workshop.processes.process import ServerProcess, wait_until_all_serve


class Begun(ServerProcess):
    """A server that was begun: no process at all, it notes what is done with it."""

    def __init__(self, trouble: BaseException | None = None) -> None:
        self.trouble = trouble
        self.done: list[str] = []

    def wait_until_serving(self, seconds: float = 90.0) -> None:
        """Serve at once, or fail."""
        self.done.append("waited")
        if self.trouble:
            raise self.trouble

    def close(self) -> None:
        """Note it."""
        self.done.append("closed")


@pytest.mark.parametrize("trouble", [KeyboardInterrupt(), ServerError("it ended")], ids=["stop button", "ended"])
def test_of_servers_that_are_begun_together_all_serve_or_none_is_left(trouble: BaseException) -> None:
    """A wait that is stopped leaves no server behind that nobody knows, and that has a share of the partitions."""
    servers = [Begun(), Begun(trouble), Begun()]
    with pytest.raises(type(trouble)):
        wait_until_all_serve(servers)
    assert [one.done for one in servers] == [["waited", "closed"], ["waited", "closed"], ["closed"]]


def test_servers_that_all_serve_stay() -> None:
    """Each is waited for, and none is closed."""
    servers = [Begun(), Begun()]
    wait_until_all_serve(iter(servers))
    assert [one.done for one in servers] == [["waited"], ["waited"]]


class Flickering(Begun):
    """A server that is healthy for a moment only."""

    running = True
    command = ()

    def __init__(self) -> None:
        super().__init__()
        self.answers = [False, True, False]

    def wait_until_serving(self, seconds: float = 90.0) -> None:
        """Wait as a real one does."""
        ServerProcess.wait_until_serving(self, seconds)

    def _announced(self) -> bool:
        return True

    def _healthy(self) -> bool:
        return self.answers.pop(0)


def test_a_server_that_was_healthy_once_serves() -> None:
    """Of several that share their records anew, each is not, for a moment."""
    server = Flickering()
    server.wait_until_serving()
    assert server.answers == [False]


class _Healthy(BaseHTTPRequestHandler):
    """Says that all is well, whatever is asked."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"status": "ok"}')

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a server, on a machine whose environment names a proxy that cannot reach it."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), _Healthy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def test_a_proxy_does_not_stand_before_a_server_on_this_machine(behind_a_proxy: str) -> None:
    """In a company's network no lesson would ever see its server serve."""
    server = Begun()
    server.url = behind_a_proxy
    assert server._healthy()
    assert server.get("/healthz") == {"status": "ok"}
    assert ask_server(behind_a_proxy) == {"status": "ok"}
