"""What goes wrong is one line."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from kafka.errors import NotLeaderForPartitionError

from modelserving import cli
from modelserving.errors import ModelServingError
from tests.commands.runs import Result, Terminal
from tests.waiting import WAIT


def is_one_error(result: Result) -> bool:
    """One line on standard error, exit status 1."""
    lines = result.err.splitlines()
    return result.status == 1 and len(lines) == 1 and lines[0].startswith("error: ") and not result.out


def test_a_model_that_is_missing(terminal: Terminal, tmp_path: Path) -> None:
    """Long paths stay in one line, so that they can be copied; brackets are no markup."""
    model = tmp_path / "[bold]" / ("long-" * 30) / "[/red] my model[1].pmml"
    result = terminal.run("score", model, tmp_path / "wines.csv")
    assert is_one_error(result)
    assert str(model) in result.err


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("client", "--models-every", "0"), "models every 0 ms: give more than 0"),
        (("client", "--data", "no-such-folder"), "no data folder at no-such-folder"),
        (("demo", "--models-every", "-1"), "models every -1 ms"),
        (("data", "import", "no-such-file.csv"), "cannot read wine records from no-such-file.csv"),
    ],
)
def test_a_setting_that_makes_no_sense(terminal: Terminal, words: tuple[str, ...], complaint: str) -> None:
    """Told before anything is started."""
    result = terminal.run(*words)
    assert is_one_error(result)
    assert complaint in result.err


def test_an_environment_that_makes_no_sense(terminal: Terminal, tmp_path: Path) -> None:
    """The variable is named."""
    environ = {"KAFKA_BOOTSTRAP_SERVERS": "a:1", "KAFKA_CLIENT_PROPERTIES": str(tmp_path / "nothing")}
    result = terminal.run("reader", environ=environ)
    assert is_one_error(result)
    assert "KAFKA_CLIENT_PROPERTIES" in result.err


def test_an_address_that_cannot_be_bound(terminal: Terminal) -> None:
    """No broker is started for a server that could not be asked anything."""
    result = terminal.run("serve", "stage", "--host", "192.0.2.1")
    assert is_one_error(result)
    assert "cannot listen on 192.0.2.1" in result.err


def test_a_port_that_is_taken_is_said_and_by_whom(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server goes on at the next free one; here no further than to a broker that is not there."""
    monkeypatch.setattr("modelserving.kafka.clients._OPEN_WITHIN_S", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = terminal.run("serve", "stage", "--port", port, environ={"KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1"})
    assert result.status == 1
    said = re.search(rf"Port {port} is taken by process {os.getpid()} \(.*\): this server is at port (\d+)", result.out)
    assert said is not None
    assert port < int(said[1]) < port + 20


@pytest.mark.parametrize("message", ["[red]not markup[/red]", "list[str] and [/nothing]", "ends with \\", "two\nlines"])
def test_a_message_is_shown_as_it_is(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, message: str
) -> None:
    """Brackets and backslashes in a message are not read as markup."""

    def fail(*_: object) -> None:
        raise ModelServingError(message)

    monkeypatch.setattr("modelserving.models.admin.score.score_table", fail)
    result = terminal.run("score", tmp_path, tmp_path)
    assert (result.status, result.err) == (1, f"error: {message}\n")


def test_an_error_among_tasks_is_shown_like_any_other(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Tasks that run side by side wrap their errors in groups; the reader sees the reason alone."""

    def fail(*_: object) -> None:
        raise ExceptionGroup("tasks", [ExceptionGroup("more tasks", [ModelServingError("no room")])])

    monkeypatch.setattr("modelserving.models.admin.score.score_table", fail)
    result = terminal.run("score", tmp_path, tmp_path)
    assert (result.status, result.err) == (1, "error: no room\n")


def test_ctrl_c_is_no_error(terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It ends the command with a status that says so, and without a traceback."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("modelserving.models.admin.score.score_table", interrupted)
    result = terminal.run("score", tmp_path, tmp_path)
    assert result.status == 130
    assert "Traceback" not in result.err


def test_the_installed_command_does_the_same(tmp_path: Path) -> None:
    """As a process of its own, through ``python -m modelserving``."""
    done = subprocess.run(
        [sys.executable, "-m", "modelserving", "score", str(tmp_path / "[no] model.pmml"), "wines.csv"],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "NO_COLOR": "1"},
    )
    assert is_one_error(Result(done.returncode, done.stdout, done.stderr))
    assert "[no] model.pmml" in done.stderr


def test_a_reader_that_has_seen_enough_is_no_error() -> None:
    """`modelserving ... | head` ends, and says nothing."""
    code = (
        "import sys, typer; from modelserving import cli\n"
        "@cli.app.command()\n"
        "def endless():\n"
        "    while True: typer.echo('line')\n"
        "sys.argv = ['modelserving', 'endless']; cli.main()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline().strip() == b"line"
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(WAIT) in {0, 1}


def test_an_error_of_the_client_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nobody can foresee each of them; an error of our own is shown with its traceback."""

    def fail(**_: object) -> None:
        raise NotLeaderForPartitionError("x" * 1_000)

    monkeypatch.setattr(cli, "app", fail)
    assert cli.run() == 1
    said = capsys.readouterr().err
    assert (said.count("\n"), "Try again" in said, len(said) < 500) == (1, True, True)
