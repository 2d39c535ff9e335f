"""``modelserving new``, ``run`` and ``ask``: a service from nothing to an answer."""

from __future__ import annotations

from pathlib import Path

from modelserving.config import data_folder
from tests.commands.runs import Terminal

DATA = data_folder()
MINUTES = DATA / "models" / "hire" / "hire-minutes-boosting.pmml"
HIRE = '{"hour": 8, "workday": true, "weather": "hail", "wind": 12.5, "station": "Harbour", "bike": "classic"}'


def test_a_service_takes_both_or_neither(terminal: Terminal, tmp_path: Path) -> None:
    """Records without a model are told; neither gives the workbook's own hires."""
    result = terminal.run("new", tmp_path / "one", "--from", DATA / "hires.csv")
    assert (result.status, "takes both records and a model" in result.err) == (1, True)
    result = terminal.run("new", tmp_path / "hire")
    assert result.status == 0, result.err
    assert "records on hire-records, answers on hire-scored" in result.out
    assert "has no service.toml" in terminal.run("run", tmp_path).err
    assert "'{age: 3}' is no JSON" in terminal.run("ask", "{age: 3}", "--folder", tmp_path / "hire").err
