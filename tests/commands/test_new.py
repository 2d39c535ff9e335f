"""``modelserving new``, ``run`` and ``ask``: a service from nothing to an answer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from modelserving.config import data_folder
from modelserving.kafka import Connection
from modelserving.system import poll
from tests.commands.runs import Terminal
from tests.waiting import WAIT

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


@pytest.mark.broker
@pytest.mark.slow
def test_a_service_runs_by_one_command_and_answers(terminal: Terminal, tmp_path: Path, connection: Connection) -> None:
    """Also a record with a category that is unseen and values that are missing; one that is no record gets a reason."""
    environ = {"KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers, "MODELSERVING_HOME": str(tmp_path / "home")}
    folder, announced = tmp_path / "ride", tmp_path / "url"
    made = terminal.run("new", folder, "--from", DATA / "hires.csv", "--model", MINUTES)
    assert made.status == 0, made.err
    words = ["run", str(folder), "--port", "0", "--announce", str(announced), "--until-stdin-closes"]
    command = [sys.executable, "-m", "modelserving", *words]
    with subprocess.Popen(command, stdin=subprocess.PIPE, env={**os.environ, **environ}) as server:
        assert poll(announced.exists, 90, 0.1)
        answer = terminal.run("ask", HIRE, "--folder", folder, "--seconds", 120, environ=environ)
        assert answer.status == 0, answer.err
        assert 1 < float(answer.out.split()[0]) < 120
        refused = terminal.run("ask", HIRE.replace("8", '"eight"'), "--folder", folder, environ=environ)
        assert (refused.status, "hour is 'eight', which is no double" in refused.err) == (1, True)
        assert server.stdin is not None
        server.stdin.close()
        assert server.wait(WAIT) == 0
