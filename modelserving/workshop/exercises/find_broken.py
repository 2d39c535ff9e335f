"""Lesson 02: which records cannot be decoded, by their offsets."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from typing import Any

from kafka import TopicPartition

from modelserving.client import load_dataset
from modelserving.config import data_folder
from modelserving.kafka import Connection, make_admin, make_producer
from modelserving.records import encode_wine
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_GONE = 3
"""So many records are deleted from the beginning, so that an offset is not a place in a list."""
_BROKEN = [5, 6, 9]


def check(lesson: LessonEnvironment, broken_offsets: Callable[[Connection, str], Any]) -> str:
    """Publish good and broken records, delete the first few, and compare with what the answer finds."""
    topic = lesson.scratch_topic()
    _publish(lesson, topic)
    answer = broken_offsets(lesson.connection, topic)
    require(
        isinstance(answer, list) and all(isinstance(offset, int) for offset in answer),
        f"Return a list of offsets, such as `[3, 8]`; you returned {repr(answer)[:80]}.",
    )
    found = sorted(answer)
    require(
        found != [offset - _GONE for offset in _BROKEN],
        f"You found {found}. The first {_GONE} records of this topic are deleted, so counting from 0 is wrong: "
        "each record knows its own `offset`.",
    )
    missed = sorted(set(_BROKEN) - set(found))
    require(not missed, f"You found {found}, and missed {missed}. Does your function go on after the first broken one?")
    extra = sorted(set(found) - set(_BROKEN))
    require(not extra, f"You found {found}, but {extra} can be decoded.")
    return f"Offsets {found} of `{topic}` are broken: one cut off, one empty, one with a dangerous data type."


def _publish(lesson: LessonEnvironment, topic: str) -> None:
    wines = load_dataset(data_folder(None)).records[:12]
    values = [encode_wine(wine) for wine in wines]
    values[5] = values[5][:20]
    values[6] = b""
    values[9] = encode_wine(replace(wines[9], data_type="../../etc/passwd"))
    with make_producer(lesson.connection) as producer:
        for value in values:
            producer.send(topic, value=value)
        producer.flush(timeout=10)
    with closing(make_admin(lesson.connection)) as admin:
        admin.delete_records({TopicPartition(topic, 0): _GONE})


_SEARCH = """
def broken_offsets(connection, topic):
    broken = []
    for {record} in {source}:
        try:
            decode_wine(record.value)
        except RecordError:
            {broken}
    return broken
"""

_EACH = {"record": "record", "source": "read_topic(connection, topic)"}

EXERCISE = Exercise(
    id="find-broken",
    lesson="02",
    title="Find the broken records",
    goal="""
Somebody publishes rubbish again. Write the function that reads a topic and returns the **offsets** of the records that
`decode_wine` refuses, as a list. It raises a `RecordError` for these.
""",
    stub=_SEARCH.format(**_EACH, broken="broken.append(...)"),
    answer="broken_offsets",
    hints=(
        "Each record that Kafka gives you has `.value`, `.key`, `.partition` and `.offset`.",
        "What is missing is `record.offset`.",
    ),
    reference=_SEARCH.format(**_EACH, broken="broken.append(record.offset)"),
    wrong=(
        WrongAnswer(_SEARCH.format(**_EACH, broken="broken.append(record.value)"), "Return a list of offsets"),
        WrongAnswer(
            _SEARCH.format(
                record="place, record",
                source="enumerate(read_topic(connection, topic))",
                broken="broken.append(place)",
            ),
            "counting from 0 is wrong",
        ),
        WrongAnswer(_SEARCH.format(**_EACH, broken="return [record.offset]"), "go on after the first broken one"),
        WrongAnswer(
            """
def broken_offsets(connection, topic):
    return [record.offset for record in read_topic(connection, topic)]
""",
            "can be decoded",
        ),
    ),
    check=check,
)
