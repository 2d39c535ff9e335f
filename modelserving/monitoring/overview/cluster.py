"""What the broker has: topics with their ends, groups with their members, and how far these are behind."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from kafka import OffsetSpec, TopicPartition
from kafka.errors import KafkaError

from modelserving.errors import BrokerUnavailable
from modelserving.kafka import Connection, make_admin

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

_ANSWER_WITHIN_MS = 5_000


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic now.

    Args:
        name: its name.
        ends: for each partition, the offset that its next message will have.
    """

    name: str
    ends: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class GroupState:
    """A consumer group now.

    Args:
        name: its name.
        state: as the broker says it: Stable, Empty, PreparingRebalance.
        members: their names, in order.
        lag: for each topic that it has read of, how many messages it has not dealt with.
    """

    name: str
    state: str
    members: tuple[str, ...]
    lag: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class ClusterState:
    """All of it at one moment.

    Args:
        topics: in order, without Kafka's own.
        groups: in order.
        away: why nothing is known; empty while the broker answers.
    """

    topics: tuple[TopicState, ...] = ()
    groups: tuple[GroupState, ...] = ()
    away: str = ""


class ClusterWatch:
    """Asks the broker; from one thread at a time.

    Args:
        connection: to the cluster.
    """

    def __init__(self, connection: Connection) -> None:
        options = {**connection.options, "request_timeout_ms": _ANSWER_WITHIN_MS}
        self._connection = replace(connection, options=options)
        self._admin: KafkaAdminClient | None = None

    def look(self) -> ClusterState:
        """What there is now. That the broker does not answer is no error here, but what was found out."""
        try:
            self._admin = self._admin or make_admin(self._connection)
            return _look(self._admin)
        except (KafkaError, BrokerUnavailable, OSError):
            self.close()
            return ClusterState(away=f"the broker at {self._connection.bootstrap_servers} does not answer")

    def close(self) -> None:
        """Let go of the broker. A second call does nothing."""
        admin, self._admin = self._admin, None
        if admin is not None:
            with suppress(Exception):  # it may be gone
                admin.close()


def _look(admin: KafkaAdminClient) -> ClusterState:
    partitions = [
        TopicPartition(topic["name"], part["partition_index"])
        for topic in admin.describe_topics()
        if not topic.get("is_internal") and not topic["name"].startswith("__")
        for part in topic["partitions"]
    ]
    found = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST)) if partitions else {}
    ends: dict[str, dict[int, int]] = {}
    for tp, at in found.items():
        ends.setdefault(tp.topic, {})[tp.partition] = at.offset
    names = sorted(one["group_id"] for one in admin.list_groups())
    groups = (_group(admin, name, ends) for name in names)
    topics = (TopicState(name, dict(sorted(parts.items()))) for name, parts in sorted(ends.items()))
    return ClusterState(tuple(topics), tuple(groups))


def _group(admin: KafkaAdminClient, name: str, ends: Mapping[str, Mapping[int, int]]) -> GroupState:
    described: Mapping[str, Any] = admin.describe_groups([name])[name]
    lag: dict[str, int] = {}
    for tp, at in admin.list_group_offsets({name: None})[name].items():
        end = ends.get(tp.topic, {}).get(tp.partition)
        if end is not None and at.offset >= 0:
            lag[tp.topic] = lag.get(tp.topic, 0) + max(0, end - at.offset)
    members = sorted(str(one.get("group_instance_id") or one.get("client_id")) for one in described["members"] or ())
    return GroupState(name, str(described.get("group_state")), tuple(members), lag)
