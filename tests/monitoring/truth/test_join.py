"""Answers and truths that meet, on the real engine without a broker."""

from __future__ import annotations

import json
import math
from datetime import timedelta

import pytest

from modelserving.errors import RecordError
from modelserving.kafka.clients import MAX_MESSAGE_BYTES, REQUEST_BYTES
from modelserving.kstreams import TopologyTestDriver, raw
from modelserving.monitoring.truth.join import Judged, decode_judged, make_join
from modelserving.records import TOPICS, ScoredRecord, encode_scored
from modelserving.serving import ModelKey

DAY_MS = 86_400_000
TREE = ModelKey("wine", "tree", "1", "abc")


def scored(offset: int) -> bytes:
    """An answer to the record at an offset."""
    return encode_scored(ScoredRecord(*TREE[:1], 5.0 + offset, *TREE[1:], 0, offset, 1, 1, 1))


def truth(number: float, **where: int) -> bytes:
    """A truth."""
    return json.dumps({"truth": number, **where}).encode()


def test_an_answer_meets_its_truth_by_partition_and_offset() -> None:
    """Whichever comes first; what comes later than the window has no pair; what is no truth is a dead letter."""
    with TopologyTestDriver(make_join(TOPICS, window=timedelta(days=2))) as driver:
        answers, truths = (driver.createInputTopic(name, raw(), raw()) for name in (TOPICS.scored, "wine-truth"))
        truths.pipeInput(None, truth(6, partition=0, offset=1), 0)
        for offset in range(3):
            answers.pipeInput(b"wine", scored(offset), 0)
        truths.pipeInput(None, truth(7, partition=0, offset=0), DAY_MS)
        truths.pipeInput(None, b"six", DAY_MS)
        truths.pipeInput(None, truth(8, partition=0, offset=2), 3 * DAY_MS)
        found = driver.createOutputTopic("wine-judged", raw(), raw()).readValuesToList()
        letters = driver.createOutputTopic(TOPICS.dead_letters, raw(), raw())
        letter = letters.readRecord()
        assert letters.isEmpty()
    assert [decode_judged(value) for value in found] == [Judged(TREE, 6.0, 6), Judged(TREE, 5.0, 7)]
    assert letter.value() == b"six"
    assert dict(letter.headers())["x-stage"] == b"truth"


def test_a_pair_that_no_topic_takes_is_not_made() -> None:
    """It would fail the engine for ever: such a truth is a dead letter, such an answer meets none; the rest goes on."""
    huge, long = "\x00" * 70_000, "\x00" * 65_000
    with TopologyTestDriver(make_join(TOPICS)) as driver:
        answers, truths = (driver.createInputTopic(name, raw(), raw()) for name in (TOPICS.scored, "wine-truth"))
        for offset, label in enumerate((long, huge, long)):
            answer = ScoredRecord(*TREE[:1], math.nan, *TREE[1:], 0, offset, 1, 1, 1)
            answers.pipeInput(None, encode_scored(answer._replace(label=label)), 0)
        for offset, label in enumerate((huge, long, long)):
            said = json.dumps({"partition": 0, "offset": offset, "truth": label})
            truths.pipeInput(None, said.encode(), 0)
        (pair,) = driver.createOutputTopic("wine-judged", raw(), raw()).readValuesToList()
        letter = driver.createOutputTopic(TOPICS.dead_letters, raw(), raw()).readRecord()
    assert len(pair) < 1_000_000
    assert decode_judged(pair).position == (0, 2)
    assert b"a label of at most" in (dict(letter.headers())["x-error-reason"] or b"")


def test_an_answer_meets_its_truth_by_the_records_key() -> None:
    """Where keys name records."""
    with TopologyTestDriver(make_join(TOPICS, by_key=True)) as driver:
        answers, truths = (driver.createInputTopic(name, raw(), raw()) for name in (TOPICS.scored, "wine-truth"))
        for offset, key in enumerate((b"a", b"b")):
            answers.pipeInput(key, scored(offset), 0)
        truths.pipeInput(b"b", truth(6), 6 * DAY_MS)
        found = driver.createOutputTopic("wine-judged", raw(), raw()).readValuesToList()
    assert [decode_judged(value).answer for value in found] == [6.0]


def test_what_is_no_answer_meets_no_truth_by_key_either() -> None:
    """It would end the engine where it meets one, again and again; the answer behind it has its pair."""
    with TopologyTestDriver(make_join(TOPICS, by_key=True)) as driver:
        answers, truths = (driver.createInputTopic(name, raw(), raw()) for name in (TOPICS.scored, "wine-truth"))
        for value in (b"\xff\xff", b"", scored(0)):
            answers.pipeInput(b"a", value, 0)
        truths.pipeInput(b"a", truth(6), 0)
        found = driver.createOutputTopic("wine-judged", raw(), raw()).readValuesToList()
    assert [decode_judged(value).answer for value in found] == [5.0]


def test_a_dead_letter_keeps_what_fits_of_what_is_no_truth() -> None:
    """One that is too large for its topic would end the engine, again and again."""
    with TopologyTestDriver(make_join(TOPICS)) as driver:
        truths = driver.createInputTopic("wine-truth", raw(), raw())
        truths.pipeInput(b"k" * MAX_MESSAGE_BYTES, b"t" * (MAX_MESSAGE_BYTES + 1))
        letter = driver.createOutputTopic(TOPICS.dead_letters, raw(), raw()).readRecord()
    assert len(letter.value()) + len(letter.key()) < REQUEST_BYTES
    assert dict(letter.headers())["x-original-bytes"] == b"%d" % (2 * MAX_MESSAGE_BYTES + 1)


PAIR = {**TREE._asdict(), "answer": 5.0, "truth": 6.0, "partition": 0, "offset": 1}


@pytest.mark.parametrize(
    "value",
    [
        None,
        b"",
        b"[]",
        b"{}",
        *(
            json.dumps({**PAIR, **wrong}).encode()
            for wrong in (
                {"answer": [1]},
                {"truth": None},
                {"answer": math.nan},
                {"answer": 10**400},
                {"offset": math.inf},
                {"partition": -1},
                {"partition": 1 << 40},
                {"name": "\ud800"},
            )
        ),
    ],
)
def test_what_is_no_pair_is_said(value: bytes | None) -> None:
    """Somebody else may write to the topic: whoever follows it has one error to know, whatever is there."""
    with pytest.raises(RecordError):
        decode_judged(value)
