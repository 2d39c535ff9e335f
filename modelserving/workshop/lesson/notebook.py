"""What only a notebook's kernel has: errors on purpose are shown as their message, without a traceback."""

from __future__ import annotations

from types import TracebackType
from typing import Any

from modelserving.errors import ModelServingError

__all__ = ["show_errors_short"]


def show_errors_short() -> None:
    """Show errors of this package as one line. Outside IPython this does nothing; the cell still counts as failed."""
    import IPython

    shell = IPython.get_ipython()
    if shell is not None:
        shell.set_custom_exc((ModelServingError,), _show_short)


def _show_short(
    shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,  # noqa: ARG001
    tb_offset: int | None = None,  # noqa: ARG001
) -> list[str]:
    lines = [f"{kind.__name__}: {error}"]
    # IPython has no public way to say what is shown for an error; ipykernel sends what this is given.
    shell._showtraceback(kind, error, lines)
    return lines
