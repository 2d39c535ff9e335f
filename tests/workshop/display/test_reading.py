"""Reading in small portions, on a real broker."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import pytest
from kafka.consumer.fetcher import ConsumerRecord

from modelserving.errors import KafkaError
from modelserving.workshop import Lesson, lag, records_table, take, topic_setting

pytestmark = pytest.mark.broker


def test_taking_returns_so_many_and_no_more(lesson: Lesson) -> None:
    """The next portion begins where this one ended."""
    send(lesson, *(b"%d" % number for number in range(5)))
    reader = lesson.consumer(lesson.topics.records, "reader")
    assert [record.value for record in take(reader, 2)] == [b"0", b"1"]
    assert [record.value for record in take(reader, 3)] == [b"2", b"3", b"4"]


def test_taking_too_many_says_how_many_came(lesson: Lesson) -> None:
    """It ends with a sentence, and does not wait for ever."""
    send(lesson, b"only one")
    reader = lesson.consumer(lesson.topics.records, "reader")
    take(reader, 1)
    with pytest.raises(KafkaError, match="for 1 records; 0 came"):
        take(reader, 1, seconds=0.5)


def test_a_lag_is_what_is_not_committed(lesson: Lesson) -> None:
    """A group that never committed is behind by everything; then by what came after its commit."""
    group = lesson.group("g")
    send(lesson, b"0", b"1", b"2")
    assert lag(lesson.connection, group, lesson.topics.records) == {0: 3}
    reader = lesson.consumer(lesson.topics.records, "reader", group=group)
    take(reader, 2)
    reader.commit()
    assert lag(lesson.connection, group, lesson.topics.records) == {0: 1}


def test_a_setting_is_the_brokers_own_word(lesson: Lesson) -> None:
    """Also one that nobody set."""
    assert topic_setting(lesson.connection, lesson.topic("plain"), "retention.ms") == str(7 * 24 * 3600 * 1000)


def test_records_are_shown_as_text_or_hexadecimal(lesson: Lesson) -> None:
    """A person can tell bytes that are text from bytes that are not."""
    send(lesson, b"merlot", b"\x09\xff")
    shown = records_table(take(lesson.consumer(lesson.topics.records, "reader"), 2))
    assert [row[-1] for row in shown.rows] == ["merlot", "09 ff"]
    assert shown.caption == "2 records of lesson-90-wine-records"


def test_of_very_many_records_the_last_ones_are_shown() -> None:
    """A page with all that an hour brought would stand still."""
    many = [SimpleNamespace(partition=0, offset=n, key=None, value=b"x", topic="wine-scored") for n in range(36_000)]
    shown = records_table(cast("list[ConsumerRecord]", many))
    assert shown.caption == "36000 records of wine-scored (the last 500 of 36,000)"
    assert (len(shown.rows), shown.rows[-1][1]) == (500, "35999")


def test_a_compacted_topic_of_a_lesson_is_cleaned_up_while_one_watches(lesson: Lesson) -> None:
    """Only the newest record of a key is left, within a cell's patience."""
    from modelserving.kafka import make_admin, read_topic
    from modelserving.workshop.lesson.lesson_topics import hurry_compaction

    with make_admin(lesson.connection) as admin:  # the lesson itself leaves a cluster's settings alone
        hurry_compaction(admin)
    topic, producer = lesson.topic("labels", compacted=True), lesson.producer()
    for value in (b"old", b"new"):
        producer.send(topic, key=b"k", value=value)

    def left() -> list[bytes]:
        producer.send(topic, key=b"end", value=b"").get(timeout=60)
        return [record.value for record in read_topic(lesson.connection, topic) if record.key == b"k"]

    lesson.wait_for(lambda: left() == [b"new"], "the clean-up")


def send(lesson: Lesson, *values: bytes) -> None:
    producer = lesson.producer()
    for value in values:
        producer.send(lesson.topics.records, value=value)
    producer.flush(timeout=60)


def test_all_that_is_there_is_taken_without_a_number(lesson: Lesson) -> None:
    """From all partitions, up to their ends; then there is nothing more to take."""
    topic = lesson.topic("all", partitions=3)
    producer = lesson.producer()
    for number in range(7):
        producer.send(topic, partition=number % 2, value=b"x")
    producer.flush()
    reader = lesson.consumer(topic, "reader")
    assert len(take(reader)) == 7
    assert take(reader) == []
