"""A lesson on the test run's own broker, for the examples that lessons run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from modelserving.config import Settings
from modelserving.kafka import Connection
from modelserving.workshop import Lesson, start


@pytest.fixture
def lesson(tmp_path: Path, connection: Connection) -> Iterator[Lesson]:
    """A lesson that no notebook uses, with a home of the test's own."""
    with start(
        "91", fast=True, settings=Settings(home=tmp_path, bootstrap_servers=connection.bootstrap_servers)
    ) as own:
        yield own
