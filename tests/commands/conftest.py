"""A terminal for each test."""

from __future__ import annotations

import pytest

from tests.commands.runs import Terminal


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Terminal:
    """Runs commands in this process."""
    return Terminal(monkeypatch, capsys)
