"""What tests of the Kafka Streams server share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes import served_by
from tests.streams_server.ready import ReadyModels


@pytest.fixture
def models() -> Iterator[ReadyModels]:
    """A model for wine that answers with the alcohol."""
    made = ReadyModels()
    made.slots.swap(served_by())
    yield made
    made.close()
