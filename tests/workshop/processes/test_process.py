"""Servers as child processes of a lesson."""

from __future__ import annotations

import pytest

from modelserving.errors import ServerError
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
