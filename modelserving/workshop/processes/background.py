"""Work that goes on behind the cells of a lesson. It never prints: a line from a thread lands in the wrong cell."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Self

from modelserving.errors import ServerError
from modelserving.system.interrupts import join_thread


class BackgroundTask:
    """A function that runs in a thread until it ends or is told to stop.

    Args:
        function: called once with an event; it should return soon after the event is set.
        name: for messages.
    """

    def __init__(self, function: Callable[[threading.Event], object], name: str) -> None:
        self.name = name
        self.error: BaseException | None = None
        self._function = function
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def running(self) -> bool:
        """Whether it still runs."""
        return self._thread.is_alive()

    def wait(self, seconds: float) -> bool:
        """Wait until it ends by itself.

        Returns:
            Whether it ended in time.

        Raises:
            ServerError: it ended with an error.
        """
        self._thread.join(seconds)
        if self.error is not None:
            raise ServerError(f"{self.name} ended with {type(self.error).__name__}: {self.error}") from self.error
        return not self.running

    def stop(self, seconds: float = 10) -> None:
        """Ask it to end, and wait for that. A second call does nothing.

        Raises:
            ServerError: it did not end in time.
        """
        self._stop.set()
        join_thread(self._thread, seconds)
        if self.running:
            raise ServerError(f"{self.name} did not stop within {seconds:g} s.")

    close = stop

    def __repr__(self) -> str:
        state = "running" if self.running else f"ended with {self.error!r}" if self.error else "ended"
        return f"<{self.name}: {state}>"

    def _run(self) -> None:
        try:
            self._function(self._stop)
        except Exception as error:  # noqa: BLE001
            self.error = error
