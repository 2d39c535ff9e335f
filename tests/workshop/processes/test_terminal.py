"""Commands in a lesson."""

from __future__ import annotations

import re

import pytest

from modelserving.errors import ConfigError
from modelserving.workshop.processes.terminal import Terminal, terminal


def test_a_command_runs_and_is_shown_with_what_it_printed() -> None:
    """It is the real command, in a process of its own."""
    shown = terminal("modelserving models --help")
    assert shown.status == 0
    assert "publish" in shown.output
    assert repr(shown).startswith("$ modelserving models --help\n")


def test_a_command_that_fails_says_so_and_does_not_stop_the_notebook() -> None:
    """The attendee reads what the terminal would have said, and the exit status."""
    shown = terminal("modelserving no-such-command")
    assert shown.status != 0
    assert "no-such-command" in shown.output
    assert repr(shown).endswith(f"(exit status {shown.status})")


def test_variables_reach_the_command() -> None:
    """A lesson gives its commands a repository of its own, for example."""
    shown = terminal("modelserving broker status", {"KAFKA_CLIENT_PROPERTIES": "no-such-file"})
    assert "no-such-file" in shown.output


def test_output_is_shown_as_text_whatever_is_in_it() -> None:
    """What a command prints comes from messages, and so from strangers."""
    assert "<script>" not in Terminal("modelserving x", "<script>alert(1)</script>", 0)._repr_html_()


def test_sentences_wrap_and_rows_of_a_table_do_not() -> None:
    """In a narrow page a refusal is read to its end, and columns stay columns."""
    shown = Terminal("modelserving x", "error: not promoted: it is not better\nwine   0.41   serving", 0)._repr_html_()
    assert "\nerror: not promoted" in shown
    assert re.search('<span style="white-space:pre;[^"]*">wine   0.41   serving</span>', shown)


def test_a_table_that_is_wider_than_the_page_becomes_smaller() -> None:
    """Beside a docked view its last columns were cut; each row has the size that the longest one needs."""
    shown = Terminal("modelserving x", f"model  quality\n{'m' * 92}  0.41", 0)._repr_html_()
    assert "container-type:inline-size" in shown
    sizes = re.findall(r"calc\(100cqi / ([\d.]+)\)", shown)
    assert len(sizes) == 2
    assert len(set(sizes)) == 1
    assert 50 < float(sizes[0]) < 70


def test_it_runs_nothing_else() -> None:
    """A lesson is no shell."""
    with pytest.raises(ConfigError, match="begins with rm"):
        terminal("rm -r .")
