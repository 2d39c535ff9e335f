"""What only a notebook's kernel has: short errors, a stop button that stops, and a limit for every ``await``."""

from __future__ import annotations

import ast
import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Awaitable
from types import TracebackType
from typing import Any, TypeVar

from modelserving.errors import ModelServingError
from modelserving.system.interrupts import interrupts_held_back

__all__ = ["AWAIT_SECONDS", "HandOverTimeout", "has_widgets", "prepare_kernel", "value_in_notebook", "within_limit"]

AWAIT_SECONDS = 60.0
"""How long an ``await`` in a cell may take."""

_T = TypeVar("_T")
_LIMIT = "_modelserving_within_limit"
_STOPPED = "Stopped: by you, with the square button or Ctrl-C. What runs behind the cells goes on."
_wakers: list[socket.socket] = []


class HandOverTimeout(ModelServingError):
    """Nobody took part in a hand-over."""


def prepare_kernel() -> None:
    """Make this kernel one that nobody is stuck in. Outside IPython this does nothing, and a second time neither."""
    shell = _shell()
    if shell is None:
        return
    shell.set_custom_exc((ModelServingError, KeyboardInterrupt, asyncio.CancelledError), _show_short)
    shell.user_ns[_LIMIT] = within_limit
    shell.user_ns_hidden[_LIMIT] = within_limit
    if not any(isinstance(one, _LimitAwaits) for one in shell.ast_transformers):
        shell.ast_transformers.append(_LimitAwaits())
    # A process can load numpy's core once: stopped in the middle of that, a kernel could not import it any more.
    with interrupts_held_back():
        import numpy as np  # noqa: F401
    _wake_on_interrupt()


def has_widgets() -> bool:
    """Whether this is a kernel, whose front end may show widgets."""
    return hasattr(_shell(), "kernel")


def value_in_notebook(name: str) -> Any:
    """What a name means in the notebook now.

    Raises:
        ModelServingError: nothing, since the cell that defines it was not run.
    """
    shell = _shell()
    if shell is None or name not in shell.user_ns:
        raise ModelServingError(f"`{name}` is not defined: run the cell with your answer first.")
    return shell.user_ns[name]


async def within_limit(hand_over: Awaitable[_T], code: str = "", seconds: float = AWAIT_SECONDS) -> _T:
    """Await something, but not for ever.

    Args:
        hand_over: what a cell awaits.
        code: how it stands there.
        seconds: the limit.

    Raises:
        HandOverTimeout: it was not done in time.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            return await hand_over
    except TimeoutError:
        if not limit.expired():
            raise
        raise HandOverTimeout(
            f"`await {code}` was not done within {seconds:g} s: a hand-over needs two, and nobody was there on the "
            "other side. Was this cell run twice, or one above it left out? Run the cells of this section again, from "
            "its first one."
        ) from None


class _LimitAwaits(ast.NodeTransformer):
    """Puts the limit around each ``await`` of a cell; functions that the cell defines stay as they are."""

    def visit_Await(self, node: ast.Await) -> ast.Await:
        self.generic_visit(node)
        arguments = [node.value, ast.Constant(ast.unparse(node.value))]
        call = ast.Call(ast.Name(_LIMIT, ast.Load()), arguments, [])
        return ast.fix_missing_locations(ast.copy_location(ast.Await(call), node))

    def _leave(self, node: ast.AST) -> ast.AST:
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_ClassDef = visit_Lambda = _leave


def _wake_on_interrupt() -> None:
    """Let an interrupt wake the event loop: while it sleeps in an ``await``, it would otherwise notice only later."""
    if _wakers or sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        return
    try:
        loop = asyncio.get_running_loop()
    except RuntimeError:
        return
    reading, writing = socket.socketpair()
    for end in (reading, writing):
        end.setblocking(False)
    loop.add_reader(reading, lambda: reading.recv(4096))
    signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    _wakers.extend((reading, writing))


def _shell() -> Any:
    import IPython

    return IPython.get_ipython()


def _show_short(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,  # noqa: ARG001
    tb_offset: int | None = None,  # noqa: ARG001
) -> list[str]:
    ours = isinstance(error, ModelServingError)
    lines = [f"{kind.__name__}: {error}" if ours else _STOPPED]
    # IPython has no public way to say what is shown for an error; ipykernel sends what this is given.
    shell._showtraceback(kind, error, lines)
    return lines
