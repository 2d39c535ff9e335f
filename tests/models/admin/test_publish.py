"""Models and commands as they are sent: what counts as the last word, whatever clocks say."""

from __future__ import annotations

import time

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from modelserving.kafka import Connection, make_admin, make_producer
from modelserving.models.admin.listing import read_overview
from modelserving.models.admin.publish import publish_model, send_command
from modelserving.records import Action, Topics, encode_descriptor
from tests.contract.servers import constant_model

pytestmark = pytest.mark.broker

FIFTY_MINUTES_MS = 50 * 60_000


def test_a_command_counts_although_a_model_is_stamped_in_the_future(connection: Connection, topics: Topics) -> None:
    """Who gives it has seen the model, and says so; the next model counts, too."""
    admin = make_admin(connection)
    clients_time = {"message.timestamp.type": "CreateTime"}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topics.models, clients_time)])
    admin.close()

    def current() -> str:
        return read_overview(connection, topics).of("wine")[0].model.name

    first, ahead = constant_model(1.0, "first"), constant_model(2.0, "ahead")
    publish_model(connection, topics, first)
    stamp = int(time.time() * 1000) + FIFTY_MINUTES_MS
    with make_producer(connection) as producer:
        producer.send(topics.models, encode_descriptor(ahead), b"wine", timestamp_ms=stamp).get(10)
    assert current() == "ahead"
    send_command(connection, topics, Action.ROLL_BACK, "wine")
    assert current() == "first"
    send_command(connection, topics, Action.PROMOTE, "wine", ahead.digest)
    assert current() == "ahead"
    publish_model(connection, topics, constant_model(3.0, "third"))
    assert current() == "third"
