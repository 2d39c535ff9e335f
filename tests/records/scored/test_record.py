"""Answers as messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.errors import DecodeError
from modelserving.records import ScoredRecord, decode_scored, encode_scored
from modelserving.records.codecs import write_frame
from tests.records.strategies import scored_records

ANSWER = ScoredRecord("wine", 5.0, "m", "1", "d", 2, 7, 1_500, 3, 4)


@given(scored_records)
def test_what_is_written_is_read_again(scored: ScoredRecord) -> None:
    """Answer, model, place and times survive the way through a message."""
    assert decode_scored(encode_scored(scored)) == scored


def test_an_answer_in_numbers_is_written_as_before() -> None:
    """Labels and outputs cost nothing where there are none: older readers see the bytes that they know."""
    plain = encode_scored(ANSWER)
    worded = encode_scored(ANSWER._replace(label="good", outputs=(("share", 0.5), ("by class", (0.25, 0.75)))))
    assert worded.startswith(plain)
    assert worded[len(plain) :].startswith(b"\x5a\x04good\x62")
    assert (decode_scored(plain).answer, decode_scored(worded).answer) == (5.0, "good")


def test_fields_of_a_newer_sender_are_passed_over() -> None:
    """A message with a field that we do not know is still an answer."""
    assert decode_scored(encode_scored(ANSWER) + b"\xf8\x07\x2a") == ANSWER


def test_a_framed_answer_is_read_as_one_that_is_not() -> None:
    """The bytes themselves say it: no reader has to be told; and a prefix that is cut short is none."""
    assert decode_scored(write_frame(7, encode_scored(ANSWER), protobuf=True)) == ANSWER
    with pytest.raises(DecodeError, match="framing"):
        decode_scored(b"\0\0")


@pytest.mark.parametrize("value", [b"", None])
def test_an_empty_message_is_no_answer(value: bytes | None) -> None:
    """It is not read as a prediction of 0."""
    with pytest.raises(DecodeError, match="empty"):
        decode_scored(value)


def test_garbage_is_told_by_its_size() -> None:
    """The message says how many bytes there were."""
    with pytest.raises(DecodeError, match=r"^3 bytes are no scored record"):
        decode_scored(b"\xff\xff\xff")


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_decode_errors(value: bytes) -> None:
    """Whatever lies on the topic, it is an answer or a DecodeError."""
    try:
        scored = decode_scored(value)
    except DecodeError:
        return
    assert isinstance(scored.prediction, float)
