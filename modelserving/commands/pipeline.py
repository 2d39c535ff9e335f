"""``modelserving client | reader | serve``: the processes on both sides of the topics."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from modelserving.config import data_folder
from modelserving.records import TOPICS, Topics

__all__ = ["Prefix", "register", "topics_of"]

Prefix = Annotated[
    str, typer.Option(help="Put this and a hyphen before the names of the topics: a pipeline of your own.")
]
UntilStdinCloses = Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)]

serve_app = typer.Typer(help="Run a model server.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(client)
    app.command()(reader)
    app.add_typer(serve_app, name="serve")


def topics_of(prefix: str) -> Topics:
    """The topics under a prefix; the plain ones under none."""
    return TOPICS.prefixed(prefix) if prefix else TOPICS


def client(
    records_every: Annotated[float, typer.Option(min=0, help="Milliseconds between two records; 0: no pause.")] = 1_000,
    models_every: Annotated[float, typer.Option(help="Milliseconds between two models.")] = 60_000,
    max_records: Annotated[int | None, typer.Option(min=1, help="Stop after so many records.")] = None,
    faults: Annotated[
        float, typer.Option(min=0, max=1, help="Share of records broken on purpose, for example 0.05.")
    ] = 0,
    prefix: Prefix = "",
    data: Annotated[Path | None, typer.Option(help="Folder with records and models; none: the checkout's.")] = None,
    seed: Annotated[int, typer.Option(help="Decides which records are broken, and how.")] = 1,
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Create the topics, and publish wine records and models. Ctrl-C ends it."""
    from modelserving.client import Pace, Provider, load_supply
    from modelserving.commands.stopping import stop_event
    from modelserving.kafka import create_topics, use_broker

    console = Console(highlight=False)
    topics = topics_of(prefix)
    pace = Pace(records_every, models_every, max_records, faults, seed)
    supply = load_supply(data_folder(data))
    with use_broker() as connection, stop_event(until_stdin_closes) as stop:
        create_topics(connection, topics)
        console.print(f"Publishing to {topics.records} and {topics.models} at {connection.bootstrap_servers}.")
        provider = Provider(connection, supply, pace, topics, typer.echo)
        provider.run(stop)
        console.print(f"{provider.sent} records and {provider.models_sent} models published.")
        if provider.failed:
            console.print(f"{provider.failed} records were not taken by the broker.", style="red")
            raise typer.Exit(1)


def reader(
    prefix: Prefix = "",
    limit: Annotated[int, typer.Option(min=1, help="Show the first so many messages of each topic.")] = 10,
) -> None:
    """Show what is on the topics now: key, size, first bytes and decoded form of each message."""
    from modelserving.client import read_topics
    from modelserving.commands.reading import show_topics
    from modelserving.kafka import use_broker

    with use_broker() as connection:
        show_topics(read_topics(connection, topics_of(prefix)), topics_of(prefix), limit, typer.echo)


@serve_app.callback()
def serve() -> None:
    """Run a model server."""


@serve_app.command()
def stage(
    host: Annotated[
        str, typer.Option(help="Address to listen on for HTTP; think before you leave loopback.")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port for HTTP; a taken one is stepped aside from.")
    ] = 5500,
    prefix: Prefix = "",
    group: Annotated[str, typer.Option(help="Consumer group; servers of one group share the records.")] = "",
    instance: Annotated[str, typer.Option(help="Name of this server in the group; none: host and port.")] = "",
    max_records: Annotated[int, typer.Option(min=1, help="The most records in a batch.")] = 10_000,
    preload: Annotated[bool, typer.Option(help="Start TensorFlow and Java first, or with the first model.")] = True,
    announce_to: Annotated[Path | None, typer.Option("--announce", hidden=True)] = None,
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Serve models with the custom stage. Ctrl-C ends it."""
    import anyio

    from modelserving.commands.threads import share_fairly
    from modelserving.kafka import create_topics, use_broker
    from modelserving.stage import StageOptions, StageServer
    from modelserving.web import announce, bind, serve, stdin_closed, until_signal, url_of

    share_fairly()
    topics = topics_of(prefix)
    bound = bind(host, port)
    url = url_of(bound)
    name = instance or f"{socket.gethostname()}-{bound.getsockname()[1]}"
    console = Console(highlight=False)
    with use_broker() as connection:
        create_topics(connection, topics)
        options = StageOptions(topics, group or f"{prefix or 'modelserving'}-stage", name, max_records, preload)
        if announce_to is not None:
            announce(announce_to, url)
        console.print(f"Scoring {topics.records} into {topics.scored}, broker {connection.bootstrap_servers}.")
        console.print(f"Model in use: {url}/state   API: {url}/docs   Ctrl-C ends it.")
        stops = (until_signal, stdin_closed) if until_stdin_closes else (until_signal,)
        anyio.run(serve, StageServer(connection, options), bound, *stops)
    console.print("The server has stopped.")
