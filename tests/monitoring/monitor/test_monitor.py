"""A real monitor beside a real broker."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest

from modelserving.broker import EmbeddedKafka
from modelserving.kafka import Connection, make_producer, read_topic
from modelserving.monitoring.dashboards import ANSWERS, QUALITY
from modelserving.monitoring.overview import read_announced
from modelserving.monitoring.overview.announced import servers_folder
from modelserving.monitoring.replay.answers import RecordPosition
from modelserving.monitoring.truth.join import decode_judged
from modelserving.monitoring.truth.topic import Truth, judged_topic, send_truths
from modelserving.records import Action, ScoredRecord, Topics, decode_command, encode_scored, encode_wine
from modelserving.workshop.processes.process import ServerProcess
from tests.contract.servers import GOOD, constant_model, published
from tests.fakes import wine
from tests.monitoring.dashboards.asked import queries
from tests.monitoring.tools import Prometheus, lint, running_prometheus, select
from tests.waiting import WAIT, wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]


def send_wines(connection: Connection, topic: str, count: int, alcohol: float, seed: int) -> None:
    """Publish wines whose alcohol is spread by 1 around a mean, and a broken one."""
    chance = random.Random(seed)
    with make_producer(connection) as producer:
        for _ in range(count):
            producer.send(topic, value=encode_wine(wine(alcohol=chance.gauss(alcohol, 1.0))))
        producer.send(topic, value=b"\xff")
        producer.flush()


def test_it_sees_drift_and_rolls_back_and_tells_quality_as_the_truth_comes(
    kafka: EmbeddedKafka, connection: Connection, topics: Topics, promtool: str, influx: str, tmp_path: Path
) -> None:
    """One column drifts, and no other; one command is sent; answers meet their truths, and so does the shadow.

    Prometheus is told all of it. Killed and started again it has its state, and counts nothing twice; who comes beside
    it under its name is told so, and ends.
    """
    prefix = topics.records.removesuffix("-wine-records")
    environ = {"KAFKA_BOOTSTRAP_SERVERS": connection.bootstrap_servers, "MODELSERVING_HOME": str(kafka.home)}
    options = ("--port", "0", "--roll-back", "--influx", influx)
    start = partial(ServerProcess.start, "monitor", prefix, options, environ)
    with (
        start() as monitor,
        running_prometheus(tmp_path / "prometheus", kafka.home) as prometheus,
    ):
        send_wines(connection, topics.records, 1_500, 10.0, 1)
        wait_until(lambda: seen(monitor) == 1_500, "1,500 wines")
        assert monitor.get("/drift")["drifting"] == []
        (here,) = (one for one in read_announced(servers_folder(kafka.home)) if one.url == monitor.url)
        assert here.writes == (judged_topic(topics), topics.control)
        send_wines(connection, topics.records, 600, 12.0, 2)
        wait_until(lambda: monitor.get("/drift")["drifting"], "the alarm")
        assert str(monitor.get("/drift")["drifting"]).startswith("['alcohol for wine drifts: mean 10")

        def commands() -> list[tuple[Action, str]]:
            found = [decode_command(one.value) for one in read_topic(connection, topics.control)]
            return [(one.action, one.issued_by) for one in found]

        wait_until(lambda: len(commands()) == 1, "the command")
        assert commands() == [(Action.ROLL_BACK, "drift alarm: alcohol")]

        with make_producer(connection) as producer:
            for model in published(GOOD, replace(constant_model(6.0, "beside"), shadow_percent=50)):
                producer.send(topics.models, key=b"wine", value=model)
            producer.flush()
        send_answers(connection, topics, range(21))
        send_truths(connection, topics, [Truth(6.0, RecordPosition(0, offset)) for offset in range(20)])
        page = wait_until(lambda: told(monitor), "twenty pairs")
        assert (
            'modelserving_quality_mean_absolute_error{data_type="wine",digest="abc",model="tree",version="1"} 0.5'
            in page
        )
        assert 'modelserving_drift_alarm{column="alcohol",data_type="wine"} 1.0' in page
        assert lint(promtool, page.encode()) == ""
        beside = wait_until(lambda: shadow(monitor, 20), "the shadow to be asked about the same twenty")
        assert (beside["model"], beside["mean_absolute_error"], beside["gain"], beside["doubt"]) == (
            "beside",
            0,
            0.5,
            0,
        )
        wait_until(lambda: select(influx, "SELECT count(prediction) FROM scored"), "the answers in InfluxDB")
        assert select(influx, "SELECT count(prediction), mean(prediction) FROM scored")[0][1:] == [21, 5.5]
        assert [row[1:] for row in select(influx, 'SELECT alarm, "column" FROM drift')] == [[1, "alcohol"]]
        ask_all(prometheus, influx)
        monitor.kill()
        # The answer at 20 waits in its state, which is read again; what is told meanwhile is told once.
        send_answers(connection, topics, range(21, 25))
        send_truths(connection, topics, [Truth(6.0, RecordPosition(0, offset)) for offset in range(20, 25)])
        with start() as returned:
            wait_until(lambda: pairs(returned) == 25, "the five that it missed")
            judged = [decode_judged(one.value) for one in read_topic(connection, judged_topic(topics))]
            assert sorted(one.position.offset for one in judged if one.position) == list(range(25))
            with ServerProcess("monitor", prefix, options, environ) as second:
                assert second.wait(WAIT) == 1
                assert "another monitor runs on this machine" in " ".join(second.log())
            assert (pairs(returned), returned.get("/healthz")["status"]) == (25, "ok")


def send_answers(connection: Connection, topics: Topics, offsets: Iterable[int]) -> None:
    """Publish the tree's answers to the records at these offsets."""
    with make_producer(connection) as producer:
        for offset in offsets:
            answer = ScoredRecord("wine", 5.5, "tree", "1", "abc", 0, offset, 1, time.time_ns(), 1)
            producer.send(topics.scored, value=encode_scored(answer))
        producer.flush()


def pairs(monitor: ServerProcess) -> int:
    """How many answers of the tree have met their truth."""
    rows: Any = monitor.get("/quality")
    return next((int(row["pairs"]) for row in rows if row["model"] == "tree"), 0)


def seen(monitor: ServerProcess) -> int:
    """How many wines it has watched."""
    values = monitor.get("/drift")["values"]
    assert isinstance(values, dict)
    return int(values.get("wine alcohol", 0))


def shadow(monitor: ServerProcess, pairs: int) -> dict[str, Any]:
    """How the shadow does, once so many pairs are known."""
    rows: Any = monitor.get("/quality")
    return next((row for row in rows if row["place"] == "shadow" and row["pairs"] == pairs), {})


def told(monitor: ServerProcess) -> str:
    """Its metrics, once they tell of twenty pairs."""
    page = httpx.get(monitor.url + "/metrics").text
    return (
        page
        if 'modelserving_quality_pairs{data_type="wine",digest="abc",model="tree",version="1"} 20.0' in page
        else ""
    )


def ask_all(monitor: Prometheus, influx: str) -> None:
    """Each panel of the dashboards has something to show."""
    for panel, text in queries(QUALITY).items():
        wait_until(partial(monitor.query, text), f"data for {panel}: {text}")
    for panel, text in queries(ANSWERS).items():
        wait_until(partial(select, influx, text), f"data for {panel}: {text}")
