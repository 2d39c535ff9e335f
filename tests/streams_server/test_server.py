"""The Kafka Streams server as a process: killed, started again, and asked what it remembers."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

import pytest

from modelserving.broker import EmbeddedKafka
from modelserving.errors import ServerError
from modelserving.kafka import Connection, create_topics, delete_topics, end_offsets, make_producer
from modelserving.records import Topics, encode_wine
from modelserving.workshop.processes.process import ServerProcess
from tests.contract.servers import Pipeline, constant_model, published, wine
from tests.waiting import wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]

Make = Callable[..., Pipeline]


@pytest.fixture
def make(kafka: EmbeddedKafka, connection: Connection) -> Iterator[Make]:
    """Makes a pipeline with a model that answers 5."""
    used: list[Topics] = []

    def pipeline(kind: str, partitions: int = 1, models_partitions: int = 1) -> Pipeline:
        topics = Topics().prefixed(f"s{secrets.token_hex(4)}")
        create_topics(connection, topics, partitions, models_partitions)
        used.append(topics)
        environ = {"KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers, "MODELSERVING_HOME": str(kafka.home)}
        made = Pipeline(kind, connection, topics, environ)
        made.send_model(*published(constant_model(5.0, "five")))
        return made

    yield pipeline
    for topics in used:
        delete_topics(connection, topics)


def number(server: ServerProcess, name: str) -> int:
    """A number of ``/state``."""
    return int(str(server.get("/state")[name]))


def has_more(pipeline: Pipeline, before: int) -> bool:
    """Whether more results are committed than before."""
    return pipeline.answered() > before


def test_killed_again_and_again_each_record_has_one_result(make: Make) -> None:
    """``kill -9`` in the middle: every partition and offset is answered once, and the store has counted each once."""
    pipeline = make("streams-custom", partitions=2)
    sent = 0
    for _ in range(3):
        pipeline.send_wines(1500)
        sent += 1500
        before = len(pipeline.scored())
        with pipeline.serve() as server:
            wait_until(partial(has_more, pipeline, before), "the first results", pause=0.005)
            pipeline.send_wines(1500)
            sent += 1500
            server.kill()
    with pipeline.serve() as server:
        wait_until(lambda: len(pipeline.scored()) >= sent, "the rest")
        wanted = {
            (partition, offset)
            for partition, end in end_offsets(pipeline.connection, pipeline.topics.records).items()
            for offset in range(end)
        }
        found = Counter((answer.partition, answer.offset) for answer in pipeline.scored())
        assert len(wanted) == sent
        assert found.keys() == wanted
        assert set(found.values()) == {1}
        wait_until(lambda: number(server, "usage") == sent, "the count of the store")


def test_co_partitioned_models_serve_the_records_of_their_partition(make: Make) -> None:
    """Records and models are keyed by data type: each task has the model that its records need."""
    pipeline = make("streams-custom", partitions=2, models_partitions=2)
    pipeline.send_model(*published(constant_model(8.0, "eight", "white")), key=b"white")
    with pipeline.serve("--models", "co-partitioned") as server:
        assert server.get("/models") == {"models": ["white", "wine"]}
        with make_producer(pipeline.connection) as producer:
            for data_type in ("wine", "white") * 20:
                producer.send(pipeline.topics.records, key=data_type.encode(), value=encode_wine(wine(data_type)))
            producer.flush()
        wait_until(pipeline.settled(server, 40), "all answers")
        pipeline.send_model(*published(constant_model(9.0, "nine", "white")), key=b"white")
        wait_until(lambda: server.get("/state/white")["name"] == "nine", "the next model")
    answers = Counter((answer.data_type, answer.prediction) for answer in pipeline.scored())
    assert answers == {("wine", 5.0): 20, ("white", 8.0): 20}


def test_topics_that_do_not_fit_are_refused(make: Make) -> None:
    """Co-partitioned means as many partitions; the message names the topics, and what to do."""
    pipeline = make("streams-custom", partitions=3)
    with pytest.raises(ServerError, match="co-partitioned topics need the same number of partitions"):
        pipeline.serve("--models", "co-partitioned")
