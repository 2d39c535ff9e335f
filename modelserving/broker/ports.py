"""Loopback ports: which are free, and who has one that is not."""

from __future__ import annotations

import contextlib
import socket
import sys

import psutil

from modelserving.errors import BrokerStartError

__all__ = ["DEFAULT_PORT", "choose_port", "free_port", "is_free"]

DEFAULT_PORT = 9092
"""Kafka's own."""
_TRIES = 50


def is_free(port: int) -> bool:
    """Whether one could listen at a loopback port now."""
    with socket.socket() as probe:
        if sys.platform == "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            # Connections of a broker that just ended linger for a minute; they do not stop the next one.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """Any free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def choose_port(wanted: int | None, last: int | None) -> int:
    """Where the broker shall listen.

    Args:
        wanted: a port, which is used or nothing is; 0 for any free one; ``None`` for 9092 or the next free one.
        last: where it listened before; kept unless ``wanted`` says otherwise, so that its clients find it again.

    Raises:
        BrokerStartError: the wanted port is taken.
    """
    if wanted:
        if is_free(wanted):
            return wanted
        raise BrokerStartError(
            f"the Kafka broker cannot start: port {wanted} on 127.0.0.1 is taken{_holder(wanted)}. "
            "Stop that program, choose another port, or name none: a free one is then found."
        )
    if last is not None and is_free(last):
        return last
    if wanted == 0:
        return free_port()
    near = (port for port in range(DEFAULT_PORT, DEFAULT_PORT + _TRIES) if is_free(port))
    return next(near, None) or free_port()


def _holder(port: int) -> str:
    """Who listens at a port, as far as the system tells."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,) and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""
