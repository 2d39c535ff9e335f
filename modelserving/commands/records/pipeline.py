"""``modelserving client | reader``: what writes to the topics, and what shows them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelserving.commands.console import make_console
from modelserving.commands.options import Prefix, Topic, UntilStdinCloses, topics_of
from modelserving.commands.serve.options import Framed, RecordsRegistry
from modelserving.config import data_folder, load_settings
from modelserving.records.defaults import DEFAULT_TYPE


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(client)
    app.command()(reader)


def client(
    records_every: Annotated[float, typer.Option(min=0, help="Milliseconds between two records; 0: no pause.")] = 1_000,
    models_every: Annotated[float, typer.Option(help="Milliseconds between two models.")] = 60_000,
    max_records: Annotated[int | None, typer.Option(min=1, help="Stop after so many records.")] = None,
    faults: Annotated[
        float, typer.Option(min=0, max=1, help="Share of records broken on purpose, for example 0.05.")
    ] = 0,
    data_type: Annotated[
        list[str] | None,
        typer.Option(help=f"Which of the workbook's records; several times for more. None: {DEFAULT_TYPE}."),
    ] = None,
    keyed: Annotated[
        bool, typer.Option("--keyed", help="Give each record its data type as key: one type, one partition.")
    ] = False,
    prefix: Prefix = "",
    data: Annotated[Path | None, typer.Option(help="Folder with records and models; none: the checkout's.")] = None,
    drift: Annotated[
        str, typer.Option(help="Let a column drift on purpose: alcohol+1.5@2000, from the 2,000th record on.")
    ] = "",
    seed: Annotated[int, typer.Option(help="Decides which records are broken, and how.")] = 1,
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Create the topics, and publish the workbook's records and models. Ctrl-C ends it."""
    from modelserving.broker import use_broker
    from modelserving.client import Publisher, Rate, load_dataset
    from modelserving.client.drift import parse_drift
    from modelserving.commands.stopping import stop_event
    from modelserving.kafka import create_topics
    from modelserving.tracing import make_tracer

    console = make_console()
    topics = topics_of(prefix)
    tracer = make_tracer(load_settings().traces_exporter, "modelserving-client")
    rate = Rate(records_every, models_every, max_records, faults, seed, keyed, parse_drift(drift) if drift else None)
    dataset = load_dataset(data_folder(data), data_type or (DEFAULT_TYPE,))
    with use_broker() as connection, stop_event(until_stdin_closes) as stop:
        create_topics(connection, topics)
        console.print(f"Publishing to {topics.records} and {topics.models} at {connection.bootstrap_servers}.")
        publisher = Publisher(connection, dataset, rate, topics, typer.echo, tracer)
        publisher.run(stop)
        console.print(f"{publisher.sent} records and {publisher.models_sent} models published.")
        if publisher.failed:
            console.print(f"{publisher.failed} records were not taken by the broker.", style="red")
            raise typer.Exit(1)


def reader(
    prefix: Prefix = "",
    topic: Topic = "",
    schema: Annotated[
        list[Path] | None, typer.Option(help="What the records are, as `serve` takes it; none: the workbook's own.")
    ] = None,
    framed: Framed = False,
    schema_registry: RecordsRegistry = "",
    limit: Annotated[int, typer.Option(min=1, help="Show the first so many messages of each topic.")] = 10,
) -> None:
    """Show what is on the topics now: key, size, first bytes and decoded form of each message.

    Answers are read with Confluent's framing and without, as they come.
    """
    from modelserving.broker import use_broker
    from modelserving.client import read_topics
    from modelserving.commands.records.reading import show_topics
    from modelserving.commands.serve.launch import writers_of
    from modelserving.datasets import default_schemas
    from modelserving.records.decoder import RecordDecoder
    from modelserving.records.schema_files import read_schemas

    with use_broker() as connection:
        named = bool(schema or framed or schema_registry)  # a registry in the settings alone is no wish
        writers = writers_of(schema_registry, framed, connection, load_settings()) if named else None
        known = read_schemas(schema) if schema else default_schemas()
        decoder = RecordDecoder(known, writers=writers) if schema or writers else None
        topics = topics_of(prefix, topic)
        show_topics(read_topics(connection, topics, decoder), topics, limit, typer.echo)
