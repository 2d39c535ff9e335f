"""Lesson 01: the key that keeps readings of one barrel in order, and lets several readers share the barrels."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

from modelserving.kafka import make_producer, read_topic
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_PARTITIONS = 4
_READINGS = [f"barrel-{barrel} {12 + round_ / 10:.1f}" for round_ in range(8) for barrel in range(1, 9)]


def check(lesson: LessonEnvironment, key_of: Callable[[str], Any]) -> str:
    """Send readings with these keys to an empty topic, and ask the broker where each one went."""
    keys = [key_of(reading) for reading in _READINGS]
    _require_bytes(keys)
    topic = lesson.scratch_topic(partitions=_PARTITIONS)
    with make_producer(lesson.connection) as producer:
        for key, reading in zip(keys, _READINGS, strict=True):
            producer.send(topic, key=key, value=reading.encode())
        producer.flush(timeout=10)
    where: dict[str, set[int]] = defaultdict(set)
    for record in read_topic(lesson.connection, topic):
        where[record.value.decode().split()[0]].add(record.partition)
    for barrel, partitions in sorted(where.items()):
        require(
            len(partitions) == 1,
            f"Readings of {barrel} ended in partitions {sorted(partitions)}, so nobody reads them in order. "
            "Readings that belong together need the same key.",
        )
    used = set().union(*where.values())
    require(
        len(used) > 1,
        f"All {len(_READINGS)} readings are in partition {min(used)}: in order, but one reader has to do all the work. "
        "Different barrels need different keys.",
    )
    return f"{len(where)} barrels, {len(used)} of {_PARTITIONS} partitions used, and each barrel whole in one of them."


def _require_bytes(keys: list[Any]) -> None:
    require(
        None not in keys, "A key is `None`: then the producer picks the partition, and no order is promised at all."
    )
    strange = next((key for key in keys if not isinstance(key, bytes)), None)
    require(
        strange is None, f"A key is of type {type(strange).__name__}, and Kafka carries bytes: of a text, `.encode()`."
    )


EXERCISE = Exercise(
    id="kafka-keys",
    lesson="01",
    title="A key that keeps the order",
    goal="""
Eight barrels send readings such as `"barrel-7 12.5"`. Write the function that gives each reading its key, so that

* the readings of **one barrel stay in order**, and
* **several readers can share** the work.

The check sends 64 readings with your keys to a topic of four partitions, and asks the broker where they went.
""",
    stub="""
def key_of(reading):
    return ...
""",
    answer="key_of",
    hints=(
        "Same key, same partition; same partition, in order. What do readings that belong together have in common?",
        "`reading.split()` gives the barrel and the temperature.",
        "A key is bytes: `'barrel-7'.encode()`.",
    ),
    reference="""
def key_of(reading):
    barrel, temperature = reading.split()
    return barrel.encode()
""",
    wrong=(
        WrongAnswer("def key_of(reading):\n    return reading.encode()\n", "need the same key"),
        WrongAnswer('def key_of(reading):\n    return b"cellar"\n', "Different barrels need different keys"),
        WrongAnswer("def key_of(reading):\n    return None\n", "A key is `None`"),
        WrongAnswer("def key_of(reading):\n    return reading.split()[0]\n", "of a text, `.encode()`"),
    ),
    check=check,
)
