"""What all `modelserving serve ...` commands share: their options, and the way from the command line to a server."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelserving.config import Settings, load_settings
from modelserving.records import TOPICS, Topics

if TYPE_CHECKING:
    from fastapi import APIRouter

    from modelserving.kafka import Connection
    from modelserving.models.lifecycle.build import Builder
    from modelserving.models.lifecycle.fetch import FetchPolicy
    from modelserving.models.store.repository import ModelRepository
    from modelserving.web import Runnable

__all__ = [
    "AnnounceTo",
    "Fast",
    "Group",
    "Host",
    "Instance",
    "MaxRecords",
    "ModelHost",
    "ModelRoot",
    "Place",
    "Port",
    "Prefix",
    "Preload",
    "Trial",
    "UntilStdinCloses",
    "references_of",
    "run_server",
    "topics_of",
]

Prefix = Annotated[
    str, typer.Option(help="Put this and a hyphen before the names of the topics: a pipeline of your own.")
]
Host = Annotated[str, typer.Option(help="Address to listen on for HTTP; think before you leave loopback.")]
Port = Annotated[int, typer.Option(min=0, max=65535, help="Port for HTTP; a taken one is stepped aside from.")]
Group = Annotated[str, typer.Option(help="Consumer group; servers of one group share the records.")]
Instance = Annotated[str, typer.Option(help="Name of this server in the group; none: host and port.")]
MaxRecords = Annotated[int, typer.Option(min=1, help="The most records in a batch.")]
Preload = Annotated[bool, typer.Option(help="Start the engines of all formats first, or each with its first model.")]
ModelRoot = Annotated[
    Path | None, typer.Option(help="Models by reference may be files below this folder; none: below the repository.")
]
ModelHost = Annotated[
    list[str] | None,
    typer.Option(help="Models by reference may be on this http(s) host, name or name:port; repeatable."),
]
Fast = Annotated[
    bool,
    typer.Option("--fast", help="Read and write records with librdkafka (the extra `fast`), several times as fast."),
]
Trial = Annotated[
    bool,
    typer.Option(
        "--trial",
        help="For senders that are not trusted: try each model in a process of its own first, where it has 30 seconds "
        "and 2 GB. Takes a second, five for TensorFlow.",
    ),
]
AnnounceTo = Annotated[Path | None, typer.Option("--announce", hidden=True)]
UntilStdinCloses = Annotated[bool, typer.Option("--until-stdin-closes", hidden=True)]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server stands, once its port is bound and the broker answers.

    Args:
        connection: to the broker.
        topics: what it reads and writes; they exist.
        group: its consumer group.
        instance: its name in the group.
        url: where it listens for HTTP.
        repository: keeps every model that serves.
        references: which models by reference are fetched.
        build: makes a model of a descriptor.
    """

    connection: Connection
    topics: Topics
    group: str
    instance: str
    url: str
    repository: ModelRepository
    references: FetchPolicy
    build: Builder


def topics_of(prefix: str) -> Topics:
    """The topics under a prefix; the plain ones under none."""
    return TOPICS.prefixed(prefix) if prefix else TOPICS


def references_of(settings: Settings, root: Path | None, hosts: Sequence[str] | None) -> FetchPolicy:
    """Which models by reference are fetched: what the command line says, or else the settings.

    Raises:
        ConfigError: something in the list is no host.
    """
    from modelserving.models.lifecycle.fetch import FetchPolicy

    return FetchPolicy(
        root or settings.model_root or settings.repository_folder,
        tuple(hosts or settings.model_hosts),
        settings.model_bytes,
    )


def run_server(
    make: Callable[[Place], Runnable],
    *,
    kind: str,
    host: str,
    port: int,
    prefix: str,
    group: str = "",
    instance: str = "",
    announce_to: Path | None = None,
    until_stdin_closes: bool = False,
    model_root: Path | None = None,
    model_host: Sequence[str] | None = None,
    trial: bool = False,
    routers: Callable[[Runnable], Sequence[APIRouter]] = lambda _: (),
) -> None:
    """Bind a port, reach the broker, create the topics, and serve until something says stop.

    Args:
        make: makes the server.
        kind: of server; names the consumer group where the user names none.
        host: address to listen on.
        port: asked for.
        prefix: of the topics.
        group: consumer group, empty for ``<prefix or modelserving>-<kind>``.
        instance: name in the group, empty for host and port.
        announce_to: file that is told the URL, for a parent process.
        until_stdin_closes: stop when the parent is gone.
        model_root: folder of models by reference; ``None``: what the settings say.
        model_host: hosts of models by reference; none: what the settings say.
        trial: try each model in a process of its own first.
        routers: HTTP paths of this kind of server alone.
    """
    import anyio
    from rich.console import Console

    from modelserving.broker import use_broker
    from modelserving.commands.threads import share_fairly
    from modelserving.kafka import create_topics
    from modelserving.models.lifecycle.build import build_candidate
    from modelserving.models.lifecycle.sandbox import trial_then_build
    from modelserving.models.store.repository import ModelRepository
    from modelserving.web import announce, bind, serve, stdin_closed, until_signal, url_of

    share_fairly()
    settings = load_settings()
    references = references_of(settings, model_root, model_host)
    repository = ModelRepository(settings.repository_folder)
    topics = topics_of(prefix)
    bound = bind(host, port)
    url = url_of(bound)
    name = instance or f"{socket.gethostname()}-{bound.getsockname()[1]}"
    console = Console(highlight=False)
    with use_broker() as connection:
        create_topics(connection, topics)
        member = group or f"{prefix or 'modelserving'}-{kind}"
        build: Builder = trial_then_build if trial else build_candidate
        server = make(Place(connection, topics, member, name, url, repository, references, build))
        if announce_to is not None:
            announce(announce_to, url)
        console.print(f"Scoring {topics.records} into {topics.scored}, broker {connection.bootstrap_servers}.")
        console.print(f"Model in use: {url}/state   API: {url}/docs   Ctrl-C ends it.")
        stops = (until_signal, stdin_closed) if until_stdin_closes else (until_signal,)

        async def run() -> None:
            await serve(server, bound, *stops, routers=routers(server))

        anyio.run(run)
    console.print("The server has stopped.")
