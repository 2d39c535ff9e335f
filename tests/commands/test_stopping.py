"""Reasons to stop."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from modelserving.commands.stopping import stop_event
from tests.waiting import WAIT


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_sets_the_event_and_is_as_before_afterwards(number: signal.Signals) -> None:
    """Ctrl-C and a request to terminate stop the work instead of breaking it off."""
    before = signal.getsignal(number)
    with stop_event() as stop:
        assert not stop.is_set()
        signal.raise_signal(number)
        assert stop.wait(WAIT)
    assert signal.getsignal(number) is before


def test_handlers_are_back_after_an_error() -> None:
    """Whatever happened in between."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="broken"), stop_event():
        raise ValueError("broken")
    assert signal.getsignal(signal.SIGINT) is before


def test_a_parent_that_is_gone_is_a_reason() -> None:
    """When standard input closes, which it does even when the parent is killed, the event is set."""
    code = (
        "from modelserving.commands.stopping import stop_event\n"
        "with stop_event(until_stdin_closes=True) as stop:\n"
        "    print(stop.is_set(), flush=True); print(stop.wait(60), flush=True)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline().strip() == b"False"
        process.stdin.close()
        assert process.stdout.readline().strip() == b"True"
