"""``modelserving models list | publish | rollback | promote | shadow | retire | who``: models in use, from outside.

They talk to the topics and the repository, so that they work while no server runs, and with any number of servers.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelserving.commands.models.admin import Digest, ModelAdmin, Schema, ShadowPercent, model_admin, say
from modelserving.commands.models.judging import require_better
from modelserving.commands.models.table import SHORT, quality, show_models, when
from modelserving.commands.options import DataType, Prefix, Topic
from modelserving.config import data_folder
from modelserving.errors import ConfigError
from modelserving.records import Action, ScoredRecord
from modelserving.records.defaults import DEFAULT_TYPE

if TYPE_CHECKING:
    from modelserving.models.admin.listing import ScoredBy


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("list")(list_models)
    for command in (publish, promote, rollback, shadow, retire, who):
        app.command()(command)


def list_models(
    prefix: Prefix = "",
    topic: Topic = "",
    data_type: Annotated[str, typer.Option(help="Only the models of these records.")] = "",
) -> None:
    """Show the models: in use, previous, shadow, and all that are known."""
    with model_admin(prefix, topic) as admin:
        found = admin.look()
    models = found.of(data_type) if data_type and found.models else found.models
    if not models:
        say(f"No models yet. {admin.command('publish MODEL')} sends one.")
        return
    show_models(models, say)


def publish(
    model: Annotated[str, typer.Argument(help="A model of the workbook by its name, or a file.")],
    prefix: Prefix = "",
    topic: Topic = "",
    data_type: Annotated[
        str, typer.Option(help=f"The records that it scores; none: {DEFAULT_TYPE}, or as it is known.")
    ] = "",
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
    shadow: ShadowPercent = 0,
    by_reference: Annotated[
        str, typer.Option(help="Send this URI instead of the bytes; servers that are allowed to read it there.")
    ] = "",
    model_type: Annotated[str | None, typer.Option("--type", help="Format of the file; none: found out.")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder with the workbook's models; none: the checkout's.")] = None,
) -> None:
    """Publish a model: every server builds it, checks it, and lets it score, or leaves the one it has."""
    from dataclasses import replace

    from modelserving.models.admin.describe import About, answer_golden, find_model, read_golden

    metrics = {key: _number(key, value) for key, value in _pairs(metric)}
    if topic and not data_type and Path(model).exists():
        raise ConfigError(f"whose records does {model} score? Those of {topic} need a name: --data-type NAME.")
    about = About(data_type, name, version, description, metrics, dict(_pairs(parameter)))
    made = find_model(model, data_folder(data) / "models", about, model_type)
    if golden is not None:
        made = read_golden(made, golden, tolerance)
    if golden_from is not None:
        made = answer_golden(made, golden_from, golden_count, tolerance)
    made = replace(made, shadow_percent=shadow, sha256=made.digest, location=by_reference or None)
    with model_admin(prefix, topic, create=True) as admin:
        admin.publish(made)


def rollback(data_type: DataType, prefix: Prefix = "", topic: Topic = "", digest: Digest = "") -> None:
    """Let the previous model serve again, or the one with this digest."""
    from modelserving.models.admin.listing import ModelStatus

    with model_admin(prefix, topic) as admin:
        model = admin.choose(data_type, digest, ModelStatus.PREVIOUS)
        if model is None:
            older = next((one for one in admin.look().of(data_type) if one.status is ModelStatus.KNOWN), None)
            hint = f" Known: {admin.command(f'rollback {data_type} --to {older.digest[:SHORT]}')}." if older else ""
            raise ConfigError(f"{data_type!r} has no previous model to roll back to.{hint}")
        admin.send(Action.ROLL_BACK, data_type, model)


def promote(
    data_type: DataType,
    prefix: Prefix = "",
    topic: Topic = "",
    digest: Digest = "",
    if_better_by: Annotated[
        float | None,
        typer.Option(help="Only if its mean error is smaller by this, 95 in 100 sure, where the truth is known."),
    ] = None,
    pairs: Annotated[int, typer.Option(min=2, help="With --if-better-by: on so many records at least.")] = 30,
    schema: Schema = None,
) -> None:
    """Let the shadow serve, or the model with this digest."""
    from modelserving.models.admin.listing import ModelStatus

    with model_admin(prefix, topic) as admin:
        model = admin.choose(data_type, digest, ModelStatus.SHADOW)
        if model is None:
            raise ConfigError(_no_shadow(data_type, admin))
        if if_better_by is not None:
            require_better(admin, data_type, model, if_better_by, pairs, schema)
        admin.send(Action.PROMOTE, data_type, model)


def shadow(
    data_type: DataType,
    percent: Annotated[float, typer.Argument(min=0, max=100, help="How much of the records; 0 ends it.")],
    prefix: Prefix = "",
    topic: Topic = "",
    digest: Digest = "",
) -> None:
    """Let a model score some of the records beside the one in use; nobody sees its answers."""
    from modelserving.models.admin.listing import ModelStatus

    with model_admin(prefix, topic) as admin:
        model = admin.choose(data_type, digest, ModelStatus.SHADOW)
        if model is None and percent:
            raise ConfigError(_no_shadow(data_type, admin))
        admin.send(Action.SHADOW, data_type, model, percent)


def retire(data_type: DataType, prefix: Prefix = "", topic: Topic = "") -> None:
    """Let no model serve these records any more; they are skipped until another one is published or promoted."""
    from modelserving.models.admin.listing import ModelStatus

    with model_admin(prefix, topic) as admin:
        admin.choose(data_type, "", ModelStatus.CURRENT)
        admin.send(Action.RETIRE, data_type, None)


def who(
    offset: Annotated[int, typer.Option(min=0, help="Offset of the record, as each answer has it.")],
    partition: Annotated[int, typer.Option(min=0, help="Partition of the record.")] = 0,
    prefix: Prefix = "",
    topic: Topic = "",
) -> None:
    """Say which models scored a record, and how good they were."""
    from modelserving.models.admin.listing import who_scored

    with model_admin(prefix, topic) as admin:
        found = who_scored(admin.connection, admin.topics, partition, offset, admin.repository)
    if not found:
        raise ConfigError(f"no answer to the record at partition {partition}, offset {offset}. Was it scored?")
    if len(found) > 1:
        say(f"{len(found)} answers to this record: servers of several groups gave them, or the topic was made anew.")
    for one in found:
        _say_who(one)


def _answer(scored: ScoredRecord) -> str:
    return f"{scored.prediction:g}" if scored.label is None else repr(scored.label)


def _say_who(found: ScoredBy) -> None:
    scored = found.scored
    say(
        f"{_answer(scored)}, by {scored.model_name} {scored.model_version} for {scored.data_type}, "
        f"digest {scored.model_digest[:SHORT]}."
    )
    if found.listed is None:
        say("Neither the topic nor the repository knows that model any more.")
        return
    model = found.listed.model
    say(f"{model.description or 'No description'}; {model.type.slug}, {when(found.listed.published_ms)}.")
    say(f"Quality: {quality(model, len(model.metrics)) or 'nothing is known'}.")
    if model.parameters:
        say(f"Made with {', '.join(f'{name} {value}' for name, value in model.parameters.items())}.")


def _no_shadow(data_type: str, admin: ModelAdmin) -> str:
    return f"{data_type!r} has no shadow. Name a model with --digest; {admin.command('list')} shows them."


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
