"""Lesson 00: a first record, sent by the attendee."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafka import KafkaProducer

from modelserving.kafka import make_producer, read_topic
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, NotYet, WrongAnswer, require


def check(lesson: LessonEnvironment, say_hello: Callable[[KafkaProducer, str], Any]) -> str:
    """Let the answer send to an empty topic, then read the topic."""
    topic = lesson.scratch_topic()
    with make_producer(lesson.connection, linger_ms=0) as producer:
        receipt = _answer(say_hello, producer, topic)
        producer.flush(timeout=10)
    found = list(read_topic(lesson.connection, topic))
    require(
        found,
        "The topic is still empty: nothing was sent to it. `producer.send(topic, value=...)` sends a record there.",
    )
    require(
        found[0].value,
        "A record arrived, but there is nothing in its value. Put your name in, as bytes: `value=b'Ada'`.",
    )
    require(
        hasattr(receipt, "offset"),
        f"The record arrived, but you returned {type(receipt).__name__!r}, not the receipt. "
        "`send` gives you a promise at once; `.get(timeout=10)` waits until the broker has the record.",
    )
    name = found[0].value.decode("utf-8", "replace")
    return f"The broker has it: `{name}` in topic `{topic}`, partition {receipt.partition}, offset {receipt.offset}."


def _answer(say_hello: Callable[[KafkaProducer, str], Any], producer: KafkaProducer, topic: str) -> Any:
    try:
        return say_hello(producer, topic)
    except TypeError as error:
        if "serialized" not in str(error):
            raise
        raise NotYet("You sent text, and Kafka carries bytes: `b'Ada'`, or `'Ada'.encode()`.") from error


EXERCISE = Exercise(
    id="hello-broker",
    lesson="00",
    title="Say hello to the broker",
    goal="""
Send a record that holds **your name** to `topic`, and return the receipt that the broker gives for it.
You have just seen both in a cell above.
""",
    stub="""
def say_hello(producer, topic):
    return ...
""",
    answer="say_hello",
    hints=(
        "Kafka carries bytes, not text: `b'Ada'`, or `'Ada'.encode()`.",
        "`producer.send(topic, value=...)` returns a promise. The receipt comes from its `.get(timeout=10)`.",
    ),
    reference="""
def say_hello(producer, topic):
    return producer.send(topic, value=b"Ada").get(timeout=10)
""",
    wrong=(
        WrongAnswer('def say_hello(producer, topic):\n    return "Ada"\n', "The topic is still empty"),
        WrongAnswer(
            'def say_hello(producer, topic):\n    return producer.send(topic, value="Ada").get(10)\n', "You sent text"
        ),
        WrongAnswer(
            'def say_hello(producer, topic):\n    return producer.send(topic, key=b"Ada").get(10)\n',
            "nothing in its value",
        ),
        WrongAnswer(
            'def say_hello(producer, topic):\n    return producer.send(topic, value=b"").get(10)\n',
            "nothing in its value",
        ),
        WrongAnswer(
            'def say_hello(producer, topic):\n    return producer.send(topic, value=b"Ada")\n', "not the receipt"
        ),
    ),
    check=check,
)
