"""A real Prometheus reads a real server."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from modelserving.broker import EmbeddedKafka
from modelserving.monitoring.dashboards import SERVERS
from modelserving.records import Action
from modelserving.workshop.processes.process import ServerProcess
from tests.contract.servers import GOOD, Pipeline, constant_model, published
from tests.monitoring.dashboards.asked import queries
from tests.monitoring.tools import Prometheus, lint, running_prometheus
from tests.waiting import wait_until

pytestmark = [pytest.mark.broker, pytest.mark.slow]


@pytest.fixture
def prometheus(server: ServerProcess, kafka: EmbeddedKafka, tmp_path: Path) -> Iterator[Prometheus]:
    """Prometheus, which finds the server by itself."""
    with running_prometheus(tmp_path, kafka.home) as running:
        yield running


@pytest.mark.parametrize("pipeline", ["streams-custom"], indirect=True)
def test_it_scrapes_and_answers(
    pipeline: Pipeline, server: ServerProcess, prometheus: Prometheus, promtool: str
) -> None:
    """What was scored, what failed, how long it took, the lag, Java and the engine; and all that the dashboard asks."""
    pipeline.send_wines(40)
    pipeline.send_records(b"\xff")
    wait_until(lambda: prometheus.value("modelserving_records_scored_total") == 40, "the scores in Prometheus")
    wait_until(lambda: prometheus.value("sum(modelserving_group_lag_records)") == 0, "no lag")
    assert prometheus.value('modelserving_dead_letters_total{stage="decode",error="DecodeError"}') == 1
    assert prometheus.value('modelserving_scoring_duration_seconds_count{model="five"}') == 40
    assert prometheus.value("histogram_quantile(0.99, modelserving_scoring_duration_seconds_bucket)") > 0
    assert prometheus.value("modelserving_serving") == 1
    assert prometheus.value('jvm_memory_used_bytes{area="heap"}') > 1e6
    assert prometheus.value("sum(kafka_streams_topic_records_consumed_total)") >= 41
    assert prometheus.query('ALERTS{alertstate="firing"}') == []
    assert lint(promtool, httpx.get(server.url + "/metrics").content) == ""
    pipeline.send_model(*published(constant_model(6.0, "six")))
    pipeline.command(Action.SHADOW, GOOD.digest, 100)
    pipeline.wait_for_slots(server, "six", "five", "five")
    pipeline.send_wines(40)
    for panel, text in queries(SERVERS).items():
        wait_until(partial(prometheus.query, text), f"data for {panel}: {text}")
