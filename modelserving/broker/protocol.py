"""What a user and a supervisor say to each other.

A caller connects to the supervisor's loopback port and sends lines ``<token> <ask>``; each is answered with one line: a
``SupervisorReply``, and for some a JSON value after it. The token comes from a file that only this user can read, so
that other users of the machine are not heard.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from modelserving.broker.layout import Layout

SUPERVISOR = "modelserving.broker.supervisor"
"""The module that is run; also how a supervisor is recognised on its command line."""
TAKEN = 75
"""Exit status of a supervisor that found another one in its folder."""


class Ask(StrEnum):
    """What a caller may want."""

    LEASE = "lease"
    """Use the broker as long as this connection is open; answered when it is ready."""
    RELEASE = "release"
    """Use it no more."""
    KEEP = "keep"
    """Let it stay when nobody uses it."""
    STOP = "stop"
    """End it, whoever uses it."""
    STATUS = "status"


class SupervisorReply(StrEnum):
    """First word of an answer."""

    READY = "ready"
    """The lease is held, the broker answers."""
    FAILED = "failed"
    """It cannot start; the value is the message."""
    CLOSING = "closing"
    """It is ending; this connection closes when it has ended."""
    RELEASED = "released"
    """The lease is given back, others keep the broker."""
    KEPT = "kept"
    STATUS = "status"
    """The value has ``leases`` and ``detached``."""


@dataclass(frozen=True, slots=True)
class SupervisorOrder:
    """What a supervisor is started to do.

    Args:
        layout: the broker's files.
        port: wanted for clients; 0 any; ``None`` the last one, or 9092, or the next free one.
        detached: keep the broker until it is stopped, leases or not.
        cache: folder of Java's start-up cache; ``None`` for a plain start.
    """

    layout: Layout
    port: int | None = None
    detached: bool = False
    cache: Path | None = None

    def arguments(self) -> list[str]:
        """The same as a command line."""
        port = [] if self.port is None else ["--port", str(self.port)]
        cache = [] if self.cache is None else ["--cache", str(self.cache)]
        return [str(self.layout.folder), *port, *cache, *(["--detached"] if self.detached else [])]

    @classmethod
    def parse(cls, arguments: Sequence[str]) -> SupervisorOrder:
        """Back from a command line."""
        parser = argparse.ArgumentParser()
        parser.add_argument("folder", type=Path)
        parser.add_argument("--port", type=int)
        parser.add_argument("--cache", type=Path)
        parser.add_argument("--detached", action="store_true")
        read = parser.parse_args(arguments)
        return cls(Layout(read.folder), read.port, read.detached, read.cache)
