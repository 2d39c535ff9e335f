"""A server of each kind, and the topics on both sides of it."""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import pytest

from modelserving.broker import EmbeddedKafka
from modelserving.kafka import Connection, create_topics, delete_topics
from modelserving.records import Topics
from modelserving.workshop.processes.process import ServerProcess
from tests.contract.servers import GOOD, SERVERS, Pipeline, published


@pytest.fixture(params=SERVERS)
def pipeline(request: pytest.FixtureRequest, kafka: EmbeddedKafka, connection: Connection) -> Iterator[Pipeline]:
    """One kind of server, its topics, and the broker."""
    environ = {"KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers, "MODELSERVING_HOME": str(kafka.home)}
    made = Pipeline(request.param, connection, Topics().prefixed(f"c{secrets.token_hex(4)}"), environ)
    create_topics(connection, made.topics, made.partitions, made.partitions)
    yield made
    delete_topics(connection, made.topics)


@pytest.fixture
def server(pipeline: Pipeline) -> Iterator[ServerProcess]:
    """A running server that has a model which answers 5."""
    pipeline.send_model(*published(GOOD))
    with pipeline.serve() as running:
        yield running
