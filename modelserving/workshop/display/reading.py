"""Reading in small portions, and records as a table."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import closing

from kafka import KafkaConsumer, TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType
from kafka.consumer.fetcher import ConsumerRecord

from modelserving.errors import KafkaError
from modelserving.kafka import Connection, end_offsets, make_admin
from modelserving.workshop.display.boxes import Table, table
from modelserving.workshop.lesson.lesson_topics import patiently

__all__ = ["lag", "records_table", "take", "topic_setting"]

_LONGEST = 40


def take(consumer: KafkaConsumer, count: int, seconds: float = 20) -> list[ConsumerRecord]:
    """The next ``count`` records: asks the broker again until it has them.

    Raises:
        KafkaError: there were fewer in time.
    """
    taken: list[ConsumerRecord] = []
    deadline = time.monotonic() + seconds
    while len(taken) < count:
        if time.monotonic() > deadline:
            raise KafkaError(f"Waited {seconds:g} s for {count} records; {len(taken)} came.")
        batches = consumer.poll(timeout_ms=200, max_records=count - len(taken))
        taken += [record for batch in batches.values() for record in batch]
    return taken


def records_table(records: Iterable[ConsumerRecord], caption: str = "") -> Table:
    """Records, a row each: where each one is, and what is in it.

    Args:
        records: in any order.
        caption: what the table shows; by default the topic's name and the number of records.
    """
    rows = [(r.partition, r.offset, _text(r.key), _text(r.value), r.topic) for r in records]
    topics = ", ".join(sorted({row[-1] for row in rows})) or "the topic"
    said = caption or f"{len(rows)} {'record' if len(rows) == 1 else 'records'} of {topics}"
    return table(said, [row[:-1] for row in rows], "partition", "offset", "key", "value")


def lag(connection: Connection, group: str, topic: str) -> dict[int, int]:
    """How far a group is behind: for each partition, records that it has not committed.

    Args:
        connection: the broker.
        group: name of the group; one that never committed is behind by everything.
        topic: its name.
    """
    with closing(make_admin(connection)) as admin:
        stood = patiently(lambda: admin.list_group_offsets({group: None})[group], f"the positions of {group}")
    committed = {place: done.offset for place, done in stood.items()}
    ends = end_offsets(connection, topic)
    return {part: end - max(0, committed.get(TopicPartition(topic, part), 0)) for part, end in ends.items()}


def topic_setting(connection: Connection, topic: str, name: str) -> str:
    """A setting of a topic, such as ``retention.ms``, as the broker says it.

    Args:
        connection: the broker.
        topic: its name.
        name: of the setting.
    """
    with closing(make_admin(connection)) as admin:
        asked = ConfigResource(ConfigResourceType.TOPIC, topic, configs=[name])
        said = admin.describe_configs([asked], config_filter="all")["topic"][topic]
    return str(said[name]["value"])


def _text(data: bytes | None) -> str:
    """Bytes as text where they are text, in hexadecimal where they are not."""
    if data is None:
        return "None"
    text = data.decode("utf-8", "replace")
    shown = text if text.isprintable() and "�" not in text else data.hex(" ")
    return shown if len(shown) <= _LONGEST else shown[:_LONGEST] + "…"
