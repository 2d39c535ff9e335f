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
from modelserving.workshop.lesson.lesson_topics import with_retries

_LONGEST = 40
_MOST = 500


def take(consumer: KafkaConsumer, count: int | None = None, seconds: float = 20) -> list[ConsumerRecord]:
    """The next records: asks the broker again until it has them.

    Args:
        consumer: whose position moves on.
        count: how many; ``None``: all that are there now.
        seconds: how long at most.

    Raises:
        KafkaError: there were fewer in time.
    """
    taken: list[ConsumerRecord] = []
    deadline = time.monotonic() + seconds
    while len(taken) < count if count is not None else _has_more(consumer):
        if time.monotonic() > deadline:
            raise KafkaError(f"Waited {seconds:g} s for {count or 'all'} records; {len(taken)} came.")
        batches = consumer.poll(timeout_ms=200, max_records=count and count - len(taken))
        taken += [record for batch in batches.values() for record in batch]
    return taken


def _has_more(consumer: KafkaConsumer) -> bool:
    """Whether a consumer has not come to the ends of its partitions, or has none yet."""
    ends = consumer.end_offsets(list(consumer.assignment()))
    return not ends or any(consumer.position(tp) < end for tp, end in ends.items())


def records_table(records: Iterable[ConsumerRecord]) -> Table:
    """Records, a row each: where each one is, and what is in it.

    Args:
        records: in any order; of very many the last ones are shown, since a page with all of them would stand still.
    """
    rows = [(r.partition, r.offset, _text(r.key), _text(r.value), r.topic) for r in records]
    topics = ", ".join(sorted({row[-1] for row in rows})) or "the topic"
    said = f"{len(rows)} {'record' if len(rows) == 1 else 'records'} of {topics}"
    if len(rows) > _MOST:
        said = f"{said} (the last {_MOST} of {len(rows):,})"
    return table(said, [row[:-1] for row in rows[-_MOST:]], "partition", "offset", "key", "value")


def lag(connection: Connection, group: str, topic: str) -> dict[int, int]:
    """How far a group is behind: for each partition, records that it has not committed.

    Args:
        connection: the broker.
        group: name of the group; one that never committed is behind by everything.
        topic: its name.
    """
    with closing(make_admin(connection)) as admin:
        stood = with_retries(lambda: admin.list_group_offsets({group: None})[group], f"the positions of {group}")
    committed = {tp: done.offset for tp, done in stood.items()}
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
