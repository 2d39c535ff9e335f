"""A home for brokers that a test may kill."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelserving.broker import stop


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """A home folder of this test's own, whose broker, if any is left, ends with the test."""
    yield tmp_path / "home"
    stop(tmp_path / "home")
