"""Topics: make them, delete them, see how far they go."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

from modelserving.errors import BrokerUnavailable, KafkaError
from modelserving.kafka.clients import Connection, explain, make_admin
from modelserving.kafka.settings import settings_of
from modelserving.system import poll

if TYPE_CHECKING:
    from kafka import KafkaAdminClient

    from modelserving.records.topics import Topics

_USABLE_WITHIN_S = 60.0
_LOOK_EVERY_S = 0.02
_ALREADY_EXISTS = 36
_UNKNOWN = 3
_MAKES_TOPICS = "auto.create.topics.enable"


def create_topics(connection: Connection, topics: Topics, partitions: int = 1, models_partitions: int = 1) -> None:
    """Make the five topics of a pipeline, and wait until they can be used. Those that exist stay as they are.

    Args:
        connection: the broker. How many copies of each record it keeps is its own default.
        topics: their names.
        partitions: of records, scored records and dead letters.
        models_partitions: of the models, and of the commands about them; as many as ``partitions`` where data and
            models of one type must meet on one instance, 1 where each instance reads all models.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: the broker refuses a topic, or it is not usable in time.
    """
    counts = {topics.models: models_partitions, topics.control: models_partitions}
    wanted = {name: (counts.get(name, partitions), settings) for name, settings in settings_of(topics).items()}
    create_named_topics(connection, wanted)


def create_named_topics(connection: Connection, wanted: Mapping[str, tuple[int, Mapping[str, str]]]) -> None:
    """Make topics, and wait until they can be used. Those that exist stay as they are.

    Args:
        connection: the broker.
        wanted: for each name, how many partitions, and the settings that differ from the broker's.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: the broker refuses a topic, or it is not usable in time.
    """
    new = {name: {"num_partitions": count, "configs": dict(configs)} for name, (count, configs) in wanted.items()}
    with _admin(connection) as admin:
        results = admin.create_topics(new, raise_errors=False)["topics"]
        _refuse(results, "make", {0, _ALREADY_EXISTS})
        _wait(lambda: _unusable(admin, wanted), "is not usable")


def delete_topics(connection: Connection, topics: Topics) -> None:
    """Delete the five topics with all that is in them, and wait until they are gone; pass over those that do not exist.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: the broker refuses, or a topic is not gone in time.
    """
    names = list(topics.names)
    with _admin(connection) as admin:
        results = admin.delete_topics(names, raise_errors=False)["topics"]
        _refuse(results, "delete", {0, _UNKNOWN})
        _wait(lambda: [name for name in admin.list_topics() if name in names], "is still there")


def list_topics(connection: Connection) -> list[str]:
    """Names of all topics, sorted, without Kafka's own.

    Raises:
        BrokerUnavailable: no broker answers.
    """
    with _admin(connection) as admin:
        return sorted(name for name in admin.list_topics() if not name.startswith("__"))


def missing_topics(connection: Connection, names: Collection[str]) -> list[str]:
    """Which of these topics nobody has made, sorted; none where the broker makes what somebody writes to.

    Raises:
        BrokerUnavailable: no broker answers, or it does not say.
    """
    with _admin(connection) as admin:
        missing = sorted({*names} - {*admin.list_topics()})
        return [] if missing and _makes_topics(admin) else missing


def _makes_topics(admin: KafkaAdminClient) -> bool:
    from kafka.admin import ConfigResource, ConfigResourceType

    brokers = [str(broker["broker_id"]) for broker in admin.describe_cluster()["brokers"]]
    asked = ConfigResource(ConfigResourceType.BROKER, brokers[0], configs=[_MAKES_TOPICS])
    found = admin.describe_configs([asked], config_filter="all")["broker"][brokers[0]]
    return str(found[_MAKES_TOPICS]["value"]) == "true"


def end_offsets(
    connection: Connection, topic: str, isolation: Literal["read_committed", "read_uncommitted"] = "read_committed"
) -> dict[int, int]:
    """How far a topic goes.

    Args:
        connection: the broker.
        topic: its name.
        isolation: ``read_committed`` stops before the first transaction that is still open.

    Returns:
        For each partition, the offset of the next record.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: there is no such topic.
    """
    from kafka import IsolationLevel, OffsetSpec, TopicPartition

    level = IsolationLevel.READ_COMMITTED if isolation == "read_committed" else IsolationLevel.READ_UNCOMMITTED
    with _admin(connection) as admin:
        found = _described(admin, topic, connection)
        latest = {TopicPartition(topic, part["partition_index"]): OffsetSpec.LATEST for part in found["partitions"]}
        ends = admin.list_partition_offsets(latest, isolation_level=level)
        return {partition.partition: end.offset for partition, end in sorted(ends.items())}


def topic_id(connection: Connection, topic: str) -> str:
    """What the broker calls a topic: one that is deleted and made anew has another id, and counts from 0 again.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: there is no such topic.
    """
    with _admin(connection) as admin:
        return str(_described(admin, topic, connection)["topic_id"])


def _described(admin: KafkaAdminClient, topic: str, connection: Connection) -> Mapping[str, Any]:
    found: Mapping[str, Any] = admin.describe_topics([topic])[0]
    if found["error_code"]:
        raise KafkaError(
            f"there is no topic {topic!r} at {connection.bootstrap_servers}. "
            f"`modelserving client{_prefix_of(topic)}` makes it."
        )
    return found


def _prefix_of(topic: str) -> str:
    """The option that makes a topic of this name, with a blank before it; nothing where none does, or none need."""
    from modelserving.records.topics import TOPICS

    prefix = next((topic.removesuffix(f"-{name}") for name in TOPICS.names if topic.endswith(f"-{name}")), "")
    return f" --prefix {prefix}" if prefix else ""


@contextmanager
def _admin(connection: Connection) -> Iterator[KafkaAdminClient]:
    """An administration client whose own errors come out as ours."""
    from kafka.errors import KafkaError as ClientError

    admin = make_admin(connection)
    try:
        yield admin
    except ClientError as error:
        raise BrokerUnavailable(explain(connection, error)) from error
    finally:
        admin.close()


def _refuse(results: Collection[Mapping[str, object]], verb: str, fine: Collection[int]) -> None:
    for result in results:
        if result["error_code"] not in fine:
            why = result.get("error_message") or f"error {result['error_code']}"
            raise KafkaError(f"the broker does not {verb} the topic {result['name']!r}: {why}")


def _unusable(admin: KafkaAdminClient, wanted: Mapping[str, object]) -> list[str]:
    """Topics that the broker does not name yet, or that have a partition nobody leads yet."""
    ready = {
        topic["name"]
        for topic in admin.describe_topics(list(wanted))
        if not topic["error_code"]
        and all(not part["error_code"] and part["leader_id"] >= 0 for part in topic["partitions"])
    }
    return [name for name in wanted if name not in ready]


def _wait(pending: Callable[[], list[str]], what: str) -> None:
    names: list[str] = []

    def none_left() -> bool:
        names[:] = pending()
        return not names

    if not poll(none_left, _USABLE_WITHIN_S, _LOOK_EVERY_S):
        raise KafkaError(
            f"the topic {names[0]!r} {what} after {_USABLE_WITHIN_S:.0f} s. The broker may be busy; try again."
        )
