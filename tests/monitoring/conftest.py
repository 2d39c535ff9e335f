"""What the tests of monitoring share."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelserving.system.ports import free_port
from tests.contract.conftest import pipeline, server
from tests.monitoring.tools import answers, tool
from tests.waiting import wait_until

__all__ = ["influx", "pipeline", "promtool", "server"]


@pytest.fixture
def promtool() -> str:
    """Prometheus' own tool."""
    return tool("promtool")


@pytest.fixture
def influx(tmp_path: Path) -> Iterator[str]:
    """A real InfluxDB's address; who writes to it makes its database."""
    program, port, other = tool("influxd"), free_port(), free_port()
    config = tmp_path / "influx.conf"
    folders = "\n".join(f'[{name}]\n  dir = "{tmp_path / name}"' for name in ("meta", "data"))
    config.write_text(
        f'reporting-disabled = true\nbind-address = "127.0.0.1:{other}"\n{folders}\n  wal-dir = "{tmp_path / "wal"}"\n'
        f'[http]\n  bind-address = "127.0.0.1:{port}"\n  log-enabled = false\n',
        encoding="utf-8",
    )
    with (tmp_path / "log").open("wb") as log:
        running = subprocess.Popen([program, "-config", str(config)], stdout=log, stderr=log)
        try:
            url = f"http://127.0.0.1:{port}"
            wait_until(lambda: answers(url), "InfluxDB")
            yield url
        finally:
            running.terminate()
            running.wait(30)
