"""``modelserving dashboards files | up | down``: Grafana's dashboards, and what they ask."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelserving.config import load_settings
from modelserving.records.defaults import DEFAULT_TYPE

dashboards_app = typer.Typer(help="Grafana's dashboards: servers, drift and quality, answers.", no_args_is_help=True)

_INFLUX = "http://127.0.0.1:8086"
Server = Annotated[
    list[str] | None,
    typer.Option(
        help="A server of another machine that Prometheus asks, too, host:port; repeatable. Those of this "
        "machine are found."
    ),
]
Database = Annotated[str, typer.Option(help="InfluxDB's database, as in `serve monitor --influx-database`.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(dashboards_app, name="dashboards")


@dashboards_app.command("files")
def write_files(
    folder: Annotated[Path, typer.Argument(help="Where to; what is there is written anew.")],
    prometheus: Annotated[str, typer.Option(help="Where Grafana finds Prometheus.")] = "http://127.0.0.1:9090",
    influx: Annotated[str, typer.Option(help="Where Grafana finds InfluxDB (1.x).")] = _INFLUX,
    database: Database = DEFAULT_TYPE,
    grafana_folder: Annotated[
        str, typer.Option(help="Grafana's folder for provisioning.")
    ] = "/etc/grafana/provisioning",
    server: Server = None,
) -> None:
    """Write the files for a Grafana, a Prometheus and an InfluxDB that are there, or for Docker."""
    from modelserving.monitoring.dashboards import DashboardFiles, write_folder
    from modelserving.monitoring.overview.announced import servers_folder

    servers = servers_folder(load_settings().home)
    servers.mkdir(parents=True, exist_ok=True)
    said = DashboardFiles(servers, database, prometheus, influx, grafana_folder, tuple(server or ()))
    for path in write_folder(folder.absolute(), said):
        typer.echo(f"wrote {path}")
    typer.echo(
        f"Grafana:    copy {folder}/grafana/provisioning over {grafana_folder}, and start it again.\n"
        f"Prometheus: prometheus --config.file={folder}/prometheus/prometheus.yml "
        "--web.listen-address=127.0.0.1:9090\n"
        f"InfluxDB:   modelserving serve monitor --influx {influx} --influx-database {database} makes the database "
        "and fills it.\n"
        f"Docker:     docker compose --file {folder}/compose.yml up starts all three."
    )


@dashboards_app.command()
def up(database: Database = DEFAULT_TYPE, server: Server = None) -> None:
    """Start Grafana, Prometheus and InfluxDB with Docker, with data sources, dashboards and database."""
    from modelserving.monitoring.dashboards import DashboardFiles, start_containers, write_folder
    from modelserving.monitoring.influx.database import wait_for_database
    from modelserving.monitoring.influx.writer import InfluxTarget
    from modelserving.monitoring.overview.announced import servers_folder

    servers, folder = servers_folder(load_settings().home), _folder()
    servers.mkdir(parents=True, exist_ok=True)
    write_folder(folder, DashboardFiles(servers, database, targets=tuple(server or ())))
    start_containers(folder)
    wait_for_database(InfluxTarget(_INFLUX, database))
    typer.echo(
        "Grafana: http://127.0.0.1:3000   Prometheus: http://127.0.0.1:9090   InfluxDB: http://127.0.0.1:8086\n"
        "Servers of this machine are found by themselves. Answers come with `modelserving serve monitor --influx "
        f"{_INFLUX} --influx-database {database}`. `modelserving dashboards down` stops all three."
    )


@dashboards_app.command()
def down() -> None:
    """Stop what `up` has started; what was stored is kept."""
    from modelserving.errors import ConfigError
    from modelserving.monitoring.dashboards import stop_containers

    folder = _folder()
    if not (folder / "compose.yml").is_file():
        raise ConfigError(f"nothing was started: there is no {folder / 'compose.yml'}.")
    stop_containers(folder)


def _folder() -> Path:
    return load_settings().home / "dashboards"
