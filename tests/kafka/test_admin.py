"""Topics are made once, as they should be, and go away whole."""

from __future__ import annotations

import secrets

import pytest

from modelserving.errors import KafkaError
from modelserving.kafka import (
    Connection,
    create_topics,
    delete_topics,
    end_offsets,
    list_topics,
    make_admin,
    make_producer,
)
from modelserving.records import Topics

pytestmark = pytest.mark.broker


def test_topics_are_made_once(connection: Connection, topics: Topics) -> None:
    """Making topics again changes nothing, and loses nothing."""
    with make_producer(connection) as producer:
        producer.send(topics.records, b"kept").get(timeout=60)
    create_topics(connection, topics, partitions=4)
    assert end_offsets(connection, topics.records) == {0: 1}


def test_partitions_are_as_asked(connection: Connection) -> None:
    """Records, scored records and dead letters get the partitions asked for; models one, or as many as asked."""
    own = Topics().prefixed(f"p{secrets.token_hex(4)}")
    create_topics(connection, own, partitions=3, models_partitions=2)
    counts = {name: len(end_offsets(connection, name)) for name in (own.records, own.scored, own.dead_letters)}
    assert set(counts.values()) == {3}
    assert len(end_offsets(connection, own.models)) == 2
    delete_topics(connection, own)
    assert not set(own.names) & set(list_topics(connection))


def test_models_are_compacted(connection: Connection, topics: Topics) -> None:
    """Of the models the newest of each key stays for ever; records go by age, as usual."""
    from kafka.admin import ConfigResource, ConfigResourceType

    admin = make_admin(connection)
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in (topics.models, topics.records)]
    found = admin.describe_configs(resources, config_filter="all")["topic"]
    admin.close()
    assert found[topics.models]["cleanup.policy"]["value"] == "compact"
    assert found[topics.records]["cleanup.policy"]["value"] == "delete"


def test_deleting_what_is_not_there_is_nothing(connection: Connection) -> None:
    """Topics that do not exist are passed over."""
    delete_topics(connection, Topics().prefixed("never-made"))


def test_refused_topic_is_named(connection: Connection) -> None:
    """A name that Kafka does not allow is an error with the name in it."""
    with pytest.raises(KafkaError, match=r"does not make the topic 'no spaces-wine-records'"):
        create_topics(connection, Topics().prefixed("no spaces"))


def test_unknown_topic_is_named(connection: Connection) -> None:
    """Asking how far a topic goes that does not exist is an error, and makes no topic."""
    with pytest.raises(KafkaError, match="there is no topic 'never-made'"):
        end_offsets(connection, "never-made")
    with pytest.raises(KafkaError, match=r"there is no topic .* `modelserving client --prefix my-own` makes it"):
        end_offsets(connection, Topics().prefixed("my-own").control)
    assert "never-made" not in list_topics(connection)
