"""``modelserving publish``: records of a file onto a topic."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelserving.commands.options import UntilStdinCloses
from modelserving.commands.schemas.registries import RegistryUrl, find_schema, open_registry
from modelserving.config import load_settings
from modelserving.errors import ConfigError

if TYPE_CHECKING:
    from modelserving.kafka import Connection
    from modelserving.records import RecordSchema


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(publish)


def publish(
    records: Annotated[Path, typer.Argument(help="CSV with a header, JSON lines or Parquet.")],
    topic: Annotated[str, typer.Option(help="Where to; none: the schema's name and -records.")] = "",
    data_type: Annotated[str, typer.Option("--type", help="Whose models score them; none: the schema says.")] = "",
    schema: Annotated[
        str,
        typer.Option(help="A schema file, or a subject of the registry; none: found out, and written as JSON."),
    ] = "",
    rate: Annotated[float, typer.Option(min=0, help="Records a second; 0: as fast as the broker takes them.")] = 0,
    key: Annotated[str, typer.Option(help="The column whose values are the keys; none: the data type.")] = "",
    loop: Annotated[bool, typer.Option("--loop", help="Begin again at the end, until Ctrl-C.")] = False,
    max_records: Annotated[int | None, typer.Option(min=1, help="Stop after so many records.")] = None,
    framed: Annotated[
        bool, typer.Option("--framed", help="Put the schema's number before each record, as Confluent's clients do.")
    ] = False,
    schema_id: Annotated[
        bool, typer.Option("--schema-id", help="Say the schema's number in each record's header schema-id.")
    ] = False,
    schema_registry: RegistryUrl = "",
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Publish the records of any file. The topic is made if it is not there."""
    from modelserving.broker import use_broker
    from modelserving.client import FilePublisher, Framing, read_messages
    from modelserving.commands.stopping import stop_event
    from modelserving.kafka import create_topics
    from modelserving.records import Topics
    from modelserving.tracing import make_tracer

    if framed and schema_id:
        raise ConfigError("a record says its schema's number once: before it (--framed) or in a header (--schema-id).")
    tracer = make_tracer(load_settings().traces_exporter, "modelserving-publish")
    with use_broker() as connection, stop_event(until_stdin_closes) as stop:
        found, number = _schema(schema, records, framed or schema_id, schema_registry, connection)
        framing = Framing(key, data_type, number, in_header=schema_id)
        topics = Topics.of(topic or f"{found.name}-records")
        create_topics(connection, topics)
        publisher = FilePublisher(connection, topics.records, rate, max_records, tracer)
        typer.echo(f"Publishing {records} to {topics.records} as {found.encoding}, {len(found.columns)} columns.")
        try:
            publisher.run(lambda: read_messages(records, found, framing), loop, stop)
        finally:
            typer.echo(f"{publisher.sent} records published.")
    if publisher.failed:
        typer.echo(f"{publisher.failed} records were not taken by the broker.", err=True)
        raise typer.Exit(1)


def _schema(
    named: str, records: Path, numbered: bool, registry_url: str, connection: Connection
) -> tuple[RecordSchema, int]:
    """The schema that is meant, and its number where messages are to say it."""
    from modelserving.records.schema_files import read_schema
    from modelserving.registry import define, infer_schema

    if not numbered and (not named or Path(named).is_file()):
        return (read_schema(Path(named)) if named else infer_schema(records)), 0
    with ExitStack() as stack:
        registry = stack.enter_context(open_registry(registry_url, connection))
        found, number = find_schema(named, registry) if named else (infer_schema(records), 0)
        if numbered and not number:
            number = registry.register(found.subject or found.name, define(found)).schema_id
        return found, number if numbered else 0
