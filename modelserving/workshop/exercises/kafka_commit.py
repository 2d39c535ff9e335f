"""Lesson 01: handle, then commit; in this order nothing is lost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafka import KafkaConsumer, TopicPartition

from modelserving.kafka import make_producer
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_COUNT, _FAILS_AT = 6, 3
_HandleAll = Callable[[KafkaConsumer, Callable[[Any], None], int], Any]


class _PowerCutError(Exception):
    """What the first helper meets."""


def check(lesson: LessonEnvironment, handle_all: _HandleAll) -> str:
    """Let one member of a group fail at a record, ask the broker where the group stands, let the next one go on."""
    topic = lesson.scratch_topic()
    with make_producer(lesson.connection) as producer:
        for number in range(_COUNT):
            producer.send(topic, value=f"reading {number}".encode())
        producer.flush(timeout=10)
    first, committed = _run(lesson, topic, handle_all, fails=True)
    require(
        _FAILS_AT in first, f"Record {_FAILS_AT} was never handed to `handle`. Call `handle(record)` for each record."
    )
    require(
        committed <= _FAILS_AT,
        f"`handle` failed at offset {_FAILS_AT}, but the group had committed offset {committed} already: nobody will "
        "ever handle that record. Handle first, commit afterwards.",
    )
    second, end = _run(lesson, topic, handle_all, fails=False)
    require(end, "All records were handled, but the group has committed nothing: after a restart it begins at 0 again.")
    twice = [offset for offset in second if offset < _FAILS_AT]
    require(
        not twice,
        f"`handle` failed at offset {_FAILS_AT}, and the next helper handled offsets {twice} a second time. "
        "Commit after each record, not once after all.",
    )
    return (
        f"`handle` failed at offset {_FAILS_AT}; the group stood at {committed}, so the next helper began with that "
        f"record, and went on to the end, {end}. Nothing lost."
    )


def _run(lesson: LessonEnvironment, topic: str, handle_all: _HandleAll, *, fails: bool) -> tuple[list[int], int]:
    """One member's life: the offsets that it was given, and where the group stands afterwards."""
    handled: list[int] = []

    def handle(record: Any) -> None:
        handled.append(record.offset)
        if fails and record.offset == _FAILS_AT:
            raise _PowerCutError

    consumer = lesson.consumer(topic, "kafka-commit", group=f"{topic}-helpers")
    start = consumer.committed(TopicPartition(topic, 0)) or 0
    try:
        handle_all(consumer, handle, _COUNT - start)
    except _PowerCutError:
        pass
    else:
        require(
            not fails or _FAILS_AT not in handled, "An error in `handle` was swallowed. Let it pass: do not catch it."
        )
    return handled, consumer.committed(TopicPartition(topic, 0)) or 0


EXERCISE = Exercise(
    id="kafka-commit",
    lesson="01",
    title="Nothing lost when the power goes",
    goal="""
A helper takes records from a group's share and calls `handle(record)` for each. Now and then `handle` fails, as if the
power had gone. Fill in the two missing calls, **`handle(record)`** and **`consumer.commit()`**, so that the next helper
begins **exactly with the record that failed**.

The check lets your function fail at offset 3, asks the broker where the group stands, and lets a second helper go on.
""",
    stub="""
def handle_all(consumer, handle, count):
    for _ in range(count):
        (record,) = take(consumer, 1)
        ____  # what comes here, and in which order?
""",
    answer="handle_all",
    hints=(
        "`consumer.commit()` tells the broker: this group has dealt with everything up to here.",
        "If you commit first and then fail, the broker believes that the record is dealt with.",
        "Handle, then commit, for each record.",
    ),
    reference="""
def handle_all(consumer, handle, count):
    for _ in range(count):
        (record,) = take(consumer, 1)
        handle(record)
        consumer.commit()
""",
    wrong=(
        WrongAnswer(
            """
def handle_all(consumer, handle, count):
    for _ in range(count):
        (record,) = take(consumer, 1)
        consumer.commit()
        handle(record)
""",
            "Handle first, commit afterwards",
        ),
        WrongAnswer(
            """
def handle_all(consumer, handle, count):
    for _ in range(count):
        (record,) = take(consumer, 1)
        handle(record)
""",
            "the group has committed nothing",
        ),
        WrongAnswer(
            """
def handle_all(consumer, handle, count):
    for _ in range(count):
        (record,) = take(consumer, 1)
        handle(record)
    consumer.commit()
""",
            "Commit after each record, not once after all",
        ),
        WrongAnswer(
            """
def handle_all(consumer, handle, count):
    for _ in range(count):
        (record,) = take(consumer, 1)
        consumer.commit()
""",
            "was never handed to `handle`",
        ),
        WrongAnswer(
            """
def handle_all(consumer, handle, count):
    for _ in range(count):
        (record,) = take(consumer, 1)
        try:
            handle(record)
        except Exception:
            continue
        consumer.commit()
""",
            "was swallowed",
        ),
    ),
    check=check,
)
