"""Set-up says a line for each step; what the tools say is in a log."""

from __future__ import annotations

import importlib.util
import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

from modelserving.config import checkout

_ROOT = checkout()
if _ROOT is None:
    pytest.skip("set-up is part of the source checkout", allow_module_level=True)
_FILE = _ROOT / "bootstrap.py"


@pytest.fixture
def bootstrap(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> ModuleType:
    """The script, with a log of its own."""
    spec = importlib.util.spec_from_file_location("bootstrap", _FILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "LOG", tmp_path / "setup.log")
    return module


def test_a_step_is_one_line_and_its_words_are_in_the_log(
    bootstrap: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    """However much a tool says."""
    bootstrap.run("2/3 packages", sys.executable, "-c", "print('many lines\\n' * 170)")
    assert re.fullmatch(r"2/3 packages: done in \d+ s\n", capsys.readouterr().out)
    assert bootstrap.LOG.read_text().count("many lines") >= 170


def test_a_step_that_fails_shows_the_end_of_the_log(
    bootstrap: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The last fifteen lines, the command, and where the rest is."""
    fail = "import sys; print('noise\\n' * 99); sys.exit('the reason')"
    monkeypatch.setattr(bootstrap, "set_up", lambda _: bootstrap.run("2/3 packages", sys.executable, "-c", fail))
    monkeypatch.setattr(sys, "argv", ["bootstrap.py"])
    assert bootstrap.main() == 1
    said = capsys.readouterr().err
    assert "the reason" in said
    assert said.count("noise\n") < 20
    assert "all are in setup.log" in said
