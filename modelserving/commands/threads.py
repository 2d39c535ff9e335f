"""How the threads of a server share the interpreter."""

from __future__ import annotations

import sys

_SWITCH_SECONDS = 0.0005


def share_fairly() -> None:
    """Let a thread that has heard from the network go on after half a millisecond, not five.

    A transaction is some ten messages to and fro. While a batch is scored, each would wait its turn for Python's usual
    five milliseconds.
    """
    sys.setswitchinterval(_SWITCH_SECONDS)
