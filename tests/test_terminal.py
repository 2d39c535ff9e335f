"""Texts of strangers, for a terminal and for logs."""

from __future__ import annotations

import logging

from modelserving.terminal import PlainFormatter, printable

HOSTILE = "\x1b[2J\x9b31m\u202e\r\nERROR all is lost"


def test_what_gives_orders_to_a_terminal_is_spelled() -> None:
    """So is what hides, or turns the order of letters; letters of all languages stay."""
    assert printable(HOSTILE) == "\\x1b[2J\\x9b31m\\u202e\\r\\nERROR all is lost"
    assert printable("模 🍷 é\n", keep="\n") == "模 🍷 é\n"


def formatted(message: str, *, error: bool = False) -> str:
    failure = ValueError(HOSTILE)
    about = (ValueError, failure, None) if error else None
    record = logging.LogRecord("a.b", logging.WARNING, "", 0, "refused: %s", (message,), about)
    return PlainFormatter("%(levelname)s %(name)s: %(message)s").format(record)


def test_a_log_line_is_one_line_that_no_stranger_can_forge() -> None:
    """An operator's name in a model began a line of its own, in the log of the server that refused it."""
    assert formatted(HOSTILE) == "WARNING a.b: refused: \\x1b[2J\\x9b31m\\u202e\\r\n    ERROR all is lost"
    assert "ValueError: \\x1b[2J\\x9b31m\\u202e\\r\n" in formatted("x", error=True)


def test_a_log_line_is_no_longer_than_anybody_reads() -> None:
    """A location of a million letters made a line of a million, each time that the server started."""
    line = formatted("x" * 1_000_000)
    assert len(line) < 5_000
    assert line.endswith("… (1000022 letters)")
