"""From the command line to a server of whatever kind that runs, until something says stop."""

from __future__ import annotations

import socket
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from modelserving.commands.options import topics_of
from modelserving.commands.serve.options import ServeOptions
from modelserving.config import Settings, load_settings

if TYPE_CHECKING:
    from fastapi import APIRouter

    from modelserving.kafka import Connection
    from modelserving.models.lifecycle.fetch import FetchPolicy
    from modelserving.serving import ServerOptions
    from modelserving.web import Runnable

__all__ = ["launch"]


def launch(
    kind: str,
    said: ServeOptions,
    make: Callable[[Connection, ServerOptions], Runnable],
    routers: Callable[[Runnable], Sequence[APIRouter]] = lambda _: (),
) -> None:
    """Bind a port, reach the broker, create the topics, and serve until something says stop.

    Args:
        kind: of server; names the consumer group where the user names none.
        said: what the user said.
        make: makes the server.
        routers: HTTP paths of this kind of server alone.
    """
    import anyio
    from rich.console import Console

    from modelserving.broker import use_broker
    from modelserving.commands.threads import share_fairly
    from modelserving.kafka import create_topics
    from modelserving.system.ports import holder_of
    from modelserving.web import announce, bind, serve, stdin_closed, until_signal, url_of

    share_fairly()
    settings = load_settings()
    console = Console(highlight=False)
    bound = bind(said.host, said.port)
    options = _options(kind, said, settings, url_of(bound))
    topics = options.topics
    port = bound.getsockname()[1]
    if said.port not in (0, port):
        console.print(f"Port {said.port} is taken{holder_of(said.port)}: this server is at port {port}.")
    with closing(bound), use_broker(settings) as connection:
        create_topics(connection, topics)
        server = make(connection, options)
        if said.announce_to is not None:
            announce(said.announce_to, options.url)
        console.print(f"Scoring {topics.records} into {topics.scored}, broker {connection.bootstrap_servers}.")
        console.print(f"Model in use: {options.url}/state   API: {options.url}/docs   Ctrl-C ends it.")
        stops = (until_signal, stdin_closed) if said.until_stdin_closes else (until_signal,)

        async def run() -> None:
            await serve(server, bound, *stops, routers=routers(server))

        anyio.run(run)
    console.print("The server has stopped.")


def _options(kind: str, said: ServeOptions, settings: Settings, url: str) -> ServerOptions:
    from modelserving.models.lifecycle.build import build_candidate
    from modelserving.models.lifecycle.sandbox import trial_then_build
    from modelserving.models.store.repository import ModelRepository
    from modelserving.serving import ServerOptions

    return ServerOptions(
        topics_of(said.prefix),
        group=said.group or f"{said.prefix or 'modelserving'}-{kind}",
        instance=said.instance or f"{socket.gethostname()}-{url.rpartition(':')[2]}",
        url=url,
        max_records=said.max_records,
        preload=said.preload,
        repository=ModelRepository(settings.repository_folder),
        references=_references(said, settings),
        build=trial_then_build if said.trial else build_candidate,
    )


def _references(said: ServeOptions, settings: Settings) -> FetchPolicy:
    """Which models by reference are fetched: what the command line says, or else the settings."""
    from modelserving.models.lifecycle.fetch import FetchPolicy

    root = said.model_root or settings.model_root or settings.repository_folder
    return FetchPolicy(root, tuple(said.model_host or settings.model_hosts), settings.model_bytes)
