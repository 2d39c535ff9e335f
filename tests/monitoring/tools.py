"""Tools of others that a machine may have or not."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from modelserving.monitoring.dashboards import DashboardFiles, write_folder
from modelserving.monitoring.overview.announced import servers_folder
from modelserving.system.ports import free_port


def tool(name: str) -> str:
    """Where a tool is; a test that needs it is skipped where it is not."""
    if (found := shutil.which(name)) is None:
        pytest.skip(f"{name} is not installed (Debian: apt-get install prometheus influxdb)")
    return found


def lint(promtool: str, page: bytes) -> str:
    """What promtool finds wrong with a page of metrics; empty for nothing."""
    done = subprocess.run([promtool, "check", "metrics"], input=page, capture_output=True, check=False, timeout=60)
    return (done.stdout + done.stderr).decode()


def answers(url: str) -> bool:
    """Whether an InfluxDB is there."""
    try:
        return httpx.get(f"{url}/ping").status_code == 204
    except httpx.HTTPError:
        return False


def select(url: str, query: str) -> list[Any]:
    """The rows that a query gives."""
    found = httpx.get(f"{url}/query", params={"db": "wine", "q": query}).raise_for_status().json()["results"][0]
    return [row for series in found.get("series", []) for row in series["values"]]


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


@contextmanager
def running_prometheus(folder: Path, home: Path) -> Iterator[Prometheus]:
    """Prometheus as `modelserving dashboards files` sets it up, but four times as often; it finds the servers itself.

    Args:
        folder: for its files.
        home: of the servers.
    """
    program, port = tool("prometheus"), free_port()
    folder.mkdir(exist_ok=True)
    write_folder(folder, DashboardFiles(servers_folder(home), "wine"))
    config = folder / "prometheus" / "prometheus.yml"
    config.write_text(config.read_text().replace("interval: 2s", "interval: 500ms").replace(": 10s", ": 500ms"))
    options = (f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}")
    with (folder / "log").open("wb") as log:
        running = subprocess.Popen(
            [program, *options, f"--web.listen-address=127.0.0.1:{port}"], stdout=log, stderr=log
        )
        try:
            yield Prometheus(f"http://127.0.0.1:{port}")
        finally:
            running.terminate()
            running.wait(30)
