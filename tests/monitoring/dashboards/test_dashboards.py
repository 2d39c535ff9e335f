"""Dashboards as Grafana's own schema has them, and the files around them. What they ask: see ``asked.py``."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard as Schema

from modelserving.errors import ConfigError
from modelserving.monitoring.dashboards import Dashboard, DashboardFiles, write_folder
from modelserving.monitoring.dashboards.folder import DASHBOARDS
from modelserving.monitoring.dashboards.grafana import to_grafana
from tests.monitoring.tools import tool

plugins.register_default_plugins()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
def test_a_dashboard_is_what_grafanas_schema_says(dashboard: Dashboard) -> None:
    """Read by Grafana's own types and written again, all of it is there: no field is unknown."""
    ours = to_grafana(dashboard)
    again = json.loads(JSONEncoder(sort_keys=True).encode(Schema.from_json(json.loads(json.dumps(ours)))))
    assert list(missing(ours, again, dashboard.uid)) == []


def missing(ours: object, theirs: object, where: str) -> Iterator[str]:
    """What is in ours and not in theirs; what theirs adds are defaults."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            yield from missing(value, theirs.get(name), f"{where}.{name}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for at, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from missing(one, other, f"{where}[{at}]")
    elif ours != theirs:
        yield f"{where}: {ours!r}, read as {theirs!r}"


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda one: one.uid)
def test_panels_stand_beside_each_other(dashboard: Dashboard) -> None:
    """No two share a cell, none leaves the page, and each says what it tells."""
    taken: set[tuple[int, int]] = set()
    for panel in to_grafana(dashboard)["panels"]:
        at = panel["gridPos"]
        cells = {(at["x"] + right, at["y"] + down) for right in range(at["w"]) for down in range(at["h"])}
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        assert panel["description"]
        taken |= cells


def test_the_folder_has_all_that_is_needed(tmp_path: Path) -> None:
    """Data sources by the names that the dashboards ask for, the folder that the provider reads, the alert rules."""
    write_folder(tmp_path, DashboardFiles(tmp_path / "servers", "my wines", targets=("10.0.0.7:5500",)))
    provisioning = tmp_path / "grafana" / "provisioning"
    sources = yaml.safe_load((provisioning / "datasources" / "modelserving.yml").read_text())["datasources"]
    files = [json.loads(path.read_text()) for path in (provisioning / "dashboards" / "modelserving").glob("*.json")]
    asked = {panel["datasource"]["uid"] for one in files for panel in one["panels"]}
    assert asked == {one["uid"] for one in sources}
    assert len(files) == len(DASHBOARDS)
    (provider,) = yaml.safe_load((provisioning / "dashboards" / "modelserving.yml").read_text())["providers"]
    assert provider["options"]["path"] == "/etc/grafana/provisioning/dashboards/modelserving"
    assert sources[1]["jsonData"]["dbName"] == "my wines"


def test_prometheus_takes_its_configuration(tmp_path: Path) -> None:
    """Its own tool finds nothing wrong, alert rules included."""
    write_folder(tmp_path, DashboardFiles(tmp_path, "wine", targets=("10.0.0.7:5500", "[::1]:5600")))
    config = str(tmp_path / "prometheus" / "prometheus.yml")
    done = subprocess.run([tool("promtool"), "check", "config", config], capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()


def test_nothing_listens_beyond_this_machine(tmp_path: Path) -> None:
    """Each container uses the machine's own network, each address that is set is 127.0.0.1, each image is pinned."""
    write_folder(tmp_path, DashboardFiles(tmp_path / "servers", "wine"))
    services = yaml.safe_load((tmp_path / "compose.yml").read_text())["services"]
    listening = {"grafana": "HTTP_ADDR", "influxdb": "BIND_ADDRESS"}
    for name, service in services.items():
        assert service["network_mode"] == "host"
        assert "ports" not in service
        assert re.fullmatch(r"[a-z/]+:v?\d+\.\d+\.\d+", service["image"])
        bound = [value for key, value in service.get("environment", {}).items() if listening.get(name, "-") in key]
        bound += [one.partition("=")[2] for one in service.get("command", []) if "listen" in one]
        assert bound
        assert all(value.startswith("127.0.0.1") for value in bound)


@pytest.mark.parametrize(
    "wrong",
    [{"database": 'a"\n  evil: "b'}, {"influx": "http://x$y"}, {"targets": ("10.0.0.7",)}, {"targets": ("a:1'\n",)}],
)
def test_no_word_breaks_out_of_its_place(wrong: dict[str, object], tmp_path: Path) -> None:
    """What cannot stand in a file of settings is refused, by name."""
    with pytest.raises(ConfigError, match=r"give (host:port|it without)"):
        DashboardFiles(tmp_path, **{"database": "wine", **wrong})  # type: ignore[arg-type]
