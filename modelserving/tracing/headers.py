"""The headers that a trace travels in."""

from __future__ import annotations

from collections.abc import Iterable

TRACE_HEADERS = frozenset({"traceparent", "tracestate"})
"""W3C's names."""
_LONGEST = 8 * 1024


def carried(headers: Iterable[tuple[str, bytes | None]]) -> list[tuple[str, bytes]]:
    """Those of a message's headers that go on with what becomes of it; one that is as large as a message does not.

    Args:
        headers: all of them.
    """
    return [(name, value) for name, value in headers if name in TRACE_HEADERS and value and len(value) <= _LONGEST]


def other_headers(headers: Iterable[tuple[str, bytes | None]]) -> list[tuple[str, bytes | None]]:
    """Those of a message's headers that are not about a trace.

    Args:
        headers: all of them.
    """
    return [(name, value) for name, value in headers if name not in TRACE_HEADERS]
