"""Dead letters keep the message as it came, and say why it failed."""

from __future__ import annotations

import pytest

from modelserving.kafka import Connection, DeadLetter, headers, make_producer, read_dead_letters
from modelserving.records import Topics

LETTER = DeadLetter(
    value=b"\x00garbage\xff",
    key=b"wine",
    topic="wine-records",
    partition=3,
    offset=42,
    stage="decode",
    error="DecodeError",
    reason="10 bytes, first 00 67, are no wine record – überhaupt.",
)


def test_headers_are_text() -> None:
    """Where it came from and why it failed are readable headers, so that any Kafka tool shows them."""
    assert headers(LETTER) == [
        ("x-error-class", b"DecodeError"),
        ("x-error-reason", "10 bytes, first 00 67, are no wine record – überhaupt.".encode()),
        ("x-original-topic", b"wine-records"),
        ("x-original-partition", b"3"),
        ("x-original-offset", b"42"),
        ("x-stage", b"decode"),
    ]


def test_long_reason_is_cut() -> None:
    """A reason that quotes a whole model does not make the dead letter larger than a message may be."""
    long = DeadLetter(b"", None, "t", 0, 0, "build", "ModelFormatError", "x" * 1_000_000)
    assert len(dict(headers(long))["x-error-reason"]) == 4_000


@pytest.mark.broker
def test_letters_come_back_as_they_went(connection: Connection, topics: Topics) -> None:
    """What was written as a dead letter is read as the same; a message without our headers is shown as it is."""
    with make_producer(connection) as producer:
        producer.send(topics.dead_letters, value=LETTER.value, key=LETTER.key, headers=headers(LETTER))
        producer.send(topics.dead_letters, value=b"of somebody else", headers=[("x-original-offset", b"-")])
    assert read_dead_letters(connection, topics.dead_letters) == [
        LETTER,
        DeadLetter(b"of somebody else", None, "", -1, -1, "", "", ""),
    ]
