"""Loopback ports: which are free, and who has one that is not."""

from __future__ import annotations

import contextlib
import socket
import sys

import psutil

_PORTS = 65_536


def is_free(port: int) -> bool:
    """Whether one could listen at a loopback port now."""
    with socket.socket() as probe:
        reserve(probe)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def reserve(opened: socket.socket) -> None:
    """Before it is bound: let a socket have its port for itself, and at once when its last owner has gone."""
    if sys.platform == "win32":  # without it, two programs may share a port
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
    else:  # connections of a program that just ended linger for a minute; they do not stop the next one
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)


def free_port() -> int:
    """Any free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def next_free(first: int, tries: int) -> int | None:
    """The first free port of so many from ``first`` on, or ``None``."""
    return next((port for port in range(first, min(first + tries, _PORTS)) if is_free(port)), None)


def holder_of(port: int) -> str:
    """Who listens at a port, as far as the system tells: `` by process 12 (java)``, or nothing."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:2] == (port,) and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""
