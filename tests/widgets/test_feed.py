"""What all sources of live views have in common."""

from __future__ import annotations

import threading

from modelserving.widgets.feed import LiveFeed


class _Waiting(LiveFeed):
    """Does nothing until it is told to stop; then it has done so."""

    def __init__(self) -> None:
        super().__init__(first=self._wait, second=self._wait)
        self.ended = threading.Semaphore(0)

    def _wait(self) -> None:
        self._stop.wait()
        self.ended.release()


def test_each_job_begins_and_has_ended_when_the_feed_is_closed() -> None:
    """A cell that closes a view leaves no thread; a second close does nothing."""
    feed = _Waiting()
    feed.start()
    assert not feed.finished
    feed.close()
    feed.close()
    assert [feed.ended.acquire(blocking=False) for _ in range(3)] == [True, True, False]


def test_a_feed_that_never_began_is_closed_at_once() -> None:
    """A view may fail before it starts its source."""
    feed = _Waiting()
    feed.close()
    assert not feed.ended.acquire(blocking=False)
