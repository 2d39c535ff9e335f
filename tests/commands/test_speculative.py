"""``modelserving speculative set | show | unset``: what is wanted, from outside, while no server runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelserving.kafka import Connection
from modelserving.records import Topics
from modelserving.speculative.control import read_settings
from modelserving.speculative.settings import ParticipantSettings, SpeculativeSettings
from tests.commands.runs import Result, Terminal

pytestmark = pytest.mark.broker


class Shell:
    """Runs the commands."""

    def __init__(self, terminal: Terminal, connection: Connection, topics: Topics, folder: Path) -> None:
        self._terminal = terminal
        self._environ = {
            "KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers,
            "MODELSERVING_HOME": str(folder),
            "COLUMNS": "300",
        }
        self._prefix = topics.records.removesuffix("-wine-records")

    def __call__(self, *words: object) -> Result:
        return self._terminal.run("speculative", *words, "--prefix", self._prefix, environ=self._environ)


@pytest.fixture
def run(terminal: Terminal, connection: Connection, topics: Topics, tmp_path: Path) -> Shell:
    """A terminal whose commands talk to the test's broker and topics."""
    return Shell(terminal, connection, topics, tmp_path)


def test_what_is_set_is_on_the_topic_and_what_is_not_said_stays(
    run: Shell, connection: Connection, topics: Topics
) -> None:
    """A second command changes the deadline alone; who is slowed must take part."""
    said = run("set", "wine", "--participant", "smart:0.9", "--participant", "fast", "--deadline-ms", 50)
    assert said.status == 0, said.err
    assert "best of smart (quality 0.9), fast (quality 1), within 50 ms" in said.out
    run("set", "wine", "--deadline-ms", 20, "--slow", "smart=30", "--decider", "consensus, best", "--fallback", 5)
    assert read_settings(connection, topics) == {
        "wine": SpeculativeSettings(
            "wine",
            (ParticipantSettings("smart", 0.9, 30.0), ParticipantSettings("fast")),
            20.0,
            "consensus, best",
            5.0,
        )
    }
    assert "slowed by 30 ms" in run("show").out
    wrong = run("set", "wine", "--slow", "third=30")
    assert wrong.status == 1
    assert "'third' takes no part. There are: smart, fast." in " ".join(wrong.err.split())
    assert "one model answers" in run("unset", "wine").out
    assert "Nothing is set for wine" in run("show", "wine").out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("--decider", "worst"), "worst"),
        (("--participant", "a:good"), "'good' is no number"),
        (("--participant", "../x"), "data type"),
    ],
)
def test_what_is_wrong_is_refused_before_it_is_sent(run: Shell, words: tuple[str, ...], named: str) -> None:
    """With one message, and status 1."""
    found = run("set", "wine", *words)
    assert found.status == 1
    assert named in " ".join(found.err.split())
    assert "Traceback" not in found.err
