"""Names of a package that are imported when they are first used: who needs a part does not wait for the whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any


def lazy_imports(package: str, names: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """What a package takes as its ``__getattr__``.

    Args:
        package: its name.
        names: for each module, as seen from the package, the names that the package has from it.
    """
    modules = {name: module for module, found in names.items() for name in found}

    def find(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return find
