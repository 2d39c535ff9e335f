"""Nothing is lost without a word, and topics may change under a running server; the same is said by all servers."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import httpx
import pytest
from kafka import TopicPartition
from kafka.admin import ConfigResource, ConfigResourceType

from modelserving.kafka import create_topics, make_admin, make_producer
from modelserving.records import encode_wine
from modelserving.workshop.processes.process import ServerProcess
from tests.contract.servers import GOOD, Pipeline, constant_model, published, whatever_the_store, wine
from tests.waiting import WAIT, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def details(server: ServerProcess) -> str:
    """What ``/healthz`` says, whatever its status."""
    found = httpx.get(f"{server.url}/healthz", timeout=60).json()
    return "\n".join([found["phase"], *found["details"]])


def cut(pipeline: Pipeline, before: int) -> None:
    """Delete the records before an offset."""
    admin = make_admin(pipeline.connection)
    admin.delete_records({TopicPartition(pipeline.topics.records, 0): before})
    admin.close()


@whatever_the_store
def test_records_that_were_cut_off_before_they_were_scored_are_counted(pipeline: Pipeline) -> None:
    """Before the first start, and while the server is down: by partition, in the log, the state and the health.

    Settings that may lose more, of a topic that somebody else made, are told with the command that mends them.
    """
    pipeline.send_model(*published(GOOD))
    pipeline.send_wines(30)
    cut(pipeline, 20)
    admin = make_admin(pipeline.connection)
    bad = {"message.timestamp.type": "CreateTime", "retention.ms": "3600000"}
    admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, pipeline.topics.records, configs=bad)])
    admin.close()
    with pipeline.serve() as server:
        wait_until(lambda: "retention.ms is 3600000, not -1" in details(server), "the warning")
        assert "-c message.timestamp.type=LogAppendTime" in details(server)
        wait_until(pipeline.settled(server, 10), "the ten that are left")
        wait_until(lambda: server.get("/state")["lost"] == {"0": 20}, "the loss")
        assert "20 in partition 0" in details(server)
        assert any("0 to 19" in line for line in server.log())
    pipeline.send_wines(10)
    cut(pipeline, 35)
    with pipeline.serve() as server:
        wait_until(pipeline.settled(server, 5), "the five that are left")
        wait_until(lambda: sum(server.get("/state")["lost"].values()) >= 5, "the second loss")  # type: ignore[attr-defined]


@whatever_the_store
def test_new_partitions_are_taken_up_within_seconds_or_said(pipeline: Pipeline, server: ServerProcess) -> None:
    """Stage and actor read them; the state of Kafka Streams cannot, so that server ends with the command that helps."""
    pipeline.send_wines(2)
    wait_until(pipeline.settled(server, 2), "two answers")
    admin = make_admin(pipeline.connection)
    admin.create_partitions({pipeline.topics.records: 3})
    admin.close()
    if pipeline.kind.startswith("streams"):
        assert server.wait(WAIT) == 1
        (command,) = re.findall(r"run `modelserving (streams reset [^`]*)`", " ".join(server.log()))
        environ = {**os.environ, **pipeline.environ}
        words = [sys.executable, "-m", "modelserving", *command.split()]
        # A server that could not leave its group is a member of it for ten seconds more; until then, reset refuses.
        wait_until(lambda: subprocess.run(words, env=environ, check=False, timeout=60).returncode == 0, "the reset")
    with make_producer(pipeline.connection) as producer:
        for partition in range(3):
            producer.send(pipeline.topics.records, value=encode_wine(wine()), partition=partition)
    if server.running:
        wait_until(pipeline.settled(server, 5), "answers from the new partitions")
        return
    with pipeline.serve() as again:
        wait_until(pipeline.settled(again, 3), "answers from the new partitions, and no other")
    assert len(pipeline.scored()) == 5


@whatever_the_store
def test_a_topic_made_anew_is_read_from_its_beginning_or_said(pipeline: Pipeline, server: ServerProcess) -> None:
    """As for partitions; the new topic has more records than the old one had."""
    pipeline.send_wines(5)
    wait_until(pipeline.settled(server, 5), "five answers")
    admin = make_admin(pipeline.connection)
    admin.delete_topics([pipeline.topics.records])
    wait_until(lambda: pipeline.topics.records not in admin.list_topics(), "the topic to go")
    admin.close()
    create_topics(pipeline.connection, pipeline.topics)
    pipeline.send_wines(4)
    if pipeline.kind.startswith("streams"):
        assert server.wait(WAIT) == 1
        assert any("--from-beginning" in line for line in server.log())
    else:
        wait_until(pipeline.settled(server, 9), "answers to the new records")


@pytest.mark.parametrize("pipeline", ["streams-custom"], indirect=True)
def test_models_of_a_topic_made_anew_with_more_partitions_serve(pipeline: Pipeline, server: ServerProcess) -> None:
    """The engine would read the old partitions for ever. What the others do with it: ``lifecycle/test_topics.py``."""
    admin, models = make_admin(pipeline.connection), pipeline.topics.models
    admin.delete_topics([models])
    wait_until(lambda: models not in admin.list_topics(), "the topic to go")
    create_topics(pipeline.connection, pipeline.topics)
    admin.create_partitions({models: 3})
    admin.close()
    with make_producer(pipeline.connection) as producer:
        producer.send(models, key=b"wine", value=published(constant_model(6.0, "six"))[0], partition=2)
    wait_until(lambda: pipeline.slots(server)[0] == "six", "the model in the new partition")
    pipeline.send_wines(1)
    wait_until(lambda: [one.prediction for one in pipeline.scored()] == [6.0], "its answer")


@pytest.mark.parametrize("pipeline", ["stage"], indirect=True)
def test_of_two_servers_with_one_name_one_ends_and_says_why(pipeline: Pipeline, server: ServerProcess) -> None:
    """They take each other's place in the group; the other one goes on scoring. Other servers: in unit tests."""
    with pipeline.serve() as second:
        wait_until(lambda: not (server.running and second.running), "one of them to end")
        ended, left = (second, server) if server.running else (server, second)
        assert ended.wait(WAIT) == 1
        assert any("--instance of its own" in line for line in ended.log())
        pipeline.send_wines(1)
        wait_until(lambda: len(pipeline.scored()) == 1, "the answer of the one that is left")
        assert left.running


@whatever_the_store
def test_servers_that_share_their_topics_say_so(pipeline: Pipeline, server: ServerProcess) -> None:
    """Two of a group share one partition: the health of one tells that it is idle.

    With two groups each record has two answers; both servers name the other's group.
    """
    with pipeline.serve("--instance", "second") as second:
        wait_until(lambda: "nothing to score" in details(server) + details(second), "the word of the idle one")
    with pipeline.serve("--group", f"{pipeline.prefix}-other", "--instance", "other") as other:
        pipeline.send_wines(3)
        wait_until(lambda: f"{pipeline.prefix}-other" in details(server), "the warning of the one")
        wait_until(lambda: "under-test" in details(other) or pipeline.kind[:7] == "streams", "that of the other")
