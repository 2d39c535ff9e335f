"""What only a notebook's kernel has: short errors, a stop button that stops, and a limit for every ``await``."""

from __future__ import annotations

import ast
import asyncio
import re
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Awaitable
from types import TracebackType
from typing import Any, TypeVar

from kafka.errors import IllegalStateError

from modelserving.errors import ModelServingError
from modelserving.system.interrupts import interrupts_held_back
from modelserving.widgets.waiting import CellClock
from modelserving.workshop.lesson.stopping import STOPPED, find_shell, stop_code_only

AWAIT_SECONDS = 60.0
"""How long an ``await`` in a cell may take."""

_T = TypeVar("_T")
_LIMIT = "_modelserving_within_limit"
_CLOSED = "Was the lesson closed? Run its set-up cell, the one with `start(...)`, and then this section."
_CHECK = "lesson.check("
_wakers: list[socket.socket] = []
_CLOCK = CellClock()


class HandOverTimeout(ModelServingError):
    """Nobody took part in a hand-over."""


def prepare_kernel() -> None:
    """Make this kernel one that nobody is stuck in. Outside IPython this does nothing, and a second time neither."""
    shell = find_shell()
    if shell is None:
        return
    shell.set_custom_exc(
        (ModelServingError, KeyboardInterrupt, asyncio.CancelledError, NameError, IllegalStateError), _show_short
    )
    shell.user_ns[_LIMIT] = within_limit
    shell.user_ns_hidden[_LIMIT] = within_limit
    if not any(isinstance(one, _LimitAwaits) for one in shell.ast_transformers):
        shell.ast_transformers.append(_LimitAwaits())
    # A process can load numpy's core once: stopped in the middle of that, a kernel could not import it any more.
    with interrupts_held_back():
        import numpy as np  # noqa: F401
    _wake_on_interrupt()
    stop_code_only()
    if has_widgets():
        _count_cells(shell)


def _count_cells(shell: Any) -> None:
    """Let a cell that takes long count its seconds, also where no line says what it waits for."""
    if _CLOCK.begin not in shell.events.callbacks["pre_run_cell"]:
        shell.events.register("pre_run_cell", _CLOCK.begin)
        shell.events.register("post_run_cell", _CLOCK.end)


def has_widgets() -> bool:
    """Whether this is a kernel, whose front end may show widgets."""
    return hasattr(find_shell(), "kernel")


def value_in_notebook(name: str) -> Any:
    """What a name means in the notebook now.

    Raises:
        ModelServingError: nothing, since the cell that defines it was not run.
    """
    shell = find_shell()
    if shell is None or name not in shell.user_ns:
        raise ModelServingError(f"`{name}` is not defined: run the cell with your answer first.")
    return shell.user_ns[name]


def why_undefined(name: str) -> str:
    """Why what a cell should have defined is not there, or is still what it was before.

    Returns:
        The error that the last cell ended with, if that cell was to define ``name``; else nothing.
    """
    last = getattr(find_shell(), "last_execution_result", None)
    error = (last.error_before_exec or last.error_in_exec) if last else None
    if last is None or not isinstance(error, Exception) or not _left_out(name, last.info.raw_cell, error):
        return ""
    kind = next(kind.__name__ for kind in type(error).__mro__ if not kind.__name__.startswith("_"))
    said = f"`{kind}: {getattr(error, 'msg', error)}`"
    line = getattr(error, "lineno", None)
    where = f", in its line {line}" if line else ""
    return f"The cell with your answer ended with {said}{where}, so nothing of it holds. Mend that, run it, and check."


def _left_out(name: str, code: str, error: Exception) -> bool:
    """Whether a cell that ended with an error was to define a name, and did not come so far.

    Who tries an answer in a cell of its own, or below it, and gets an error, has an answer all the same.
    """
    try:
        ends = [node.end_lineno or 0 for node in ast.parse(code).body if _defines(node, name)]
    except SyntaxError:
        return re.search(rf"(?m)^\s*((async def|def|class)\s+{name}\b|{name}\s*=(?!=))", code) is not None
    cell = getattr(find_shell(), "user_ns", None)
    came = next((line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_globals is cell), 0)
    return bool(ends) and came <= max(ends)


def _defines(node: ast.stmt, name: str) -> bool:
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return node.name == name
    return any(
        isinstance(part, ast.Name) and part.id == name and isinstance(part.ctx, ast.Store) for part in ast.walk(node)
    )


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


def _show_short(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,  # noqa: ARG001
) -> list[str]:
    about_else = isinstance(error, IllegalStateError) and "closed" not in str(error)
    if about_else or (isinstance(error, NameError) and not _is_answer(error, trace)):
        shell.showtraceback((kind, error, trace))
        return []
    if isinstance(error, NameError):
        lines = [f"`{error.name}` is not defined: the cell with your answer was not run, or ended with an error."]
    elif isinstance(error, ModelServingError):
        lines = [f"{kind.__name__}: {error}"]
    elif isinstance(error, IllegalStateError):
        lines = [f"{kind.__name__}: {error} {_CLOSED}"]
    else:
        lines = [STOPPED]
    # IPython has no public way to say what is shown for an error; ipykernel sends what this is given.
    shell._showtraceback(kind, error, lines)
    return lines


def _is_answer(error: NameError, trace: TracebackType) -> bool:
    """Whether a check cell asks for an answer that is not there."""
    line = traceback.extract_tb(trace)[-1].line or ""
    return _CHECK in line and error.name not in {None, "lesson"}
