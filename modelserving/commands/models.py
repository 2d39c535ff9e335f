"""``modelserving models list | publish | rollback | promote | shadow | retire | who``: models in use, from outside.

They talk to the topics and the repository, so that they work while no server runs, and with any number of servers.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from modelserving.commands.serving import Prefix, topics_of
from modelserving.config import data_folder, load_settings
from modelserving.errors import ConfigError
from modelserving.records import Action, Topics

if TYPE_CHECKING:
    from modelserving.kafka import Connection
    from modelserving.models.admin.listing import ListedModel, ModelListing
    from modelserving.models.store.repository import ModelRepository
    from modelserving.records import ModelDescriptor

__all__ = ["register"]

_SHORT = 12
_METRICS = 2

DataType = Annotated[str, typer.Argument(help="The records that are meant, for example wine.")]
Digest = Annotated[str, typer.Option(help="The model that is meant: the first digits of its digest.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("list")(list_models)
    for command in (publish, promote, rollback, shadow, retire, who):
        app.command()(command)


class _Desk:
    """What each command needs: the broker, the topics, and the repository."""

    def __init__(self, connection: Connection, topics: Topics, repository: ModelRepository) -> None:
        self.connection = connection
        self.topics = topics
        self.repository = repository

    def look(self) -> ModelListing:
        """What is known now."""
        from modelserving.models.admin.listing import read_overview

        return read_overview(self.connection, self.topics, self.repository)

    def order(self, action: Action, data_type: str, model: ListedModel | None, percent: float = 0.0) -> None:
        """Send a command, and say so."""
        from modelserving.models.admin.publish import send_command

        if model is not None and model.unreachable:
            _say(f"A server could not get that model: {model.note} Where it is missing, nothing changes.")
        digest = model.digest if model else ""
        sent = send_command(self.connection, self.topics, action, data_type, digest, percent, "command line")
        share = f" {percent:g} %" if action is Action.SHADOW else ""
        _say(f"{action.slug}{share} {data_type}{f': {_name(model)}' if model else ''} sent to {sent}.")


def list_models(
    prefix: Prefix = "",
    data_type: Annotated[str, typer.Option(help="Only the models of these records.")] = "",
) -> None:
    """Show the models: in use, previous, shadow, and all that are known."""
    from rich.table import Table

    with _desk(prefix) as desk:
        found = desk.look()
    models = found.of(data_type) if data_type else found.models
    if not models:
        _say("No models yet. `modelserving models publish` sends one.")
        return
    table = Table(box=None, pad_edge=False)
    for title in ("data type", "place", "model", "version", "format", "digest", "when", "quality"):
        table.add_column(title, no_wrap=title == "digest")
    for one in models:
        model = one.model
        told = f"{one.place} {one.note}" if one.place == "shadow" else str(one.place)
        table.add_row(
            model.data_type, told, model.name, model.version, model.type.slug, one.digest[:_SHORT],
            _when(model.created_ms or one.published_ms), _quality(model),
        )  # fmt: skip
    Console(highlight=False).print(table)


def publish(
    model: Annotated[str, typer.Argument(help="A model of the workbook by its name, or a file.")],
    prefix: Prefix = "",
    data_type: Annotated[str, typer.Option(help="The records that it scores; none: wine, or as it is known.")] = "",
    name: Annotated[str, typer.Option(help="What people call it; none: the name of the file.")] = "",
    version: Annotated[str, typer.Option(help="Its version; none: 1, or as it is known.")] = "",
    description: Annotated[str, typer.Option(help="One line about it.")] = "",
    metric: Annotated[list[str] | None, typer.Option(help="How good it is: accuracy=0.61; repeatable.")] = None,
    parameter: Annotated[list[str] | None, typer.Option(help="How it was made: depth=5; repeatable.")] = None,
    golden: Annotated[
        Path | None, typer.Option(help="A file of records whose last column is the answer that it must give.")
    ] = None,
    golden_from: Annotated[
        Path | None, typer.Option(help="A file of records: servers must get the answers that it gives here.")
    ] = None,
    golden_count: Annotated[int, typer.Option(min=1, help="So many of those records.")] = 10,
    tolerance: Annotated[float, typer.Option(min=0, help="How far an answer may be off; 0: a millionth.")] = 0,
    shadow: Annotated[
        float, typer.Option(min=0, max=100, help="Not to serve, but to score this percentage of the records beside.")
    ] = 0,
    by_reference: Annotated[
        str, typer.Option(help="Send this URI instead of the bytes; servers that are allowed to read it there.")
    ] = "",
    model_type: Annotated[str | None, typer.Option("--type", help="Format of the file; none: found out.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder with the workbook's models; none: the checkout's.")] = None,
) -> None:
    """Publish a model: every server builds it, checks it, and lets it score, or leaves the one it has."""
    from dataclasses import replace

    from modelserving.models.admin.describe import About, answer_golden, find_model, read_golden
    from modelserving.models.admin.publish import publish_model

    metrics = {key: _number(key, value) for key, value in _pairs(metric)}
    about = About(data_type, name, version, description, metrics, dict(_pairs(parameter)))
    made = find_model(model, data_folder(data) / "models", about, model_type)
    if golden is not None:
        made = read_golden(made, golden, tolerance)
    if golden_from is not None:
        made = answer_golden(made, golden_from, golden_count, tolerance)
    made = replace(made, shadow_percent=shadow, sha256=made.digest, location=by_reference or None)
    with _desk(prefix, create=True) as desk:
        sent = publish_model(desk.connection, desk.topics, made, desk.repository)
    how = f"as a shadow of {shadow:g} %" if shadow else "to serve"
    _say(f"{made.name} {made.version} ({made.type.slug}, digest {made.digest[:_SHORT]}) for {made.data_type}, {how}:")
    _say(f"sent to {sent}.")


def rollback(
    data_type: DataType,
    prefix: Prefix = "",
    to: Annotated[
        str, typer.Option(help="Not to the previous model but to this one: first digits of its digest.")
    ] = "",
) -> None:
    """Let the previous model serve again."""
    from modelserving.models.admin.listing import Place

    with _desk(prefix) as desk:
        found = desk.look()
        model = found.named(data_type, to) if to else found.in_place(data_type, Place.PREVIOUS)
        if model is None:
            older = next((one for one in found.of(data_type) if one.place is Place.KNOWN), None)
            hint = f" Known: `modelserving models rollback {data_type} --to {older.digest[:_SHORT]}`." if older else ""
            raise ConfigError(f"{data_type!r} has no previous model to roll back to.{hint}")
        desk.order(Action.ROLL_BACK, data_type, model)


def promote(data_type: DataType, prefix: Prefix = "", digest: Digest = "") -> None:
    """Let the shadow serve, or the model with this digest."""
    from modelserving.models.admin.listing import Place

    with _desk(prefix) as desk:
        found = desk.look()
        model = found.named(data_type, digest) if digest else found.in_place(data_type, Place.SHADOW)
        if model is None:
            raise ConfigError(f"{data_type!r} has no shadow. Name a model with --digest; `models list` shows them.")
        desk.order(Action.PROMOTE, data_type, model)


def shadow(
    data_type: DataType,
    percent: Annotated[float, typer.Argument(min=0, max=100, help="How much of the records; 0 ends it.")],
    prefix: Prefix = "",
    digest: Digest = "",
) -> None:
    """Let a model score some of the records beside the one in use; nobody sees its answers."""
    from modelserving.models.admin.listing import Place

    with _desk(prefix) as desk:
        found = desk.look()
        model = found.named(data_type, digest) if digest else found.in_place(data_type, Place.SHADOW)
        if model is None and percent:
            raise ConfigError(f"{data_type!r} has no shadow. Name a model with --digest; `models list` shows them.")
        desk.order(Action.SHADOW, data_type, model, percent)


def retire(data_type: DataType, prefix: Prefix = "") -> None:
    """Let no model serve these records any more; they are skipped until another one is published or promoted."""
    with _desk(prefix) as desk:
        desk.look().of(data_type)
        desk.order(Action.RETIRE, data_type, None)


def who(
    offset: Annotated[int, typer.Option(min=0, help="Offset of the record, as each answer has it.")],
    partition: Annotated[int, typer.Option(min=0, help="Partition of the record.")] = 0,
    prefix: Prefix = "",
) -> None:
    """Say which model scored a record, and how good it was."""
    from modelserving.models.admin.listing import who_scored

    with _desk(prefix) as desk:
        found = who_scored(desk.connection, desk.topics, partition, offset, desk.repository)
    if found is None:
        raise ConfigError(f"no answer to the record at partition {partition}, offset {offset}. Was it scored?")
    scored = found.scored
    _say(
        f"{scored.prediction:g}, by {scored.model_name} {scored.model_version} for {scored.data_type}, "
        f"digest {scored.model_digest[:_SHORT]}."
    )
    if found.listed is None:
        _say("Neither the topic nor the repository knows that model any more.")
        return
    model = found.listed.model
    _say(f"{model.description or 'No description'}; {model.type.slug}, {_when(found.listed.published_ms)}.")
    _say(f"Quality: {_quality(model, len(model.metrics)) or 'nothing is known'}.")
    if model.parameters:
        _say(f"Made with {', '.join(f'{name} {value}' for name, value in model.parameters.items())}.")


@contextmanager
def _desk(prefix: str, create: bool = False) -> Iterator[_Desk]:
    from modelserving.broker import use_broker
    from modelserving.kafka import create_topics
    from modelserving.models.store.repository import ModelRepository

    topics = topics_of(prefix)
    with use_broker() as connection:
        if create:
            create_topics(connection, topics)
        yield _Desk(connection, topics, ModelRepository(load_settings().repository_folder))


def _pairs(said: list[str] | None) -> Iterator[tuple[str, str]]:
    for pair in said or ():
        name, equals, value = pair.partition("=")
        if not (name and equals):
            raise ConfigError(f"{pair!r}: NAME=VALUE was expected.")
        yield name, value


def _number(name: str, value: str) -> float:
    try:
        return float(value)
    except ValueError as error:
        raise ConfigError(f"metric {name!r} is {value!r}; a number was expected.") from error


def _name(model: ListedModel) -> str:
    return f"{model.model.name} {model.model.version} ({model.digest[:_SHORT]})"


def _quality(model: ModelDescriptor, most: int = _METRICS) -> str:
    """The first metrics by name; what they are to be compared with comes last."""
    names = sorted(model.metrics, key=lambda name: (name.startswith("baseline"), name))
    return ", ".join(f"{name} {model.metrics[name]:g}" for name in names[:most])


def _when(ms: int) -> str:
    return datetime.fromtimestamp(ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M:%S")


def _say(text: str) -> None:
    Console(highlight=False, soft_wrap=True).print(text, markup=False)
