"""Dead letters keep the message as it came, and say why it failed."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from modelserving.kafka import MAX_MESSAGE_BYTES, Connection, DeadLetter, headers, make_producer, read_dead_letters
from modelserving.kafka.dead_letters import letter_in
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


def as_written(letter: DeadLetter) -> SimpleNamespace:
    """The message that a letter is written as."""
    return SimpleNamespace(value=letter.body, key=letter.label, headers=headers(letter))


@pytest.mark.parametrize(
    "own",
    [
        (),
        (("trace", b"\x00\xff"), ("trace", b"again")),
        tuple(headers(LETTER)),  # it was a dead letter before
        (("__streams.errors.exception", b"theirs"),),
    ],
    ids=["none", "some", "ours", "of Kafka Streams"],
)
def test_a_message_keeps_its_headers(own: tuple[tuple[str, bytes], ...]) -> None:
    """They come back as they were, whatever they are called."""
    letter = replace(LETTER, headers=own)
    assert letter_in(as_written(letter)) == letter


@pytest.mark.parametrize(
    "lost",
    [
        {"headers": (("empty", None), ("full", b"1"))},
        {"headers": (("large", b"x" * 1_000_000),)},
        {"value": None, "key": None},
        {"value": b"x" * (MAX_MESSAGE_BYTES + 1)},
    ],
    ids=["a header without a value", "large headers", "neither key nor value", "a large value"],
)
def test_a_letter_that_has_less_than_its_message_says_so(lost: dict[str, Any]) -> None:
    """Nobody takes it for the message; what can be told of it is told."""
    letter = replace(LETTER, **lost)
    read = letter_in(as_written(letter))
    assert read.cut
    assert (read.topic, read.partition, read.offset) == (LETTER.topic, 3, 42)
    if letter.size <= MAX_MESSAGE_BYTES and len(dict(headers(letter)).get("large", b"")) == 0:
        assert (read.value, read.key) == (letter.value, letter.key)


def test_a_letter_of_kafka_streams_is_understood() -> None:
    """KIP-1034: the engine's own headers stand behind those of the message, under names of its own."""
    said = {
        "exception": b"org.apache.kafka.common.errors.SerializationException",
        "message": b"no long",
        "stacktrace": b"at ...",
        "topic": b"in",
        "partition": b"2",
        "offset": b"7",
    }
    theirs = [("trace", b"1"), *((f"__streams.errors.{name}", value) for name, value in said.items())]
    letter = letter_in(SimpleNamespace(value=b"v", key=b"k", headers=theirs))
    assert letter == DeadLetter(b"v", b"k", "in", 2, 7, "", "SerializationException", "no long", (("trace", b"1"),))


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
