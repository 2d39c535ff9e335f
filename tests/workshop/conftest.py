"""Lessons on the test run's own broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from modelserving.config import Settings
from modelserving.kafka import Connection
from modelserving.workshop import Lesson, start


@pytest.fixture
def settings(tmp_path: Path, connection: Connection) -> Settings:
    """A home of the test's own, and the test run's broker."""
    return Settings(home=tmp_path, bootstrap_servers=connection.bootstrap_servers)


@pytest.fixture
def begin(settings: Settings) -> Iterator[Callable[[str], Lesson]]:
    """Starts a lesson by its number; all are closed afterwards."""
    with ExitStack() as stack:
        yield lambda number: stack.enter_context(start(number, fast=True, settings=settings))


@pytest.fixture
def lesson(begin: Callable[[str], Lesson]) -> Lesson:
    """A lesson that no notebook uses."""
    return begin("90")
