"""A log that is scored again, without a broker."""

from __future__ import annotations

import math

import pytest

from modelserving.errors import ConfigError
from modelserving.monitoring.replay.answers import RecordPosition, difference
from modelserving.monitoring.replay.backtest import Agreement, Served, compare
from modelserving.monitoring.replay.window import WindowEdge, parse_edge
from modelserving.serving import ModelKey
from tests.fakes import FakeModel, messages, served_by, wine

OLD = ModelKey("wine", "old", "1", "abc")
NEW = ModelKey("wine", "new", "2", "def")


def log_of(*alcohol: float) -> list[object]:
    """Records of these wines; the model that is tried answers their alcohol."""
    return list(messages([wine(alcohol=one) for one in alcohol]))


def served(*answers: float, model: ModelKey = OLD) -> dict[RecordPosition, Served]:
    """What was served for the records at offsets 0, 1, 2 ..."""
    return {RecordPosition(0, offset): Served(answer, model) for offset, answer in enumerate(answers)}


def test_it_counts_what_agrees_and_by_how_much_the_rest_does_not() -> None:
    """Numbers are the same to within a millionth."""
    found = compare(log_of(9, 10, 11, 12), served_by(), served(9, 10 + 1e-9, 10, 10))  # type: ignore[arg-type]
    assert (found.total.pairs, found.total.equal, found.total.largest) == (4, 2, 2)
    assert found.total.mean == pytest.approx(0.75)


def test_it_tells_the_models_apart_that_served() -> None:
    """A stretch of a log may have seen several."""
    before = {**served(9, 10), RecordPosition(0, 2): Served(5, NEW)}
    found = compare(log_of(9, 10, 11), served_by(), before)  # type: ignore[arg-type]
    assert {model: one.equal for model, one in found.by_model.items()} == {NEW: 0, OLD: 2}


def test_it_tells_the_largest_differences_first() -> None:
    """With where the record is, and no more of them than were asked for."""
    found = compare(log_of(1, 2, 3, 4), served_by(), served(1, 1, 1, 1), most=2)  # type: ignore[arg-type]
    assert [(one.position.offset, one.served, one.now) for one in found.differences] == [(3, 1, 4), (2, 1, 3)]
    assert compare(log_of(1, 2), served_by(), served(0, 0), most=0).differences == []  # type: ignore[arg-type]


def test_what_a_server_would_not_score_is_counted_as_there() -> None:
    """Broken records, records of other data types, and what the model fails on; the rest is compared."""
    log = messages([wine(), b"\xff", wine("beer"), wine()])
    found = compare(log, served_by(FakeModel(problems={1: "no"})), served(*[9.4] * 4))
    assert (found.records, found.scored, found.skipped, dict(found.failed)) == (
        4,
        1,
        1,
        {"DecodeError": 1, "ScoringError": 1},
    )
    assert found.total.pairs == 1


def test_what_nobody_served_is_told() -> None:
    """It has no pair."""
    found = compare(log_of(9, 10), served_by(), served(9))  # type: ignore[arg-type]
    assert (found.unserved, found.total.pairs) == (1, 1)
    assert math.isnan(Agreement().share)


def test_labels_agree_or_not() -> None:
    """A label is no number: there is no distance."""
    assert (difference("good", "good"), difference("good", "bad"), difference("good", 1.0)) == (0, 1, 1)


def test_a_position_in_a_log_is_an_offset_or_a_time() -> None:
    """As people say it."""
    assert parse_edge("1200") == WindowEdge(1200)
    assert parse_edge("2h", now_s=10_000) == WindowEdge(time_ms=2_800_000)
    assert parse_edge("1970-01-01T00:00:01+00:00") == WindowEdge(time_ms=1_000)
    with pytest.raises(ConfigError, match="how long ago"):
        parse_edge("yesterday")
