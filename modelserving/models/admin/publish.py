"""Send a model, or a command about models, and hear from the broker that it has it."""

from __future__ import annotations

import logging
import time
from contextlib import closing
from dataclasses import dataclass, replace

from kafka import OffsetSpec, TopicPartition
from kafka.errors import KafkaError as ClientError
from kafka.partitioner import murmur2

from modelserving.errors import ConfigError, KafkaError
from modelserving.kafka import MAX_MESSAGE_BYTES, Connection, make_admin, make_producer
from modelserving.models.store.repository import ModelRepository
from modelserving.records import (
    Action,
    ModelCommand,
    ModelDescriptor,
    PartitionSeen,
    Topics,
    encode_command,
    encode_descriptor,
)
from modelserving.records.descriptor import check_texts

log = logging.getLogger(__name__)

_ANSWER_S = 30.0


@dataclass(frozen=True, slots=True)
class Sent:
    """Where a message went.

    Args:
        topic: which topic,
        partition: which partition of it,
        offset: and its number in that.
        timestamp_ms: the broker's time of it, milliseconds since 1970.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int

    def __str__(self) -> str:
        return f"{self.topic}, partition {self.partition}, offset {self.offset}"


def publish_model(
    connection: Connection, topics: Topics, model: ModelDescriptor, repository: ModelRepository | None = None
) -> Sent:
    """Publish a model: to serve, or as a shadow where ``shadow_percent`` is more than 0.

    Args:
        connection: to the cluster.
        topics: to ``models``.
        model: by value, or by reference: with ``location`` and the digest of what is there.
        repository: keeps a copy; ``None`` keeps none.

    Raises:
        ConfigError: it does not fit in a message, or it is by reference without a digest.
        FieldError: a text that it says of itself is too long; every server would refuse it.
        BrokerUnavailable: no broker answers.
        KafkaError: the broker does not take it.
        SetupError: the repository cannot be written; the model is published then.
    """
    if model.location is not None and not model.sha256:
        raise ConfigError(f"model {model.name!r} is by reference: state the SHA-256 of its bytes.")
    check_texts(model)
    # What it takes goes without data: a by-reference message is small however large the model is.
    told = replace(model, data=b"") if model.location is not None else model
    value = encode_descriptor(told)
    if len(value) > MAX_MESSAGE_BYTES:
        raise ConfigError(
            f"model {model.name!r} makes a message of {len(value)} bytes, and the broker takes {MAX_MESSAGE_BYTES}. "
            "Put the file where the servers may read it, and publish it by reference."
        )
    sent = _send(connection, topics.models, model.data_type, model.key, value)
    if repository is not None and model.data:
        repository.save(replace(model, location=None), sent.timestamp_ms)
    return sent


def send_command(
    connection: Connection,
    topics: Topics,
    action: Action,
    data_type: str,
    digest: str = "",
    percent: float = 0.0,
    issued_by: str = "",
) -> Sent:
    """Send a command about the models of a data type.

    Args:
        connection: to the cluster.
        topics: to ``control``.
        action: what is wanted.
        data_type: whose models.
        digest: which model; see ``ModelCommand``.
        percent: of the records, for ``SHADOW``.
        issued_by: who wants it.

    Raises:
        BrokerUnavailable: no broker answers.
        KafkaError: the broker does not take it.
    """
    seen = _look(connection, topics.models)
    command = ModelCommand(action, data_type, digest, percent, time.time_ns() // 1_000_000, issued_by, seen)
    return _send(connection, topics.control, data_type, command.key, encode_command(command))


def partition_of(data_type: str, partitions: int) -> int:
    """The partition of all that is said of a data type, whatever a message's key is; as if that were the data type.

    Args:
        data_type: which.
        partitions: how many the topic has.
    """
    hashed: int = murmur2(data_type.encode()) & 0x7FFFFFFF
    return hashed % partitions


def _look(connection: Connection, topic: str) -> tuple[PartitionSeen, ...]:
    """How far the models topic goes now; nothing where the broker does not say."""
    with closing(make_admin(connection)) as admin:
        try:
            (found,) = admin.describe_topics([topic])
            partitions = [TopicPartition(topic, part["partition_index"]) for part in found["partitions"]]
            ends = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.LATEST))
            newest = admin.list_partition_offsets(dict.fromkeys(partitions, OffsetSpec.MAX_TIMESTAMP))
        except ClientError as error:
            log.debug("the ends of %s are not known: %r", topic, error)
            return ()
    return tuple(
        PartitionSeen(tp.partition, ends[tp].offset, newest[tp].timestamp) for tp in partitions if ends[tp].offset > 0
    )


def _send(connection: Connection, topic: str, data_type: str, key: bytes, value: bytes) -> Sent:
    """All that is said of a data type goes to one partition, whatever the key is: there it has an order."""
    with make_producer(connection) as producer:
        try:
            partition = partition_of(data_type, len(producer.partitions_for(topic)))
            found = producer.send(topic, key=key, value=value, partition=partition).get(timeout=_ANSWER_S)
        except ClientError as error:
            raise KafkaError(f"the broker does not take the message for {topic}: {error!r}.") from error
    return Sent(topic, found.partition, found.offset, found.timestamp)
