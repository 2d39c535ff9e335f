"""Truths as messages, how good answers were, and which model is better; without a broker."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.errors import RecordError
from modelserving.monitoring.replay.answers import RecordPosition
from modelserving.monitoring.truth.judge import judge
from modelserving.monitoring.truth.quality import Quality, improvement
from modelserving.monitoring.truth.topic import Truth, decode_truth, encode_truth, error_of
from tests.fakes import FakeMessage, FakeModel, messages, served_by, wine

NUMBERS = st.floats(-1e6, 1e6)


@given(
    st.one_of(
        st.builds(Truth, NUMBERS | st.text(), st.builds(RecordPosition, st.integers(0, 99), st.integers(0, 2**60))),
        st.builds(Truth, NUMBERS | st.text(), st.none(), st.binary(min_size=1)),
    )
)
def test_a_truth_survives_its_message(truth: Truth) -> None:
    """With a place, or with the key that names its record."""
    assert decode_truth(*encode_truth(truth)) == truth


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (b"", "no truth"),
        (b"[6]", "JSON object"),
        (b'{"partition": 0, "offset": 1}', '"truth" is None'),
        (b'{"partition": 0, "offset": 1, "truth": true}', '"truth" is True'),
        (b'{"partition": 0, "offset": 1, "truth": NaN}', "finite"),
        (b'{"partition": 0, "offset": 1, "truth": 1' + b"0" * 400 + b"}", "finite"),
        (b'{"partition": 0, "offset": 1, "truth": "\\ud800"}', "no text"),
        (b'{"partition": 0, "truth": 6}', '"offset" is None'),
        (b'{"partition": 2147483648, "offset": 1, "truth": 6}', "of 31 bits"),
        (b'{"partition": -1, "offset": 1, "truth": 6}', '"partition" is -1'),
        (b'{"truth": 6}', "says of no record"),
    ],
)
def test_what_is_no_truth_is_refused_with_the_reason(value: bytes, told: str) -> None:
    """Whoever sends them is told what is wrong."""
    with pytest.raises(RecordError, match=told):
        decode_truth(None, value)


def test_an_error_is_a_distance_or_a_wrong_label() -> None:
    """A number that comes as a text is a number where the answer is one."""
    assert [error_of(5.5, 6.0), error_of("good", "good"), error_of("good", "bad"), error_of(5.0, "6")] == [0.5, 0, 1, 1]
    assert [error_of(5.0, "nan"), error_of(5.0, "inf")] == [1, 1]


def test_quality_tells_error_accuracy_and_calibration() -> None:
    """Answers that go twice as far from the middle as the truth are calibrated at one half."""
    found = Quality()
    for truth in (4.0, 5.0, 6.0, 7.0):
        found.add(2 * (truth - 5) + 5.2, truth)
    assert found.mean_error == pytest.approx(0.7)
    assert found.calibration_slope == pytest.approx(0.5)
    assert (found.pairs, found.accuracy) == (4, 0.25)
    assert all(math.isnan(one) for one in (Quality().accuracy, Quality().mean_error, Quality().calibration_slope))


def test_an_improvement_states_its_doubt() -> None:
    """Pair by pair: what both find hard does not blur it; what is only luck stays within the doubt."""
    hard = [float(number % 7) for number in range(50)]
    clear = improvement([one + 0.5 + number % 2 / 10 for number, one in enumerate(hard)], hard)
    assert clear.pairs == 50
    assert clear.gain == pytest.approx(0.55)
    assert clear.at_least > 0.5
    luck = improvement([1.0, 0.0] * 25, [0.0, 1.0] * 25)
    assert luck.gain == 0
    assert luck.at_least < 0
    assert improvement([1.0], [0.0]).at_least == -math.inf


def test_two_models_are_judged_on_the_same_records() -> None:
    """Those that both answer and whose truth is known, by place or by key; of two truths the later one counts."""
    log = [
        *messages([wine(alcohol=number) for number in (8, 9, 10)]),
        FakeMessage(messages([wine(alcohol=11)])[0].value, 3, key=b"k"),
        FakeMessage(b"\xff", 4),
    ]
    truths = [
        Truth(7.0, RecordPosition(0, 0)),
        Truth(8.0, RecordPosition(0, 0)),
        Truth(9.0, RecordPosition(0, 1)),
        Truth(11.0, None, b"k"),
        Truth(5.0, RecordPosition(0, 4)),
        Truth(5.0, RecordPosition(0, 99)),
    ]
    found = judge(log, truths, served_by(FakeModel(2.0), "double"), served_by(FakeModel(problems={1: "no"}), "same"))
    assert (found.truths, found.old.pairs, found.new.pairs) == (5, 2, 2)
    assert (found.old.mean_absolute_error, found.new.mean_absolute_error) == (9.5, 0)
    assert (found.improvement.pairs, found.improvement.gain) == (2, 9.5)
