"""What lessons import from the package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

from modelserving.workshop.authoring.source import lesson_files


@pytest.mark.parametrize("source", lesson_files(), ids=lambda path: path.stem)
def test_what_a_lesson_imports_is_there(source: Path) -> None:
    """A name that changes in the package changes in the lessons: to find that out does not take a broker."""
    assert list(_missing(source)) == []


def _missing(source: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("modelserving"):
            module = import_module(node.module or "")
            names = (alias.name for alias in node.names if not hasattr(module, alias.name))
            yield from (
                name for name in names if not (hasattr(module, "__path__") and find_spec(f"{node.module}.{name}"))
            )
