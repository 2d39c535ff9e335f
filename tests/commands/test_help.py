"""Every command explains itself, at once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.main import get_command

from modelserving.cli import app
from tests.commands.runs import Terminal, run_python


def commands(command: Any = None, name: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """All commands and groups, by the words that lead to them."""
    command = command or get_command(app)
    found = {name: command}
    for word, child in getattr(command, "commands", {}).items():
        found |= commands(child, (*name, word))
    return found


@pytest.mark.parametrize("words", commands(), ids=" ".join)
def test_help_explains_the_command_and_each_option(terminal: Terminal, words: tuple[str, ...]) -> None:
    """A sentence about the command, and one about each option that is not hidden."""
    result = terminal.run(*words, "--help")
    assert result.status == 0
    assert "Usage: modelserving" in result.out
    command = commands()[words]
    assert command.help
    assert all(getattr(p, "help", None) for p in command.params if not getattr(p, "hidden", False))


@pytest.mark.parametrize("words", [(), ("serve",), ("serve", "streams")], ids=" ".join)
def test_the_short_way_to_ask_for_help(terminal: Terminal, words: tuple[str, ...]) -> None:
    """``-h`` and ``--help`` say the same, at every level."""
    assert terminal.run(*words, "-h").out == terminal.run(*words, "--help").out != ""


def test_help_imports_no_engine() -> None:
    """Who asks for help waits neither for TensorFlow nor for Java."""
    code = """
import contextlib, io, json, sys
from typer.main import get_command
from modelserving.cli import app
def walk(command, words=()):
    yield words
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(child, (*words, name))
root = get_command(app)
for words in walk(root):
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.suppress(SystemExit):
        root.main([*words, "--help"], "modelserving")
    assert "Usage" in out.getvalue()
print(json.dumps([m for m in ("tensorflow", "jpype", "pypmml", "numpy", "fastapi", "matplotlib") if m in sys.modules]))
"""
    result = run_python(code)
    assert result.status == 0, result.err
    heavy = json.loads(result.out)
    assert not {"tensorflow", "jpype", "pypmml", "fastapi", "matplotlib"} & set(heavy)


@pytest.mark.parametrize("words", [("broker",), ("data",), ("models",), ("serve",), ("lesson",), ()])
def test_a_group_alone_shows_its_commands(terminal: Terminal, words: tuple[str, ...]) -> None:
    """Who does not know what comes next is shown."""
    result = terminal.run(*words)
    assert "Usage: modelserving" in result.out + result.err
    assert all(name[-1] in result.out + result.err for name in commands() if name[:-1] == words and name)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("clientt",), "No such command 'clientt'"),
        (("client", "--max-records", "0"), "--max-records"),
        (("client", "--faults", "2"), "--faults"),
        (("serve", "stage", "--port", "70000"), "--port"),
        (("reader", "--limit", "none"), "--limit"),
        (("score",), "model"),
    ],
)
def test_a_wrong_command_line_is_told_by_its_word(terminal: Terminal, words: tuple[str, ...], complaint: str) -> None:
    """Exit status 2, the word that is wrong, and no traceback."""
    result = terminal.run(*words)
    assert result.status == 2
    assert complaint in result.err
    assert "Traceback" not in result.err
