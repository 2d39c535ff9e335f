"""A real Prometheus reads a real server."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from modelserving.system.ports import free_port
from modelserving.workshop.lesson.lesson_topics import wait_until
from modelserving.workshop.processes.process import ServerProcess
from tests.contract.servers import Pipeline
from tests.monitoring.metrics.test_alerts import RULES
from tests.monitoring.tools import lint, tool

pytestmark = [pytest.mark.broker, pytest.mark.slow]

CONFIG = """
global: {{scrape_interval: 500ms, evaluation_interval: 500ms}}
rule_files: ["{rules}"]
scrape_configs:
  - job_name: servers
    static_configs: [{{targets: ["{target}"]}}]
"""


class Prometheus:
    """Asks a running Prometheus.

    Args:
        url: its address.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def query(self, text: str) -> list[Any]:
        """The answer to a query: metrics, each with its labels and value; none while it does not answer."""
        try:
            answer = httpx.get(f"{self._url}/api/v1/query", params={"query": text}, timeout=5)
        except httpx.HTTPError:
            return []
        found: list[Any] = answer.json()["data"]["result"] if answer.is_success else []
        return found

    def value(self, text: str) -> float:
        """The one number that a query gives; -1 for none."""
        found = self.query(text)
        return float(found[0]["value"][1]) if found else -1.0


@pytest.fixture
def prometheus(server: ServerProcess, tmp_path: Path) -> Iterator[Prometheus]:
    """Prometheus, which scrapes the server."""
    program, port = tool("prometheus"), free_port()
    config = tmp_path / "prometheus.yml"
    config.write_text(CONFIG.format(rules=RULES, target=server.url.removeprefix("http://")), encoding="utf-8")
    options = (f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}")
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen(
            [program, *options, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log
        )
        try:
            yield Prometheus(f"http://127.0.0.1:{port}")
        finally:
            running.terminate()
            running.wait(30)


@pytest.mark.parametrize("pipeline", ["streams-custom"], indirect=True)
def test_it_scrapes_and_answers(
    pipeline: Pipeline, server: ServerProcess, prometheus: Prometheus, promtool: str
) -> None:
    """What was scored, what failed, how long it took, the lag, Java and the engine: each by a query of its own."""
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
