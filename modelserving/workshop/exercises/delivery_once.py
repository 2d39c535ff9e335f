"""Lesson 14: answers and offset in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kafka import KafkaProducer, OffsetAndMetadata, TopicPartition

from modelserving.kafka import make_producer, read_topic
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_COUNT = 3
_DealWith = Callable[[Any, str, list[Any], Any, Any], Any]


class _Noted:
    """A producer that notes which of its functions were called."""

    def __init__(self, producer: KafkaProducer) -> None:
        self._producer = producer
        self.calls: list[str] = []

    def __getattr__(self, name: str) -> Any:
        self.calls.append(name)
        return getattr(self._producer, name)


def check(lesson: LessonEnvironment, deal_with: _DealWith) -> str:
    """Let it deal with a batch; then ask the broker for the answers, and for the group's offset."""
    source, target = lesson.scratch_topic(), lesson.scratch_topic()
    with make_producer(lesson.connection) as filler:
        for number in range(_COUNT):
            filler.send(source, value=b"wine %d" % number)
    group = f"{source}-group"
    consumer = lesson.consumer(source, "delivery-once", group=group)
    records: list[Any] = []

    def all_came() -> bool:
        records.extend(record for part in consumer.poll(timeout_ms=200).values() for record in part)
        return len(records) >= _COUNT

    lesson.wait_for(all_came, "the wines", 60)
    offsets = {TopicPartition(source, 0): OffsetAndMetadata(_COUNT, "", -1)}
    with make_producer(lesson.connection, transactional_id=group, linger_ms=0) as producer:
        producer.init_transactions()
        noted = _Noted(producer)
        deal_with(noted, target, records, offsets, consumer.group_metadata())
        require(
            "begin_transaction" in noted.calls,
            "No transaction was begun: `producer.begin_transaction()` comes first.",
        )
        require(
            "abort_transaction" not in noted.calls,
            "`abort_transaction` takes everything back. The good end is another.",
        )
        require(
            "commit_transaction" in noted.calls,
            "The transaction was begun, and nobody ended it: the answers are written, and no careful reader sees them.",
        )
        require(
            "send_offsets_to_transaction" in noted.calls,
            "The answers can be read, but the group's offset is not in the transaction: the next worker begins before "
            "these wines, and answers them twice. Call `producer.send_offsets_to_transaction(offsets, group)` before "
            "the end.",
        )
    answers = lesson.wait_for(lambda: _values(lesson, target), "the answers", 30)
    offset = lesson.wait_for(lambda: consumer.committed(TopicPartition(source, 0)), "the group's offset", 30)
    require(
        answers == [b"score of wine %d" % number for number in range(_COUNT)],
        f"On the topic are {answers}; one answer was expected for each wine.",
    )
    return f"{len(answers)} answers and the group's offset, {offset}, became visible together, in one transaction."


def _values(lesson: LessonEnvironment, topic: str) -> list[bytes]:
    return [record.value for record in read_topic(lesson.connection, topic)]


EXERCISE = Exercise(
    id="delivery-once",
    lesson="14",
    title="Both in one",
    goal="""
`deal_with` gets some wines, the group's `offsets` behind them, and what names the `group`. It begins a transaction and
writes the answers. Put in the two calls that are missing, so that **answers and offset become visible together**.

The check runs it once, and asks the broker for the answers and for the offset of the group.
""",
    stub="""
def deal_with(producer, target, records, offsets, group):
    producer.begin_transaction()
    for record in records:
        producer.send(target, value=b"score of " + record.value)
    ____  # two calls
""",
    answer="deal_with",
    hints=(
        "Look at `effectively_once` above: which calls come after the answers?",
        "The offset goes in with `producer.send_offsets_to_transaction(offsets, group)`.",
        "At the very end: `producer.commit_transaction()`.",
    ),
    reference="""
def deal_with(producer, target, records, offsets, group):
    producer.begin_transaction()
    for record in records:
        producer.send(target, value=b"score of " + record.value)
    producer.send_offsets_to_transaction(offsets, group)
    producer.commit_transaction()
""",
    wrong=(
        WrongAnswer("def deal_with(producer, target, records, offsets, group):\n    pass", "begin_transaction"),
        WrongAnswer(
            """
def deal_with(producer, target, records, offsets, group):
    producer.begin_transaction()
    for record in records:
        producer.send(target, value=b"score of " + record.value)
    producer.commit_transaction()
""",
            "answers them twice",
        ),
        WrongAnswer(
            """
def deal_with(producer, target, records, offsets, group):
    producer.begin_transaction()
    for record in records:
        producer.send(target, value=b"score of " + record.value)
    producer.send_offsets_to_transaction(offsets, group)
""",
            "nobody ended it",
        ),
        WrongAnswer(
            """
def deal_with(producer, target, records, offsets, group):
    producer.begin_transaction()
    for record in records:
        producer.send(target, value=b"score of " + record.value)
    producer.send_offsets_to_transaction(offsets, group)
    producer.abort_transaction()
""",
            "takes everything back",
        ),
        WrongAnswer(
            """
def deal_with(producer, target, records, offsets, group):
    producer.begin_transaction()
    producer.send(target, value=b"score of " + records[0].value)
    producer.send_offsets_to_transaction(offsets, group)
    producer.commit_transaction()
""",
            "one answer was expected for each wine",
        ),
    ),
    check=check,
)
