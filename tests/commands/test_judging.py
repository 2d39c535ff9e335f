"""``modelserving models truth | quality`` and ``promote --if-better-by``, against a real broker."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from modelserving.kafka import Connection, make_producer, read_topic
from modelserving.records import ScoredRecord, Topics, decode_command, encode_scored, encode_wine
from tests.commands.runs import Terminal
from tests.commands.test_models import Shell
from tests.contract.servers import regression
from tests.fakes import wine

pytestmark = pytest.mark.broker

ALCOHOL = [9 + number / 10 for number in range(40)]


@pytest.fixture
def shell(terminal: Terminal, connection: Connection, topics: Topics, tmp_path: Path) -> Shell:
    """A terminal. A model serves that is half a grade too high, another one in the shadow that is nearly right."""
    made = Shell(terminal, connection, topics, tmp_path)
    for name, intercept, options in (("high", 0.5, ()), ("right", 0.01, ("--shadow", "10"))):
        path = tmp_path / f"{name}.pmml"
        path.write_bytes(regression(intercept, alcohol=1.0))
        made("publish", path, *options)
    with make_producer(connection) as producer:
        for offset, alcohol in enumerate(ALCOHOL):
            producer.send(topics.records, value=encode_wine(wine(alcohol=alcohol)))
            answer = ScoredRecord("wine", alcohol + 0.5, "high", "1", "abc", 0, offset, 1, time.time_ns(), 1)
            producer.send(topics.scored, value=encode_scored(answer))
        producer.flush()
    return made


def truths(shell: Shell, offsets: Sequence[int]) -> Path:
    """A file of truths: the alcohol, give or take."""
    path = shell.folder / "truths.jsonl"
    lines = [{"partition": 0, "offset": one, "truth": ALCOHOL[one] + one % 3 / 100} for one in offsets]
    path.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    return path


def commands(shell: Shell) -> int:
    """How many were sent."""
    found = [decode_command(one.value) for one in read_topic(shell.connection, shell.topics.control)]
    return len(found)


@pytest.mark.slow
def test_a_shadow_is_promoted_when_it_is_better_for_certain(shell: Shell) -> None:
    """Not before any truth is known, not on too few, not when more was asked for than it gains."""
    assert "no truth is known" in shell.fails("promote", "wine", "--if-better-by", "0.3")
    assert "10 truths sent" in shell("truth", truths(shell, range(10)))
    assert "the truth of 10 records" in shell.fails("promote", "wine", "--if-better-by", "0.3")
    shell("truth", truths(shell, range(10, 40)))
    assert "at least 0.6 was asked for" in shell.fails("promote", "wine", "--if-better-by", "0.6")
    assert commands(shell) == 0
    told = shell("promote", "wine", "--if-better-by", "0.3")
    assert "right against high: +0.4" in told
    assert "on 40 records (95 in 100: +0.4" in told
    assert commands(shell) == 1


def test_quality_is_told_of_who_served_and_of_the_shadow(shell: Shell) -> None:
    """On the answers that were given; and of both on the same records."""
    assert "no truth is known" in shell.fails("quality", "wine")
    shell("truth", truths(shell, range(40)))
    told = shell("quality", "wine")
    assert "high 1 (abc), as it served: mean error 0.49" in told
    assert "right in the shadow: mean error 0.00" in told


def test_a_line_that_is_no_truth_is_named(shell: Shell) -> None:
    """And nothing is sent."""
    path = shell.folder / "bad.jsonl"
    path.write_text('{"partition": 0, "offset": 1, "truth": 6}\n{"truth": 6}\n', encoding="utf-8")
    assert "bad.jsonl, line 2: the truth says of no record" in shell.fails("truth", path)
