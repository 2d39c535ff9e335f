"""A folder with all that Grafana, Prometheus and InfluxDB need: for those that are there, or for Docker."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from modelserving.errors import ConfigError
from modelserving.monitoring.dashboards.answers import ANSWERS
from modelserving.monitoring.dashboards.grafana import to_grafana
from modelserving.monitoring.dashboards.quality import QUALITY
from modelserving.monitoring.dashboards.servers import SERVERS
from modelserving.system import write_atomically

DASHBOARDS = (SERVERS, QUALITY, ANSWERS)
GRAFANA_FOLDER = "/etc/grafana/provisioning"
_TARGET = re.compile(r"[A-Za-z0-9.-]+:\d+|\[[0-9A-Fa-f:]+\]:\d+")
_PLAIN = re.compile(r"[^\x00-\x1f\x7f\"\\$]+")


@dataclass(frozen=True, slots=True)
class DashboardFiles:
    """What the files say.

    Args:
        servers: the folder in which the servers of this machine say where they listen.
        database: of InfluxDB.
        prometheus: URL of Prometheus.
        influx: URL of InfluxDB.
        grafana: Grafana's folder for provisioning, on the machine where it runs.
        targets: servers of other machines that Prometheus asks, too: ``host:port``.
    """

    servers: Path
    database: str
    prometheus: str = "http://127.0.0.1:9090"
    influx: str = "http://127.0.0.1:8086"
    grafana: str = GRAFANA_FOLDER
    targets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for target in self.targets:
            if not _TARGET.fullmatch(target):
                raise ConfigError(f"{target!r} is no server's address: give host:port, for example 10.0.0.7:5500.")
        for what in (self.prometheus, self.influx, self.database, self.grafana, self.servers.as_posix()):
            if not _PLAIN.fullmatch(what):
                raise ConfigError(f"{what!r} cannot be written into a file of settings: give it without quotes and $.")

    @property
    def words(self) -> dict[str, str]:
        """What stands in the files, by the word that stands for it there."""
        return {
            "servers": self.servers.as_posix(),
            "prometheus": self.prometheus,
            "influx": self.influx,
            "database": self.database,
            "grafana": self.grafana,
            "targets": json.dumps(list(self.targets)),
        }


def write_folder(folder: Path, said: DashboardFiles) -> list[Path]:
    """Write the files, over those that are there.

    Args:
        folder: where; made if it is not there.
        said: what they say.

    Returns:
        Where they are.
    """
    written = []
    for name, text in _texts(said):
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, text)
        written.append(target)
    return written


def _texts(said: DashboardFiles) -> Iterator[tuple[str, str]]:
    own = files(__package__ or "") / "files"
    for name, path in (
        ("compose.yml", "compose.yml"),
        ("prometheus.yml", "prometheus/prometheus.yml"),
        ("datasources.yml", "grafana/provisioning/datasources/modelserving.yml"),
        ("provider.yml", "grafana/provisioning/dashboards/modelserving.yml"),
    ):
        yield path, Template((own / name).read_text(encoding="utf-8")).substitute(said.words)
    alerts = files("modelserving.monitoring.metrics") / "files" / "alerts.yml"
    yield "prometheus/alerts.yml", alerts.read_text(encoding="utf-8")
    for one in DASHBOARDS:
        text = json.dumps(to_grafana(one), indent=2, ensure_ascii=False) + "\n"
        yield f"grafana/provisioning/dashboards/modelserving/{one.uid}.json", text
