"""JupyterLab in this process, from its start until Ctrl-C, with nothing of it left behind."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from types import FrameType

from modelserving.errors import SetupError

_REQUESTS_END_WITHIN_S = 5.0


def require_jupyterlab() -> None:
    """Refuse to go on without it.

    Raises:
        SetupError: JupyterLab is not installed.
    """
    if find_spec("jupyterlab") is None:
        raise SetupError("JupyterLab is not installed. Run `make setup` in the checkout.")


def run_jupyterlab(arguments: Sequence[str]) -> None:
    """Run JupyterLab until Ctrl-C or SIGTERM, and let what it had under way end.

    Without a terminal, Jupyter leaves Ctrl-C to Python, whose ``KeyboardInterrupt`` ends the loop of events wherever it
    stands: kernels are not shut down, and the thread that was answering a request is waited for when Python ends,
    for ever. So Ctrl-C stops it as SIGTERM does.

    Args:
        arguments: JupyterLab's own.

    Raises:
        KeyboardInterrupt: Ctrl-C came before JupyterLab listened to it, or a second time.
    """
    from jupyterlab.labapp import LabApp  # type: ignore[import-untyped]

    with _ctrl_c_stops():
        try:
            LabApp.launch_instance(list(arguments))
        finally:
            _end_requests()


@contextmanager
def _ctrl_c_stops() -> Iterator[None]:
    """Hand the first Ctrl-C on to whoever listens to SIGTERM by then: that is JupyterLab, once it has begun."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}

    def stop(_: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, signal.default_int_handler)  # who presses it again does not want to wait
        listens = signal.getsignal(signal.SIGTERM)
        if listens is before[signal.SIGTERM] or not callable(listens):
            raise KeyboardInterrupt
        listens(signal.SIGTERM, frame)

    signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


def _end_requests() -> None:
    """Cancel what is left in JupyterLab's loop: a thread that works for a request ends when its request does."""
    loop = asyncio.get_event_loop_policy().get_event_loop()
    if not loop.is_closed():
        loop.run_until_complete(_cancel_all())


async def _cancel_all() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    if left:
        await asyncio.wait(left, timeout=_REQUESTS_END_WITHIN_S)
    await asyncio.sleep(0)  # what is called when a task has ended is called in the next round
