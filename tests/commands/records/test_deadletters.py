"""``modelserving deadletters ...``: what failed, why, and once more."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelserving.commands.records.deadletters import _find, _moment, _point_to, _records_of
from modelserving.errors import ConfigError
from modelserving.kafka import Connection, DeadLetter, headers, make_producer, read_topic
from modelserving.records import Topics
from tests.commands.runs import Terminal
from tests.waiting import wait_until


@pytest.mark.parametrize("text", ["yesterday", "5", "2h ago", "2026-13-01"])
def test_what_is_no_time_is_told(text: str) -> None:
    """With times that are."""
    with pytest.raises(ConfigError, match="30m"):
        _moment(text)


def test_a_pipeline_that_has_none_is_told_of_those_that_have() -> None:
    """With the option that reads them; letters go back to the records of their own pipeline."""
    there = ["wine-records", "ride-dead-letters", "ride-records", "house-dead-letters"]
    with pytest.raises(ConfigError, match=r"house-dead-letters, ride-dead-letters: read one with --from house-dead-"):
        _find(there, "wine-dead-letters")
    name, others = _find(there, "ride-dead-letters")
    assert _point_to(others) == " Other pipelines have house-dead-letters: read one with --from house-dead-letters."
    assert _records_of(name) == "ride-records"
    assert not _records_of("streams-errors")
    assert not _point_to([])


@pytest.mark.broker
def test_a_letter_is_listed_shown_and_sent_again(
    terminal: Terminal, connection: Connection, topics: Topics, tmp_path: Path
) -> None:
    """By its name; the dry run sends nothing; the list says what was sent again."""
    own = (("trace", b"7"),)
    bad = DeadLetter(b"\xff\x00", b"wine", topics.records, 0, 42, "decode", "DecodeError", "no record", own)
    model = DeadLetter(b"m", b"wine", topics.models, 0, 1, "model", "ModelCheckError", "it is bad")
    with make_producer(connection) as producer:
        for one in (bad, model):
            producer.send(topics.dead_letters, one.body, one.label, headers(one))
    environ = {"KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers, "MODELSERVING_HOME": str(tmp_path)}
    prefix = topics.records.removesuffix("-wine-records")

    def run(*words: str) -> str:
        result = terminal.run("deadletters", *words, "--prefix", prefix, environ=environ)
        assert result.status == 0, result.err
        return result.out

    listed = run("list")
    assert f"from {topics.records} 0:42  2 bytes  decode DecodeError: no record" in listed
    assert "1 x decode, DecodeError\n1 x model, ModelCheckError" in listed
    assert "ModelCheckError" not in run("list", "--stage", "decode", "--since", "1h")
    assert "No dead letters" in run("list", "--until", "1h")
    saved = tmp_path / "value"
    shown = run("show", "0:0", "--output", str(saved))
    assert "trace: 7" in shown
    assert "value   ff 00" in shown
    assert saved.read_bytes() == b"\xff\x00"
    assert "1 would be sent again: 0:0." in run("replay", "--dry-run")
    replayed = run("replay")
    assert "1 sent again: 0:0." in replayed
    assert f"--topic {topics.models}" in replayed
    (record,) = wait_until(lambda: list(read_topic(connection, topics.records)), "the record")
    assert (record.value, record.key, tuple(record.headers), record.partition) == (b"\xff\x00", b"wine", own, 0)
    wait_until(lambda: "sent again  decode" in run("list"), "the mark")
    assert "left alone" in run("replay", "0:0")
    assert terminal.run("deadletters", "show", "0:9", "--prefix", prefix, environ=environ).status == 1
