"""``modelserving serve monitor``: looks at a pipeline, whoever serves it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelserving.commands.options import Topic, topics_of
from modelserving.commands.serve.launch import GroupServer, LaunchedServer, launch, writers_of
from modelserving.commands.serve.options import Framed, ListenOptions, RecordsRegistry, with_options
from modelserving.commands.serve.servers import serve_app
from modelserving.config import load_settings
from modelserving.errors import ConfigError
from modelserving.records.defaults import DEFAULT_TYPE

if TYPE_CHECKING:
    from modelserving.kafka import Connection


def register() -> None:
    """Add the command to those of the servers."""
    serve_app.command()(monitor)


@with_options(ListenOptions, port=5900)
def monitor(
    said: ListenOptions,
    topic: Topic = "",
    schema: Annotated[
        list[Path] | None, typer.Option(help="What the records are, as for the servers; repeatable.")
    ] = None,
    framed: Framed = False,
    schema_registry: RecordsRegistry = "",
    truth_by_key: Annotated[
        bool, typer.Option("--truth-by-key", help="Truths name records by their keys, not by partition and offset.")
    ] = False,
    window_days: Annotated[float, typer.Option(min=0.001, help="An answer waits so many days for its truth.")] = 7,
    influx: Annotated[
        str, typer.Option(help="Write answers and alarms to the InfluxDB at this URL; none: nowhere.")
    ] = "",
    influx_database: Annotated[
        str, typer.Option(help="Its database (1.x; made if it is not there) or bucket (2.x).")
    ] = DEFAULT_TYPE,
    influx_org: Annotated[str, typer.Option(help="Its organisation (2.x).")] = "",
    influx_token_file: Annotated[Path | None, typer.Option(help="A file with its token (2.x).")] = None,
    roll_back: Annotated[
        bool, typer.Option("--roll-back", help="When a column drifts, let the model before serve again.")
    ] = False,
) -> None:
    """Look at a pipeline: drift of records and answers, and quality as the truth comes in. Ctrl-C ends it."""
    from modelserving.datasets import default_schemas
    from modelserving.kafka import create_topics
    from modelserving.monitoring.influx.writer import InfluxTarget
    from modelserving.monitoring.monitor import Monitor, MonitorOptions
    from modelserving.monitoring.truth.topic import judged_topic, truth_topic
    from modelserving.records.schema_files import read_schemas
    from modelserving.web.monitor import make_monitor_app

    topics = topics_of(said.prefix, topic)

    def make(connection: Connection, member: GroupServer) -> LaunchedServer:
        create_topics(connection, topics)
        settings = load_settings()
        folder = settings.home / "monitor" / member.group
        schemas = read_schemas(schema) if schema else default_schemas()
        window = timedelta(days=window_days)
        target = InfluxTarget(influx, influx_database, _read(influx_token_file), influx_org) if influx else None
        writers = writers_of(schema_registry, framed, connection, settings)
        options = MonitorOptions(
            folder, schemas, topics, member.group, truth_by_key, window, roll_back, target, writers=writers
        )
        server = Monitor(connection, options)
        about = f"Looking at {topics.records} and {topics.scored}"
        judged = judged_topic(topics)
        return LaunchedServer(
            server.run,
            make_monitor_app(server),
            about,
            f"What drifts: {member.url}/drift",
            reads=(topics.records, topics.models, topics.control, topics.scored, truth_topic(topics), judged),
            writes=(judged, *([topics.control] if roll_back else [])),
        )

    pipeline = said.prefix or topic.removesuffix("-records") or "modelserving"
    launch("monitor", replace(said, group=said.group or f"{pipeline}-monitor"), make)


def _read(file: Path | None) -> str:
    """A token, which stands on no command line, where all of the machine could read it.

    Raises:
        ConfigError: the file cannot be read.
    """
    if file is None:
        return ""
    try:
        return file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the token in {file}: {error}.") from error
