"""What the tests of monitoring share."""

from __future__ import annotations

import pytest

from tests.contract.conftest import pipeline, server
from tests.monitoring.tools import tool

__all__ = ["pipeline", "promtool", "server"]


@pytest.fixture
def promtool() -> str:
    """Prometheus' own tool."""
    return tool("promtool")
