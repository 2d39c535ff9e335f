"""The supervisor's end of the connections to its users."""

from __future__ import annotations

import contextlib
import json
import secrets
import selectors
import socket
from dataclasses import dataclass

from modelserving.broker.protocol import Ask, SupervisorReply

_LONGEST_LINE = 1000


@dataclass(eq=False, slots=True)
class Caller:
    """One connection.

    Args:
        connection: its socket.
        unread: the beginning of a line.
        leased: whether it holds a lease.
        waiting: whether it wants to hear when the broker is ready.
    """

    connection: socket.socket
    unread: bytes = b""
    leased: bool = False
    waiting: bool = False

    def tell(self, reply: SupervisorReply, value: object = None) -> None:
        """Answer; one who has hung up will be noticed when read from."""
        line = reply if value is None else f"{reply} {json.dumps(value)}"
        with contextlib.suppress(OSError):
            self.connection.sendall(f"{line}\n".encode())


class Callers:
    """All connections, and who of them holds a lease.

    Args:
        selector: where they are waited on, with the caller as data.
        token: that each line must begin with.
    """

    def __init__(self, selector: selectors.BaseSelector, token: str) -> None:
        self._selector = selector
        self._token = token
        self._open: set[Caller] = set()

    @property
    def leases(self) -> int:
        """How many leases are held."""
        return sum(caller.leased for caller in self._open)

    def admit(self, connection: socket.socket) -> None:
        """Take a new connection."""
        connection.settimeout(1.0)
        caller = Caller(connection)
        self._open.add(caller)
        self._selector.register(connection, selectors.EVENT_READ, caller)

    def read(self, caller: Caller) -> list[Ask]:
        """Read what a caller wants; one who hangs up, or does not know the token, is parted with."""
        try:
            part = caller.connection.recv(4096)
        except OSError:
            part = b""
        *lines, caller.unread = (caller.unread + part).split(b"\n")
        asks = [self._parse(line) for line in lines]
        if not part or None in asks or len(caller.unread) > _LONGEST_LINE:
            self._disconnect(caller)
            return []
        return [ask for ask in asks if ask is not None]

    def _parse(self, line: bytes) -> Ask | None:
        token, _, ask = line.decode("ascii", "replace").partition(" ")
        if not secrets.compare_digest(token.encode(), self._token.encode()):
            return None
        return next((known for known in Ask if known == ask), None)

    def _disconnect(self, caller: Caller) -> None:
        self._selector.unregister(caller.connection)
        self._open.discard(caller)
        caller.leased = caller.waiting = False
        caller.connection.close()

    def tell_waiting(self, reply: SupervisorReply, value: object = None) -> bool:
        """Answer all who wait; whether there were any."""
        waiting = [caller for caller in self._open if caller.waiting]
        for caller in waiting:
            caller.waiting = False
            caller.tell(reply, value)
        return bool(waiting)

    def close(self) -> None:
        """Hang up on all; for them this means that the broker has ended."""
        for caller in self._open:
            caller.connection.close()
        self._open.clear()
