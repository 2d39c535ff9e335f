"""Libraries that another one would import although nobody here wants them."""

from __future__ import annotations

import sys

_PANDAS = "pandas"


def leave_pandas_out() -> None:
    """Have pyarrow do without pandas in this process, as where pandas is not installed.

    Whatever it makes an array of, pyarrow first looks for pandas, to know a ``Series`` when it sees one. Where it is
    installed, that is a second of processor time and fifty megabytes in each server. It looks once, so it does so now,
    in vain. Whoever imports pandas gets it all the same, and pyarrow's own conversions to and from it look again. Only
    for a program that is ours from end to end: ``pyarrow.array`` takes a ``Series`` for any sequence from now on. Where
    pandas is there already, nothing happens.
    """
    import pyarrow as pa

    if _PANDAS in sys.modules:
        return
    sys.meta_path.insert(0, _NotThere)
    try:
        pa.array([0.0])
    finally:
        sys.meta_path.remove(_NotThere)


class _NotThere:
    """Finds no pandas, and has nobody look further."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:  # noqa: ARG004 - Python's protocol
        """As ``importlib.abc.MetaPathFinder`` has it."""
        if name == _PANDAS:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
