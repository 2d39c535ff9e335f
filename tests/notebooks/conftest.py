"""Notebooks as attendees run them, but on a home of the tests' own, so that nobody's work is touched."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelserving.broker import EmbeddedKafka


@pytest.fixture(scope="package")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where kernels keep their broker, progress and files."""
    return tmp_path_factory.mktemp("notebooks")


@pytest.fixture(scope="package")
def shared_broker(home: Path) -> Iterator[EmbeddedKafka]:
    """The broker of that home, so that not every notebook has to start one; no longer, for it is never quite idle."""
    with EmbeddedKafka(home=home, port=0) as broker:
        yield broker


@pytest.fixture
def broker(shared_broker: EmbeddedKafka) -> EmbeddedKafka:
    """The same, started again where a lesson has stopped it."""
    return shared_broker.start()


@pytest.fixture
def environ(home: Path, broker: EmbeddedKafka) -> dict[str, str]:
    """The environment for kernels and commands."""
    without = {name: value for name, value in os.environ.items() if not name.startswith("KAFKA_")}
    return {**without, "MODELSERVING_HOME": str(home), "PYTHONWARNINGS": "default"}
