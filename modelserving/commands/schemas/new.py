"""``modelserving new | run | ask``: a folder that is a service, running it, and asking it."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelserving.commands.serve import servers
from modelserving.commands.serve.options import ServeOptions
from modelserving.errors import ConfigError, RecordError
from modelserving.system.nesting import read_json

if TYPE_CHECKING:
    from modelserving.kafka import Connection
    from modelserving.records import ScoredRecord
    from modelserving.service import ServiceSettings

ServiceFolder = Annotated[Path, typer.Argument(help="The folder of the service.")]

_SERVERS = {"stage": servers.stage, "actor": servers.actor, "streams": servers.streams}
_STREAMS_BATCH = 1_000
_CLOSE = 1e-5


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(new)
    app.command()(run)
    app.command()(ask)


def new(
    folder: ServiceFolder,
    records: Annotated[
        Path | None,
        typer.Option("--from", help="CSV with a header, JSON lines or Parquet; none: bicycle hires."),
    ] = None,
    model: Annotated[
        Path | None, typer.Option(help="PMML, ONNX, a frozen graph or a SavedModel; none: one of bicycle hires.")
    ] = None,
    name: Annotated[str, typer.Option(help="Of the service; none: the folder's.")] = "",
    inputs: Annotated[
        str, typer.Option(help="The columns of a model that takes one matrix, in order, with commas; none: found out.")
    ] = "",
    output: Annotated[str, typer.Option(help="The output that answers; none: the predicted value.")] = "",
    encoding: Annotated[str, typer.Option(help="How records travel: json, protobuf or avro.")] = "json",
    server: Annotated[str, typer.Option(help="What serves: stage, actor or streams.")] = "stage",
) -> None:
    """Make a small service of your own: schema, model, settings, a test, a README; `modelserving run` runs it."""
    from modelserving.config import data_folder
    from modelserving.models.model import INPUTS
    from modelserving.service import Ingredients, make_service

    if (records is None) != (model is None):
        raise ConfigError("a service takes both records and a model: --from RECORDS --model FILE; or neither.")
    if server not in _SERVERS:
        raise ConfigError(f"server {server!r} is unknown. Known: {', '.join(_SERVERS)}.")
    data = data_folder() if records is None else Path()
    made_of = Ingredients(
        records or data / "hires.csv",
        model or data / "models" / "hire" / "hire-rider-forest.pmml",
        name,
        tuple(part.strip() for part in inputs.split(",") if part.strip()),
        output,
        encoding,
        server,
    )
    made = make_service(folder, made_of)
    typer.echo(f"{folder}: service {made.name!r}, records on {made.topic}, answers on {made.topics.scored}.")
    if INPUTS in made.parameters and not made_of.inputs:
        typer.echo(
            "The model does not name the columns that it takes: the columns of numbers were taken, in their order. "
            "--inputs a,b,c names others."
        )
    typer.echo(f"Run it with `modelserving run {folder}`. {folder / 'README.md'} says the rest.")


def run(
    folder: ServiceFolder = Path(),
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port for HTTP; none: the settings'.")] = None,
    announce_to: Annotated[Path | None, typer.Option("--announce", hidden=True)] = None,
    until_stdin_closes: Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)] = False,
) -> None:
    """Run a service: broker, topics, its model if none was ever published, server. Ctrl-C ends it."""
    from modelserving.broker import use_broker
    from modelserving.kafka import create_topics
    from modelserving.service import read_settings

    settings = read_settings(folder)
    with use_broker() as connection:
        create_topics(connection, settings.topics)
        _publish_first(connection, settings)
        options = ServeOptions(
            schema=[settings.schema],
            topic=settings.topic,
            preload=False,  # of all engines it needs one, and that comes with the model
            port=settings.port if port is None else port,
            announce_to=announce_to,
            until_stdin_closes=until_stdin_closes,
        )
        said = asdict(options)
        if settings.server == "streams":
            said["max_records"] = _STREAMS_BATCH
        _SERVERS[settings.server](**said)


def ask(
    record: Annotated[str, typer.Argument(help="A record as JSON: '{\"age\": 30}'.")],
    folder: Annotated[Path, typer.Option(help="The folder of the service.")] = Path(),
    seconds: Annotated[float, typer.Option(min=0.1, help="How long to wait for the answer.")] = 30,
) -> None:
    """Publish one record to a service that runs, and show the answer; or why there is none, with status 1."""
    from modelserving.broker import use_broker
    from modelserving.client import Asker, message_of
    from modelserving.kafka import DeadLetter, create_topics
    from modelserving.records.schema_files import read_schema
    from modelserving.service import read_settings

    settings = read_settings(folder)
    message = message_of(read_schema(settings.schema), _object(record))
    with use_broker() as connection:
        create_topics(connection, settings.topics)
        with Asker.open(connection, settings.topics) as asker:
            answer = asker.ask(message, seconds)
    if isinstance(answer, DeadLetter):
        typer.echo(f"no answer: {answer.reason}", err=True)
        raise typer.Exit(1)
    typer.echo(_show(answer))


def _publish_first(connection: Connection, settings: ServiceSettings) -> None:
    """Publish the folder's model, unless there was one already: a newer one may serve."""
    from modelserving.config import load_settings
    from modelserving.models.admin.describe import About, describe_file
    from modelserving.models.admin.listing import read_overview
    from modelserving.models.admin.publish import publish_model
    from modelserving.models.store.repository import ModelRepository
    from modelserving.service import golden_records

    if any(one.model.data_type == settings.name for one in read_overview(connection, settings.topics).models):
        return
    model = describe_file(settings.model, About(settings.name, settings.name, parameters=settings.parameters))
    golden = golden_records(settings)
    largest = max((abs(one.expected) for one in golden if isinstance(one.expected, float)), default=1.0)
    model = replace(model, golden=golden, tolerance=_CLOSE * max(1.0, largest))
    publish_model(connection, settings.topics, model, ModelRepository(load_settings().repository_folder))
    typer.echo(
        f"Model {settings.model.name} published to {settings.topics.models}, with {len(golden)} golden records: the "
        f"first of {settings.records.name}, with what the model answers here and now."
    )


def _object(text: str) -> dict[str, Any]:
    try:
        found = read_json(text)
    except ValueError as error:
        raise RecordError(f"{text[:60]!r} is no JSON: {error}. Put the record in single quotes.") from error
    if not isinstance(found, dict):
        raise RecordError(f"a JSON object was expected, with a value for each column; this is {text[:60]!r}.")
    return found


def _show(answer: ScoredRecord) -> str:
    """The answer first, then whose it is."""
    from modelserving.models.admin.score import format_prediction

    outputs = "".join(f"  {name} {_plain(value)}" for name, value in answer.outputs)
    return f"{format_prediction(answer.answer)}{outputs}  ({answer.model_name} {answer.model_version})"


def _plain(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
