"""Ports are asked for; where one is taken, it is the next free one."""

from __future__ import annotations

import errno
import socket

from modelserving.errors import ServerError
from modelserving.system.ports import reserve

_PORTS = 65_536
_STEPS = 20
_TAKEN = (errno.EADDRINUSE, errno.EACCES)


def bind(host: str, port: int) -> socket.socket:
    """Bind the first free port from ``port`` on.

    Args:
        host: address to bind; loopback unless the user says otherwise.
        port: the port that is asked for; 0 for any.

    Returns:
        A listening socket; its own name says which port it became.

    Raises:
        ServerError: the address cannot be bound, or no port of the next twenty is free.
    """
    if not 0 <= port < _PORTS:
        raise ServerError(f"port {port} does not exist: ports go from 0 to {_PORTS - 1}.")
    candidates = range(port, min(port + _STEPS, _PORTS)) if port else range(1)
    reason: OSError | None = None
    for candidate in candidates:
        try:
            return _listen(host, candidate)
        except OSError as error:
            if error.errno not in _TAKEN:
                raise ServerError(
                    f"cannot listen on {host}: {error}. Choose an address of this machine with --host."
                ) from error
            reason = error
    raise ServerError(
        f"cannot listen on {host}, ports {candidates[0]} to {candidates[-1]}: {reason}. "
        "Choose another with --port, or --port 0 for any."
    ) from reason


def url_of(bound: socket.socket) -> str:
    """The URL of a bound socket."""
    host, port = bound.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    return f"http://{shown}:{port}"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named, or else asyncio does not know that this is TCP and leaves Nagle's algorithm on: answers may wait.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        reserve(bound)
        bound.bind((host, port))
        bound.listen()
    except BaseException:
        bound.close()
        raise
    return bound
