"""Interrupts that have to wait."""

from __future__ import annotations

import signal
import threading

import pytest

from modelserving.system.interrupts import interrupts_held_back


def test_an_interrupt_waits_for_the_end_of_the_block() -> None:
    """What is begun is done, and then the interrupt comes."""
    done = []

    def begin() -> None:
        with interrupts_held_back():
            signal.raise_signal(signal.SIGINT)
            done.append("all of it")

    with pytest.raises(KeyboardInterrupt):
        begin()
    assert done == ["all of it"]


def test_afterwards_all_is_as_before() -> None:
    """Who handled interrupts does so again, also after an error."""
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(ValueError, match="broken"), interrupts_held_back():
        raise ValueError("broken")
    assert signal.getsignal(signal.SIGINT) is before


def test_in_another_thread_it_does_nothing() -> None:
    """Only the main thread may set handlers, and only it is interrupted."""
    found = []

    def run() -> None:
        with interrupts_held_back():
            found.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert found == [signal.getsignal(signal.SIGINT)]
