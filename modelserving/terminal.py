"""What strangers wrote, for a terminal and for logs: without what gives orders to it, and no longer than anybody reads.

Names of models, keys and the reasons of errors come with messages, and anybody may send those.
"""

from __future__ import annotations

import logging
from types import TracebackType
from typing import TypeAlias

_LONGEST = 4_000
_Raised: TypeAlias = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def printable(text: str, keep: str = "") -> str:
    """The text with each character that a terminal would obey, or hide, written by its number, as Python does.

    Args:
        text: what somebody wrote.
        keep: of these characters, the ones that stay: the ends of lines that are ours.
    """
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() or letter in keep else ascii(letter)[1:-1] for letter in text)


class PlainFormatter(logging.Formatter):
    """Log lines that begin with their level, whatever is in them: what has several lines goes on indented."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the base class calls it so
        """The message, spelled and cut."""
        text = super().formatMessage(record)
        cut = text if len(text) <= _LONGEST else f"{text[:_LONGEST]}… ({len(text)} letters)"
        return printable(cut, keep="\n\t").replace("\n", "\n    ")

    def formatException(self, ei: _Raised) -> str:  # noqa: N802 - the base class calls it so
        """The traceback, spelled."""
        return printable(super().formatException(ei), keep="\n\t")
