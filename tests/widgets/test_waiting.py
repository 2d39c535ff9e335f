"""Waits that count their seconds."""

from __future__ import annotations

import threading

import pytest

from modelserving.widgets import waiting as module
from modelserving.widgets.waiting import count_waits, waiting


def test_a_wait_that_is_stopped_as_it_begins_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """No counter goes on for ever, and later waits are counted still."""
    made: list[threading.Thread] = []

    def stopped(thread: threading.Thread) -> None:
        made.append(thread)
        start(thread)
        raise KeyboardInterrupt

    start = threading.Thread.start
    monkeypatch.setattr(module, "_in_kernel", lambda: True)
    count_waits(True)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", stopped)
            with pytest.raises(KeyboardInterrupt), waiting("something"):
                pass
        (counter,) = made
        counter.join(60)
        assert not counter.is_alive()
        assert not module._inside.one
    finally:
        count_waits(False)
