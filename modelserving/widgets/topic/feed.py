"""Follows one topic from outside: its newest records, who reads what, and how far they are.

It looks again and again at the last few offsets of each partition, once as a reader who takes everything and once as
one who takes only what is committed. What the second does not see is aborted or still open; what both saw before, and
do not any more, the broker has cleaned up.
"""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from contextlib import ExitStack
from typing import TYPE_CHECKING, Literal, Protocol

from kafka import TopicPartition
from kafka.errors import KafkaError as KafkaClientError

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection, make_admin, make_consumer
from modelserving.kafka.clients import reach
from modelserving.widgets.colours import SERIES
from modelserving.widgets.feed import LiveFeed
from modelserving.widgets.topic.snapshot import SHOWN, Lane, RecordState, SeenRecord, TopicSnapshot

if TYPE_CHECKING:
    from kafka import KafkaAdminClient, KafkaConsumer

_EVERY_S = 0.2
_LOOK_S = 0.5
_LONGEST_KEY = 24
_MOST_KEYS = 200
# What Kafka Streams adds to a name: the number of a thread, or, where the instance has no name, one drawn by chance.
_THREAD = re.compile(r"(-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}-StreamThread-\d+-consumer|-\d+)$")


class Member(Protocol):
    """Somebody who reads partitions."""

    @property
    def partitions(self) -> tuple[int, ...]:
        """Which ones, just now."""
        ...


class TopicFeed(LiveFeed):
    """A source of snapshots of a topic.

    Args:
        connection: to the broker.
        topic: its name.
        group: whose bookmarks and lag are shown; ``None``: nobody's.
        members: of the group, by name; the mapping may change while it is watched. ``None``: whom the broker names.
        bookmarks: of readers without a group, by name, the next offset of each partition; may change, too.
    """

    def __init__(
        self,
        connection: Connection,
        topic: str,
        group: str | None = None,
        members: Mapping[str, Member] | None = None,
        bookmarks: Mapping[str, Mapping[int, int]] | None = None,
    ) -> None:
        super().__init__(**{f"watch-{topic}": self._run})
        self._connection, self._topic, self._group = connection, topic, group
        # Not `or`: a mapping that is empty now may be filled later.
        self._members = members
        self._owners: dict[int, str] = {}
        self._names: dict[str, None] = {}
        self._bookmarks = {} if bookmarks is None else bookmarks
        self._known: dict[tuple[int, int], str] = {}
        self._keys: dict[str, None] = {}
        self._latest = TopicSnapshot(topic)

    def snapshot(self) -> TopicSnapshot:
        """How the topic stood when it was looked at last."""
        return self._latest

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with ExitStack() as stack:
                    self._follow(stack)
            except (BrokerUnavailable, KafkaClientError, OSError):
                now = self._latest
                self._latest = TopicSnapshot(now.topic, now.lanes, now.keys, now.members, away=True)
                self._stop.wait(1)

    def _follow(self, stack: ExitStack) -> None:
        admin = make_admin(self._connection)
        stack.callback(admin.close)
        loose, strict = (self._reader(stack, way) for way in ("read_uncommitted", "read_committed"))
        while not self._stop.wait(_EVERY_S):
            reach(self._connection, within_s=0)  # the clients wait for a broker that is gone, and say nothing
            self._latest = self._look(admin, loose, strict)

    def _reader(self, stack: ExitStack, way: Literal["read_uncommitted", "read_committed"]) -> KafkaConsumer:
        consumer = make_consumer(self._connection, isolation=way, bootstrap_timeout_ms=2000)
        stack.callback(consumer.close, autocommit=False)
        return consumer

    def _look(self, admin: KafkaAdminClient, loose: KafkaConsumer, strict: KafkaConsumer) -> TopicSnapshot:
        numbers = sorted(loose.partitions_for_topic(self._topic) or ())
        partitions = [TopicPartition(self._topic, number) for number in numbers]
        everything, ends = _newest(loose, partitions)
        committed, stable = _newest(strict, partitions)
        begins = loose.beginning_offsets(partitions) if partitions else {}
        done = _committed(admin, self._group) if self._group else {}
        self._owners = self._who_reads(admin)
        self._names |= dict.fromkeys(self._members or sorted(set(self._owners.values())))
        self._forget(ends)
        lanes = tuple(
            self._lane(tp, begins[tp], ends[tp], everything, committed, stable, done.get(tp)) for tp in partitions
        )
        return TopicSnapshot(self._topic, lanes, tuple(self._keys), tuple(self._names))

    def _forget(self, ends: Mapping[TopicPartition, int]) -> None:
        """Keep what is looked at, and the newest keys: where each record has one of its own, they would have no end."""
        looked_at = {tp.partition: range(end - SHOWN, end) for tp, end in ends.items()}
        self._known = {at: key for at, key in self._known.items() if at[1] in looked_at.get(at[0], ())}
        if len(self._keys) > _MOST_KEYS:
            old = len(self._keys) // 2
            self._keys = dict.fromkeys(list(self._keys)[old - old % len(SERIES) :])  # so the others keep their colours

    def _who_reads(self, admin: KafkaAdminClient) -> dict[int, str]:
        """The name of each partition's reader; nobody's for one that has none."""
        if self._members is None:
            return _assigned(admin, self._group, self._topic) if self._group else {}
        return {part: name for name, one in reversed(list(self._members.items())) for part in one.partitions}

    def _lane(
        self,
        tp: TopicPartition,
        begin: int,
        end: int,
        everything: Mapping[tuple[int, int], str],
        committed: Mapping[tuple[int, int], str],
        stable: Mapping[TopicPartition, int],
        done: int | None,
    ) -> Lane:
        records = []
        for offset in range(max(0, end - SHOWN), end):
            at = (tp.partition, offset)
            key = everything.get(at, self._known.get(at))
            if key is None:  # the mark of a transaction
                continue
            self._known[at] = key
            self._keys.setdefault(key)
            if at not in everything:
                state = RecordState.GONE
            elif at in committed:
                state = RecordState.COMMITTED
            else:
                state = RecordState.OPEN if offset >= stable[tp] else RecordState.ABORTED
            records.append(SeenRecord(offset, key, state))
        marks = [(name, at[tp.partition]) for name, at in list(self._bookmarks.items()) if tp.partition in at]
        if done is not None:
            marks.append(("group", done))
        behind = None if self._group is None else end - max(begin, done or 0)
        owner = self._owners.get(tp.partition, "")
        return Lane(tp.partition, begin, end, tuple(records), owner, tuple(marks), behind)


def _newest(
    consumer: KafkaConsumer, partitions: list[TopicPartition]
) -> tuple[dict[tuple[int, int], str], dict[TopicPartition, int]]:
    """Keys of the newest records that a reader sees, by partition and offset; and where each partition ends for it."""
    ends: dict[TopicPartition, int] = consumer.end_offsets(partitions) if partitions else {}
    consumer.assign(partitions)
    for tp in partitions:
        consumer.seek(tp, max(0, ends[tp] - SHOWN))
    found: dict[tuple[int, int], str] = {}
    deadline = time.monotonic() + _LOOK_S
    while time.monotonic() < deadline and any(consumer.position(tp) < ends[tp] for tp in partitions):
        for tp, records in consumer.poll(timeout_ms=50).items():
            found |= {(tp.partition, record.offset): _text(record.key) for record in records}
    return found, ends


def _committed(admin: KafkaAdminClient, group: str) -> dict[TopicPartition, int]:
    stood = admin.list_group_offsets({group: None})[group]
    return {tp: mark.offset for tp, mark in stood.items() if mark.offset >= 0}


def _assigned(admin: KafkaAdminClient, group: str, topic: str) -> dict[int, str]:
    """Who has each partition of a topic, as the group's coordinator says; each by the name that it gave itself."""
    owners: dict[int, str] = {}
    for member in admin.describe_groups([group])[group]["members"]:
        name = str(member["group_instance_id"] or member["client_id"])
        for assigned in (member["member_assignment"] or {}).get("assigned_partitions", ()):
            if assigned["topic"] == topic:
                owners |= dict.fromkeys(assigned["partitions"], _THREAD.sub("", name))
    return owners


def _text(key: bytes | None) -> str:
    return "" if key is None else key[:_LONGEST_KEY].decode("utf-8", "replace")
