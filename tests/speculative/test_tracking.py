"""Quality begins where the settings say, and truths that come late move it."""

from __future__ import annotations

import json

import pytest

from modelserving.speculative.tracking import QualityTracker
from tests.fakes import FakeMessage


def test_before_any_truth_nothing_is_known() -> None:
    """Then the settings stand; and what several models made together is nobody's."""
    tracker = QualityTracker()
    tracker.add("wine", "", 5.0, 6.0)
    assert tracker.quality("wine", "ab", 0.9) is None


def test_a_few_truths_move_it_a_little_and_many_all_the_way() -> None:
    """Of labels it is the share that is right."""
    tracker = QualityTracker()
    tracker.add("wine", "ab", "good", "bad")
    first = tracker.quality("wine", "ab", 0.9)
    assert first is not None
    assert 0.7 < first < 0.9
    for _ in range(1_000):
        tracker.add("wine", "ab", "good", "bad")
        tracker.add("wine", "ab", "good", "good")
    assert tracker.quality("wine", "ab", 0.9) == pytest.approx(0.5, abs=0.02)
    assert tracker.quality("white", "ab", 0.9) is None


def test_of_numbers_it_is_what_is_spared_of_the_error_of_the_mean() -> None:
    """Whatever their unit: prices in euros, or in cents."""
    for unit in (1.0, 100_000.0):
        tracker = QualityTracker()
        for number in range(2_000):
            truth = unit * (1 if number % 2 else 3)  # whoever always says 2 is wrong by 1
            tracker.add("hire", "good", truth + unit * 0.25, truth)
            tracker.add("hire", "useless", 2 * unit, truth)
        assert tracker.quality("hire", "good", 0.0) == pytest.approx(0.75, abs=0.03)
        assert tracker.quality("hire", "useless", 1.0) == pytest.approx(0.0, abs=0.03)


def test_a_model_that_gets_worse_is_found_out() -> None:
    """What is older counts less."""
    tracker = QualityTracker()
    for right in [True] * 5_000 + [False] * 1_500:
        tracker.add("wine", "ab", "good" if right else "bad", "good")
    found = tracker.quality("wine", "ab", 1.0)
    assert found is not None
    assert found < 0.1


def test_pairs_are_read_from_the_monitors_topic_and_garbage_is_passed_over(caplog: pytest.LogCaptureFixture) -> None:
    """What is no pair is said, with its place."""
    pair = {"data_type": "wine", "name": "m", "version": "1", "digest": "ab", "answer": "good", "truth": "good"}
    tracker = QualityTracker()
    tracker.take("j", [FakeMessage(b"junk", 7, topic="j"), FakeMessage(json.dumps(pair).encode()), FakeMessage(None)])
    assert tracker.version == 1
    assert tracker.quality("wine", "ab", 1.0) == 1.0
    assert "j[0]@7 is no pair" in caplog.text
