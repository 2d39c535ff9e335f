"""A limit of time for code that somebody else wrote: an endless loop in an answer ends with a sentence."""

from __future__ import annotations

import _thread
import ctypes
import linecache
import signal
import sys
import threading
import time
from collections.abc import Iterator, Set
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from types import FrameType, TracebackType
from typing import Any

_LOOK_EVERY_S = 0.1
_AGAIN_AFTER_S = 3.0
"""What is closed on the way out may take that long; code that holds up every error is stopped again then."""


@dataclass(frozen=True, slots=True)
class CodeLine:
    """A line of a cell.

    Args:
        number: from 1, in its cell.
        text: without the space around it.
    """

    number: int
    text: str

    @classmethod
    def of(cls, file: str, number: int) -> CodeLine:
        """The line of a file, or of a cell, as the interpreter remembers it."""
        return cls(number, linecache.getline(file, number).strip())

    def __str__(self) -> str:
        return f"line {self.number} of its cell" + (f", `{self.text}`" if self.text else "")


class OutOfTime(BaseException):
    """The time is over. No ``except Exception`` in the code that is stopped holds it up.

    Args:
        line: where the code was; ``None`` if another code ran at that moment.
        seconds: the limit.
    """

    def __init__(self, line: CodeLine | None = None, seconds: float = 0) -> None:
        super().__init__(f"not done within {seconds:g} s")
        self.line = line
        self.seconds = seconds


def limited(files: Set[str], answer_s: float, total_s: float) -> AbstractContextManager[None]:
    """Let a block run for so long, and then stop it: in this thread, and whatever it started of ``files`` in others.

    Args:
        files: names of the files, or cells, whose code is watched.
        answer_s: seconds for that code, all its turns together.
        total_s: seconds for the block.

    Raises:
        OutOfTime: it was stopped, or ended just when it was to be.
    """
    return _Watch(files, answer_s, total_s)


class _Watch:
    """Looks at the stacks of all threads ten times a second, and adds up how long watched code is on one of them.

    What stops the block may come at any moment, also when the block has just ended. So nothing is raised while it is
    left: else the former handler of interrupts would not come back, and whatever ran next would be stopped in its turn.
    """

    def __init__(self, files: Set[str], answer_s: float, total_s: float) -> None:
        self._files, self._answer_s, self._total_s = files, answer_s, total_s
        self._thread = threading.get_ident()
        self._by_signal = threading.current_thread() is threading.main_thread()
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._others = {thread.ident for thread in threading.enumerate()} - {self._thread}
        self._watcher = threading.Thread(target=self._run, name="limit of time", daemon=True)
        self._block: FrameType | None = None
        self._former: Any = None
        self._interrupt_came = False
        self._verdict: OutOfTime | None = None

    def __enter__(self) -> None:
        self._block = sys._getframe(1)
        self._watcher.start()
        try:
            if self._by_signal:  # a signal is the only thing that also ends a call that waits
                self._former = signal.getsignal(signal.SIGINT)
                signal.signal(signal.SIGINT, self._interrupted)
        except BaseException:
            self._leave()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        while self._block is not None:
            with suppress(OutOfTime):  # in a thread, it is raised wherever that is just then
                self._leave()
        if self._verdict is not None and error is not self._verdict:
            raise self._verdict from error  # other code, in Java for example, made an error of its own of it
        if self._interrupt_came:
            raise KeyboardInterrupt

    def _leave(self) -> None:
        """Nothing is stopped any more, and interrupts are again what they were."""
        with self._lock:
            self._over.set()
        self._watcher.join()
        if self._former is not None:
            signal.signal(signal.SIGINT, self._former)
        self._block = None

    def _run(self) -> None:
        """Look until the block is over, or the time."""
        begun = looked = time.monotonic()
        spent = 0.0
        while not self._over.wait(_LOOK_EVERY_S):
            now = time.monotonic()
            found = self._on_stacks()
            spent += now - looked if found else 0
            looked = now
            if spent > self._answer_s or now - begun > self._total_s:
                limit = self._answer_s if spent > self._answer_s else self._total_s
                self._verdict = OutOfTime(next(iter(found.values()), None), limit)
                break
        while self._inside():
            self._strike()
            self._over.wait(_AGAIN_AFTER_S)

    def _inside(self) -> bool:
        """Whether the thread is in the block: never again if it was thrown out before it could say so."""
        stack = _frames(sys._current_frames().get(self._thread))
        return any(frame is self._block for frame in stack) and not self._over.is_set()

    def _on_stacks(self) -> dict[int, CodeLine]:
        """The watched line that each thread is at, the block's own first; without threads that were there before it."""
        frames = sorted(sys._current_frames().items(), key=lambda item: item[0] != self._thread)
        lines = {ident: self._line(frame) for ident, frame in frames if ident not in self._others}
        return {ident: line for ident, line in lines.items() if line}

    def _line(self, frame: FrameType | None) -> CodeLine | None:
        found = next((one for one in _frames(frame) if one.f_code.co_filename in self._files), None)
        return CodeLine.of(found.f_code.co_filename, found.f_lineno) if found else None

    def _strike(self) -> None:
        for ident in self._on_stacks():
            if ident != self._thread:
                _raise_in(ident, TimeoutError)
        with self._lock:
            if self._over.is_set():
                return
            if not self._by_signal:
                _raise_in(self._thread, OutOfTime)
            elif hasattr(signal, "pthread_kill"):
                signal.pthread_kill(self._thread, signal.SIGINT)
            else:
                _thread.interrupt_main()

    def _interrupted(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        for one in _frames(frame):
            if one is self._block:
                break
            if one.f_code is _Watch.__exit__.__code__:
                self._interrupt_came |= self._verdict is None
                return
        raise self._verdict or KeyboardInterrupt


def _frames(frame: FrameType | None) -> Iterator[FrameType]:
    """A stack, from its innermost call outwards."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _raise_in(thread: int, error: type[BaseException]) -> None:
    """Raise an error in another thread, as soon as it runs Python."""
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(error))
