"""Several instances of the Kafka Streams server on topics of four partitions; one is killed. All are real."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import httpx
import pytest

from modelserving.broker import EmbeddedKafka
from modelserving.kafka import Connection, create_topics, delete_topics, make_producer
from modelserving.records import Topics, encode_wine
from modelserving.workshop.processes.process import ServerProcess
from tests.contract.servers import Pipeline, constant_model, published, wine
from tests.waiting import WAIT, wait_until

pytestmark = [
    pytest.mark.broker,
    pytest.mark.slow,
]

PARTITIONS = 4
WINE = encode_wine(wine())
OTHER_WINE = encode_wine(wine("white"))
MOVING_S = 90


@dataclass(slots=True)
class Fleet:
    """Instances of one application."""

    pipeline: Pipeline
    options: tuple[str, ...] = ()
    running: dict[str, ServerProcess] = field(default_factory=dict)
    sent: list[int] = field(default_factory=lambda: [0] * PARTITIONS)

    def start(self, stack: ExitStack, *names: str) -> None:
        """Start instances, all at once, and wait until they serve."""
        for name in names:
            options = ("--port", "0", "--instance", name, "--no-preload", *self.options)
            self.running[name] = stack.enter_context(
                ServerProcess("streams", self.pipeline.prefix, options, self.pipeline.environ)
            )
        for name in names:
            self.running[name].wait_until_serving()

    def ask(self, name: str, path: str) -> httpx.Response:
        """Ask an instance."""
        return httpx.get(self.running[name].url + path, timeout=20)

    def send(self, count: int, producer: Any) -> None:
        """Publish so many records to each partition."""
        for partition in range(PARTITIONS):
            for _ in range(count):
                producer.send(self.pipeline.topics.records, value=WINE, partition=partition)
            self.sent[partition] += count
        producer.flush()

    def agree_and_never_lie(self, committed: int) -> bool:
        """Whether they agree; what each answers until then is right, or that it cannot say."""
        if self.agree():
            return True
        for name in self.running:
            answer = self.ask(name, "/state/wine")
            assert answer.status_code in (200, 503), answer.text
            if answer.status_code == 200:
                assert committed <= answer.json()["usage"] <= sum(self.sent)
        return False

    def agree(self) -> bool:
        """Whether all instances say the same of each other, and each partition belongs to one of them."""
        answers = [self.ask(name, "/state/instances") for name in self.running]
        if any(answer.status_code != 200 for answer in answers):
            return False
        first = answers[0].json()
        held = [partition for each in first for partition in each["partitions"]]
        urls = sorted(url_of(each) for each in first)
        return (
            all(answer.json() == first for answer in answers)
            and sorted(held) == list(range(PARTITIONS))
            and urls == sorted(server.url for server in self.running.values())
            and all(each["partitions"] for each in first)
        )

    def usage(self) -> set[int]:
        """How many records the model has scored, as each instance tells; -1 where one cannot tell now."""
        answers = [self.ask(name, "/state/wine") for name in self.running]
        return {int(answer.json()["usage"]) if answer.status_code == 200 else -1 for answer in answers}

    def counted(self, name: str, data_type: str, usage: int) -> bool:
        """Whether an instance says that the model of a data type has scored so many records."""
        return bool(self.ask(name, f"/state/{data_type}").json().get("usage") == usage)

    def busiest(self) -> str:
        """The instance that holds most partitions."""
        found = self.ask(next(iter(self.running)), "/state/instances").json()
        url = url_of(max(found, key=lambda each: len(each["partitions"])))
        return next(name for name, server in self.running.items() if server.url == url)


def url_of(instance: Mapping[str, Any]) -> str:
    """Where an instance can be asked."""
    return f"http://{instance['host']}:{instance['port']}"


@pytest.fixture
def pipeline(kafka: EmbeddedKafka, connection: Connection, request: pytest.FixtureRequest) -> Iterator[Pipeline]:
    """Topics of four partitions; those of models have as many as the parameter says."""
    models = request.param
    topics = Topics().prefixed(f"i{secrets.token_hex(4)}")
    create_topics(connection, topics, PARTITIONS, models)
    environ = {"KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers, "MODELSERVING_HOME": str(kafka.home)}
    yield Pipeline("streams", connection, topics, environ)
    delete_topics(connection, topics)


@contextmanager
def load(fleet: Fleet) -> Iterator[None]:
    """Publish records all the time."""
    ended = threading.Event()

    def work() -> None:
        with make_producer(fleet.pipeline.connection) as producer:
            while not ended.wait(0.05):
                fleet.send(10, producer)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(WAIT)


@pytest.mark.parametrize("pipeline", [1], indirect=True)
def test_the_others_take_over_from_an_instance_that_is_killed(pipeline: Pipeline) -> None:
    """Each record is answered once and counted once, whoever dies; meanwhile no query is answered wrongly."""
    fleet = Fleet(pipeline, ("--standbys", "1"))
    pipeline.send_model(*published(constant_model(5.0, "five")))
    with ExitStack() as stack:
        fleet.start(stack, "a", "b")
        with make_producer(pipeline.connection) as producer:
            fleet.send(100, producer)
        wait_until(fleet.agree, "two instances that agree", MOVING_S)
        wait_until(lambda: fleet.usage() == {sum(fleet.sent)}, "the sum of both, from both", MOVING_S)

        fleet.start(stack, "c")
        wait_until(fleet.agree, "three instances that agree", MOVING_S)
        wait_until(lambda: fleet.usage() == {sum(fleet.sent)}, "the sum of three, from all", MOVING_S)

        with load(fleet):
            wait_until(lambda: pipeline.answered() > 800, "answers under load")
            gone = fleet.running.pop(fleet.busiest())
            gone.kill()
            refused = fleet.ask(next(iter(fleet.running)), "/state/wine")  # at once: its session is over in ten seconds
            committed = pipeline.answered()
            assert refused.status_code == 503
            assert gone.url in refused.json()["detail"]
            wait_until(partial(fleet.agree_and_never_lie, committed), "the other two to agree", MOVING_S)
        wait_until(lambda: fleet.usage() == {sum(fleet.sent)}, "a count that lost and doubled nothing", MOVING_S)
    positions = [(answer.partition, answer.offset) for answer in pipeline.scored()]
    assert positions == [(partition, offset) for partition, sent in enumerate(fleet.sent) for offset in range(sent)]


@pytest.mark.parametrize("pipeline", [PARTITIONS], indirect=True)
def test_any_instance_answers_for_a_key_that_another_one_holds(pipeline: Pipeline) -> None:
    """Where records are keyed by their data type, one instance holds it all; it is found by the hash of the key."""
    fleet = Fleet(pipeline, ("--models", "co-partitioned"))
    pipeline.send_model(*published(constant_model(5.0, "five")))
    pipeline.send_model(*published(constant_model(6.0, "six", "white")), key=b"white")
    with ExitStack() as stack:
        fleet.start(stack, "a", "b")
        wait_until(fleet.agree, "two instances that agree", MOVING_S)
        with make_producer(pipeline.connection) as producer:
            for key, value in ((b"wine", WINE), (b"white", OTHER_WINE)):
                for _ in range(50):
                    producer.send(pipeline.topics.records, value=value, key=key)
            producer.flush()
        for data_type, model in (("wine", "five"), ("white", "six")):
            for name in fleet.running:
                wait_until(partial(fleet.counted, name, data_type, 50), "all counted")
            answers = [fleet.ask(name, f"/state/{data_type}").json() for name in fleet.running]
            assert [answer["name"] for answer in answers] == [model, model]
            assert answers[0]["parts"] == answers[1]["parts"]
            (part,) = answers[0]["parts"]
            shares = [fleet.ask(name, f"/state/{data_type}/share").json()["name"] for name in fleet.running]
            assert sorted(shares) == ["None", model]
            assert part["usage"] == 50
        assert fleet.ask("a", "/state/unheard").status_code == 404
