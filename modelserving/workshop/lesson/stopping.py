"""■ stops the code of a cell, and nothing else: not the kernel's own code, nor an import, of which half would stay.

This imports nothing of the kernel's, so that it is there before anything large is imported.
"""

from __future__ import annotations

import _thread
import builtins
import signal
import sys
import threading
from types import FrameType
from typing import Any

STOPPED = "Stopped: by you, with the square button or Ctrl-C. What runs behind the cells goes on."
_STOP_AGAIN_AFTER_S = 0.1
_RUN_CODE = {"run_cell_async", "comm_msg"}
"""IPython's function for a cell, and the kernel's for a button."""
_IMPORT = "_find_and_load"
"""Python's function for a module that is not there yet."""


class StoppedCell(KeyboardInterrupt):
    """Somebody stopped a cell. One line, wherever in IPython it is shown."""

    def _render_traceback_(self) -> list[str]:
        return [STOPPED]


def find_shell() -> Any:
    """IPython's shell, where there is one; who has none does not wait for IPython."""
    found = sys.modules.get("IPython")
    return found.get_ipython() if found is not None else None


def stop_code_only() -> None:
    """Let ■ stop the code of a cell, and wait while the kernel itself is at work before it, or a module is imported.

    Raised in the kernel's own code, an interrupt would end the request without an answer: the cell would show ``[*]``
    for good. Raised in an import, it would leave half a module, and some can be loaded only once in a process.

    It holds from now on, in the cell at work too. Outside a kernel this does nothing, and a second time neither.
    """
    kernel = getattr(find_shell(), "kernel", None)
    hook = getattr(kernel, "pre_handler_hook", None)
    if kernel is None or isinstance(getattr(hook, "__self__", None), _Stopper):
        return
    stopper = _Stopper(kernel)
    kernel.pre_handler_hook = stopper.begin_request
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler and _is_main_thread():
        signal.signal(signal.SIGINT, stopper.interrupted)  # until the kernel puts back what it had before this request


class _Stopper:
    """Stops the request at work when ■ was clicked, and no later one. Between requests the kernel ignores ■."""

    def __init__(self, kernel: Any) -> None:
        self._turn = 0  # what was asked for in an earlier one is over: that request has ended, or was stopped
        self._kernel = kernel
        self._import = builtins.__import__

    def begin_request(self) -> None:
        """What the kernel does before it handles a request; after it, it puts the saved handler back."""
        self._over()
        self._kernel.saved_sigint_handler = signal.signal(signal.SIGINT, self.interrupted)

    def interrupted(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002
        """Stop the cell that runs; where that must wait, before its next import, or in a moment."""
        self._stop_where_possible(frame)
        if builtins.__import__ != self._stop_or_import:
            self._import, builtins.__import__ = builtins.__import__, self._stop_or_import
        again = threading.Timer(_STOP_AGAIN_AFTER_S, self._again, (self._turn,))
        again.daemon = True
        again.start()

    def _stop_or_import(self, *what: Any, **options: Any) -> Any:
        """Python's import, until a cell can be stopped: one import after the other leaves no moment in between."""
        if _is_main_thread():
            self._stop_where_possible(sys._getframe())
        return self._import(*what, **options)

    def _stop_where_possible(self, frame: FrameType | None) -> None:
        while frame is not None and frame.f_code.co_name != _IMPORT:
            if frame.f_code.co_name in _RUN_CODE:
                self._over()
                raise StoppedCell
            frame = frame.f_back

    def _over(self) -> None:
        self._turn += 1
        if builtins.__import__ == self._stop_or_import:
            builtins.__import__ = self._import

    def _again(self, turn: int) -> None:
        if turn == self._turn:
            _interrupt_main_thread()


def _interrupt_main_thread() -> None:
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, signal.SIGINT)  # this also ends a call that waits
    else:
        _thread.interrupt_main()


def _is_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
