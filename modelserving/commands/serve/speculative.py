"""``modelserving serve speculative`` and ``speculative set | show | unset``: several models, one answer in time."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from modelserving.commands.console import make_console
from modelserving.commands.options import DataType, Prefix, Topic, topics_of
from modelserving.commands.serve.launch import launch_models
from modelserving.commands.serve.options import ServeOptions, with_options
from modelserving.commands.serve.servers import Fast
from modelserving.commands.serve.servers import serve_app as servers
from modelserving.errors import ConfigError

if TYPE_CHECKING:
    from fastapi import APIRouter

    from modelserving.kafka import Connection
    from modelserving.records import Topics
    from modelserving.serving import ServerOptions
    from modelserving.speculative.server import SpeculativeServer
    from modelserving.speculative.settings import ParticipantSettings, SpeculativeSettings
    from modelserving.web import Runnable

speculative_app = typer.Typer(
    help="Several models, one answer in time: what is wanted of which records.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(speculative_app, name="speculative")


@servers.command()
@with_options(ServeOptions)
def speculative(
    said: ServeOptions,
    fast: Fast = False,
    isolate: Annotated[
        list[str] | None,
        typer.Option(help="Score with this participant's model in a process of its own; * for all; repeatable."),
    ] = None,
) -> None:
    """Ask several models about each record, and give one answer in time. Ctrl-C ends it."""

    def make(connection: Connection, options: ServerOptions) -> SpeculativeServer:
        from modelserving.speculative.control import create_settings_topic
        from modelserving.speculative.server import SpeculativeServer

        create_settings_topic(connection, options.topics)
        return SpeculativeServer(connection, replace(options, fast=fast), tuple(isolate or ()))

    def routers(server: Runnable) -> tuple[APIRouter, ...]:
        from modelserving.speculative.server import SpeculativeServer
        from modelserving.web.speculative import speculative_router

        assert isinstance(server, SpeculativeServer)
        return (speculative_router(server),)

    def also_reads(topics: Topics) -> tuple[str, ...]:
        from modelserving.speculative.control import settings_topic

        return (settings_topic(topics),)

    launch_models("speculative", said, make, routers, also_reads)


@speculative_app.command("set")
def set_wanted(
    data_type: DataType,
    participant: Annotated[
        list[str] | None,
        typer.Option(
            help="A model that is asked, by the data type under which it is published; NAME:0.9 says how good it is; "
            "truths that come late move that. Repeatable, the preferred one first. None: those that take part now."
        ),
    ] = None,
    deadline_ms: Annotated[
        float | None, typer.Option(min=0, help="Answer so long after the record has arrived; 0: wait for all.")
    ] = None,
    decider: Annotated[
        str | None,
        typer.Option(
            help="best, quality, consensus or consensus:5; with commas, each for what the last cannot decide."
        ),
    ] = None,
    fallback: Annotated[
        str | None, typer.Option(help="The answer when nobody answers: a number or a label; '': a dead letter.")
    ] = None,
    patience: Annotated[
        int | None, typer.Option(min=1, help="Leave a model out that was late or failed so often in a row.")
    ] = None,
    pause_ms: Annotated[float | None, typer.Option(min=0, help="For how long, the first time.")] = None,
    slow: Annotated[
        list[str] | None, typer.Option(help="Hold a participant's answers back: NAME=20, milliseconds; repeatable.")
    ] = None,
    prefix: Prefix = "",
    topic: Topic = "",
) -> None:
    """Say what is wanted from now on, also of the records that wait; what is not said stays as it is."""
    from modelserving.broker import use_broker
    from modelserving.speculative.control import create_settings_topic, read_settings, send_settings

    topics = topics_of(prefix, topic)
    with use_broker() as connection:
        create_settings_topic(connection, topics)
        before = read_settings(connection, topics).get(data_type)
        wanted = _participants(data_type, before, participant, slow or [])
        settings = _change(data_type, before, wanted)
        said: dict[str, Any] = {
            "deadline_ms": deadline_ms,
            "decider": decider,
            "patience": patience,
            "pause_ms": pause_ms,
        }
        settings = replace(settings, **{name: value for name, value in said.items() if value is not None})
        if fallback is not None:
            settings = replace(settings, fallback=_read_answer(fallback))
        send_settings(connection, topics, data_type, settings)
    make_console().print(_describe(settings))


@speculative_app.command("show")
def show(
    data_type: Annotated[str, typer.Argument(help="Of which records; none: all.")] = "",
    prefix: Prefix = "",
    topic: Topic = "",
) -> None:
    """Show what is wanted, as the topic says it."""
    from modelserving.broker import use_broker
    from modelserving.speculative.control import create_settings_topic, read_settings

    topics = topics_of(prefix, topic)
    with use_broker() as connection:
        create_settings_topic(connection, topics)
        found = read_settings(connection, topics)
    console = make_console()
    chosen = [settings for name, settings in sorted(found.items()) if data_type in ("", name)]
    for settings in chosen:
        console.print(_describe(settings))
    if not chosen:
        console.print(f"Nothing is set for {data_type or 'any records'}: their one model answers, as in other servers.")


@speculative_app.command("unset")
def unset(data_type: DataType, prefix: Prefix = "", topic: Topic = "") -> None:
    """Let the one model of a data type answer again, as in other servers."""
    from modelserving.broker import use_broker
    from modelserving.speculative.control import create_settings_topic, send_settings

    topics = topics_of(prefix, topic)
    with use_broker() as connection:
        create_settings_topic(connection, topics)
        send_settings(connection, topics, data_type, None)
    make_console().print(f"{data_type}: its one model answers from now on.")


def _participants(
    data_type: str, before: SpeculativeSettings | None, named: list[str] | None, slow: list[str]
) -> tuple[ParticipantSettings, ...]:
    """Who takes part: those that are named, or those that do now, slowed as is said."""
    from modelserving.speculative.settings import ParticipantSettings, SpeculativeSettings

    known = {one.name: one for one in (before or SpeculativeSettings.alone(data_type)).participants}
    if named:
        parts = [text.partition(":") for text in named]
        known = {
            name: replace(
                (was := known.get(name, ParticipantSettings(name))),
                quality=_number(quality, f"--participant {name}") if colon else was.quality,
            )
            for name, colon, quality in parts
        }
    for text in slow:
        name, _, milliseconds = text.partition("=")
        if name not in known:
            raise ConfigError(f"--slow {text}: {name!r} takes no part. There are: {', '.join(known)}.")
        known[name] = replace(known[name], slowed_ms=_number(milliseconds, f"--slow {name}"))
    return tuple(known.values())


def _change(
    data_type: str, before: SpeculativeSettings | None, participants: tuple[ParticipantSettings, ...]
) -> SpeculativeSettings:
    from modelserving.speculative.settings import SpeculativeSettings

    return replace(before or SpeculativeSettings.alone(data_type), participants=participants)


def _number(text: str, option: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"{option}: {text!r} is no number.") from None


def _read_answer(text: str) -> float | str | None:
    """A number, or else a label; nothing is none."""
    with suppress(ValueError):
        return float(text)
    return text or None


def _describe(settings: SpeculativeSettings) -> str:
    asked = ", ".join(
        f"{one.name} (quality {one.quality:g}{f', slowed by {one.slowed_ms:g} ms' if one.slowed_ms else ''})"
        for one in settings.participants
    )
    when = f"within {settings.deadline_ms:g} ms" if settings.deadline_ms else "when all have answered"
    otherwise = "a dead letter" if settings.fallback is None else f"{settings.fallback!r}"
    return (
        f"{settings.data_type}: {settings.decider} of {asked}, {when}; else {otherwise}. Left out for "
        f"{settings.pause_ms:g} ms and more after {settings.patience} batches in a row."
    )
