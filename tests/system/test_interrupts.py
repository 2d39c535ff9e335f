"""Interrupts that have to wait."""

from __future__ import annotations

import signal
import threading

import pytest

from modelserving.system.interrupts import interrupts_held_back, join_thread


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


def test_a_thread_whose_start_was_interrupted_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has a number before it counts as started; nobody gets an error for what the stop button did."""
    begins = threading.Event()

    class Slow(threading.Thread):
        def _set_ident(self) -> None:
            super()._set_ident()  # type: ignore[misc]
            begins.wait()

    def stopped(*_: object) -> bool:
        raise KeyboardInterrupt

    thread = Slow(target=lambda: None)
    with monkeypatch.context() as patched:
        patched.setattr(thread._started, "wait", stopped)  # type: ignore[attr-defined]
        with pytest.raises(KeyboardInterrupt):
            thread.start()
    try:
        join_thread(thread)
    finally:
        begins.set()
    assert thread._started.wait(60)  # type: ignore[attr-defined]
    join_thread(thread, 60)
    assert not thread.is_alive()
