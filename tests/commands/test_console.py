"""What commands say in the terminal, whatever somebody has named a model."""

from __future__ import annotations

import re
import sys
from io import BytesIO, TextIOWrapper
from pathlib import Path

import pytest
from rich.table import Table

import modelserving
from modelserving.commands.console import make_console, spell_what_cannot_be_shown

PACKAGE = Path(modelserving.__file__).parent


def test_a_name_that_looks_like_markup_is_shown_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    """A closing tag that closes nothing was an error, which ended the server that said so."""
    make_console().print("wine is scored by x[/foo] [bold]:warning:[/bold]")
    assert capsys.readouterr().out == "wine is scored by x[/foo] [bold]:warning:[/bold]\n"


def test_what_a_terminal_would_obey_is_spelled(capsys: pytest.CaptureFixture[str]) -> None:
    """Also in a cell of a table; the ends of our own lines stay."""
    table = Table(show_header=False, box=None)
    table.add_row("\x1b[2J\r模")
    console = make_console()
    console.print("one\ntwo \x1b]0;title\x07\x9b31m\u202e")
    console.print(table)
    shown = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert shown == ["one", "two \\x1b]0;title\\x07\\x9b31m\\u202e", "\\x1b[2J\\r模"]


def test_nobody_writes_markup_that_is_shown_as_it_is() -> None:
    """``The broker answers at [bold]127.0.0.1:9092[/bold]``."""
    commands = (file.read_text(encoding="utf-8") for file in (PACKAGE / "commands").rglob("*.py"))
    assert [found for text in commands for found in re.findall(r"\[/(?:bold|red|green|dim|cyan)\]", text)] == []


def test_nobody_makes_another_console() -> None:
    """With rich's own settings, names would be markup again."""
    files = (file for file in PACKAGE.rglob("*.py") if "import Console\n" in file.read_text(encoding="utf-8"))
    assert [file.name for file in files] == ["console.py"]


def test_letters_that_the_terminal_lacks_are_spelled(monkeypatch: pytest.MonkeyPatch) -> None:
    """They were an error, too."""
    sink = BytesIO()
    monkeypatch.setattr(sys, "stdout", TextIOWrapper(sink, encoding="ascii"))
    spell_what_cannot_be_shown()
    make_console().print("wine is scored by 模")
    sys.stdout.flush()
    assert sink.getvalue() == b"wine is scored by \\u6a21\n"
