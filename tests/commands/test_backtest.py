"""``modelserving models backtest``, against a real broker."""

from __future__ import annotations

import json
import time
from dataclasses import replace
from pathlib import Path

import pytest

from modelserving.kafka import Connection, end_offsets, make_admin, make_producer
from modelserving.kafka.admin import create_named_topics
from modelserving.records import ScoredRecord, Topics, encode_scored, encode_wine
from tests.commands.runs import Result, Terminal
from tests.contract.servers import regression
from tests.fakes import wine

pytestmark = pytest.mark.broker

HOUR_MS = 3_600_000
FIRST_MS = (int(time.time() * 1000) // HOUR_MS - 5) * HOUR_MS
"""A full hour, not long ago: what is older than a topic keeps is gone at once."""


@pytest.fixture
def log(connection: Connection, topics: Topics) -> Topics:
    """Six wines, three in each of two hours; a server answered 9.4 to the first five."""
    log = replace(topics, records=f"{topics.records}-log")
    create_named_topics(connection, {log.records: (1, {"message.timestamp.type": "CreateTime"})})
    with make_producer(connection) as producer:
        for offset in range(6):
            when = FIRST_MS + offset // 3 * HOUR_MS + offset
            producer.send(log.records, value=encode_wine(wine(alcohol=9.4 + offset)), timestamp_ms=when)
            answer = ScoredRecord("wine", 9.4, "old", "1", "abc", 0, offset, 1_000, time.time_ns(), when)
            if offset < 5:
                producer.send(topics.scored, value=encode_scored(answer))
        producer.send(topics.scored, value=b"\xff not ours")
        producer.flush()
    return log


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model that answers the alcohol."""
    path = tmp_path / "alcohol.pmml"
    path.write_bytes(regression(0.0, alcohol=1.0))
    return path


def run(terminal: Terminal, connection: Connection, log: Topics, tmp_path: Path, *words: object) -> Result:
    """Run it."""
    environ = {"KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers, "MODELSERVING_HOME": str(tmp_path)}
    where = ("--topic", log.records, "--scored-topic", log.scored)
    return terminal.run("models", "backtest", *words, *where, environ={**environ, "COLUMNS": "200"})


def test_a_log_is_scored_again_and_compared(
    terminal: Terminal, connection: Connection, log: Topics, model: Path, tmp_path: Path
) -> None:
    """By hour, with a picture; and what is live does not notice: nothing is written, no group is made."""
    before = {name: end_offsets(connection, name) for name in log.names}
    picture = tmp_path / "agreement.svg"
    done = run(terminal, connection, log, tmp_path, model, "--json", "--picture", picture)
    assert done.status == 0, done.err
    told = json.loads(done.out)
    assert [told[name] for name in ("records", "scored", "pairs", "equal", "unserved")] == [6, 6, 5, 1, 1]
    assert [(one["pairs"], one["equal"]) for one in told["by_hour"]] == [(3, 1), (2, 0)]
    assert (told["by_model"][0]["name"], told["differences"][0]["offset"]) == ("old", 4)
    assert "<svg" in picture.read_text(encoding="utf-8")
    assert {name: end_offsets(connection, name) for name in log.names} == before
    admin = make_admin(connection)
    assert not [one for one in admin.list_groups() if "backtest" in str(one)]
    admin.close()


@pytest.mark.parametrize(
    ("edges", "records"),
    [
        (("--from", "2", "--to", "5"), 3),
        (("--from", f"@{FIRST_MS + HOUR_MS}"), 3),
        (("--to", f"@{FIRST_MS + HOUR_MS}"), 3),
        (("--from", "100"), 0),
    ],
)
def test_a_stretch_is_named_by_offsets_or_by_times(
    terminal: Terminal,
    connection: Connection,
    log: Topics,
    model: Path,
    tmp_path: Path,
    edges: tuple[str, ...],
    records: int,
) -> None:
    """What the end names is left out; beyond the log there is nothing."""
    said = [_date(word) for word in edges]
    done = run(terminal, connection, log, tmp_path, model, "--json", *said)
    assert json.loads(done.out)["records"] == records


def test_people_are_told_in_words(
    terminal: Terminal, connection: Connection, log: Topics, model: Path, tmp_path: Path
) -> None:
    """Agreement in all, by model, by hour, and where the two differ most."""
    done = run(terminal, connection, log, tmp_path, model, "--limit", "1")
    assert "Of 5 that were served, 20.0% agree" in done.out
    assert "served by old 1 (abc)" in done.out
    assert "partition 0, offset 4: 9.4 was served, 13.4 now" in done.out


def test_a_model_that_is_not_there_is_said(
    terminal: Terminal, connection: Connection, log: Topics, tmp_path: Path
) -> None:
    """With those that are."""
    done = run(terminal, connection, log, tmp_path, "no-such-model")
    assert done.status == 1
    assert "no model and no file 'no-such-model'" in " ".join(done.err.split())


def _date(word: str) -> str:
    """``@`` and milliseconds as a date."""
    if not word.startswith("@"):
        return word
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(int(word[1:]) / 1000))
