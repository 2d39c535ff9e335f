"""From the command line to a server of whatever kind that runs, until something says stop."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

from modelserving.commands.options import topics_of
from modelserving.commands.serve.options import ListenOptions, ServeOptions
from modelserving.config import Settings, load_settings

if TYPE_CHECKING:
    from fastapi import APIRouter, FastAPI

    from modelserving.kafka import Connection
    from modelserving.models.lifecycle.fetch import FetchPolicy
    from modelserving.records import Topics
    from modelserving.records.codecs.written import WriterCodecs
    from modelserving.serving import ServerOptions
    from modelserving.web import Runnable


_AT_ONCE_S = 2.0
"""A server that takes longer to stop says so."""


@dataclass(frozen=True, slots=True)
class GroupServer:
    """One server of a group.

    Args:
        group: whose members share the records.
        instance: its name in the group.
        url: where it listens for HTTP.
    """

    group: str
    instance: str
    url: str


@dataclass(frozen=True, slots=True)
class LaunchedServer:
    """What a server is, once it is made.

    Args:
        run: runs until cancelled.
        app: its HTTP face.
        about: a line that says what it does.
        look: where one sees how it does that.
        tell: hands each change to who says it in the terminal, until cancelled; ``None``: it says nothing.
        reads: topics that it reads, for the picture of the running system.
        writes: topics that it writes.
    """

    run: Callable[[], Awaitable[None]]
    app: FastAPI
    about: str
    look: str
    tell: Callable[[Callable[[str], object]], Awaitable[None]] | None = None
    reads: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()


def launch(kind: str, said: ListenOptions, make: Callable[[Connection, GroupServer], LaunchedServer]) -> None:
    """Bind a port, reach the broker, and serve until something says stop.

    Args:
        kind: of server; names the consumer group where the user names none.
        said: what the user said.
        make: makes the server, and the topics that it needs.
    """
    import anyio

    from modelserving.broker import use_broker
    from modelserving.commands.console import make_console
    from modelserving.commands.threads import share_fairly
    from modelserving.monitoring.overview import AnnouncedServer, announced
    from modelserving.monitoring.overview.announced import servers_folder
    from modelserving.system.ports import holder_of
    from modelserving.web import announce, bind, serve_app, stdin_closed, until_signal, url_of

    share_fairly()
    console = make_console()
    bound = bind(said.host, said.port)
    with closing(bound):
        port, url = bound.getsockname()[1], url_of(bound)
        if said.port not in (0, port):
            console.print(f"Port {said.port} is taken{holder_of(said.port)}: this server is at port {port}.")
        group = said.group or f"{said.prefix or 'modelserving'}-{kind}"
        member = GroupServer(group, said.instance or f"{socket.gethostname()}-{port}", url)
        with use_broker() as connection:
            service = make(connection, member)
            if said.announce_to is not None:
                announce(said.announce_to, url)
            console.print(f"{service.about}, broker {connection.bootstrap_servers}.")
            console.print(f"{service.look}   API: {url}/docs   Ctrl-C ends it.")
            slow = threading.Timer(_AT_ONCE_S, console.print, ["Stopping: what was begun ends first."])
            slow.daemon = True

            async def signalled() -> None:
                await until_signal()
                slow.start()

            stops: list[Callable[[], Awaitable[None]]] = [
                signalled,
                *([stdin_closed] if said.until_stdin_closes else []),
            ]
            if service.tell is not None:
                stops.append(partial(service.tell, console.print))
            here = AnnouncedServer(url, kind, group, os.getpid(), service.reads, service.writes)
            with announced(servers_folder(load_settings().home), here):
                try:
                    anyio.run(serve_app, service.run, service.app, bound, *stops)
                finally:
                    slow.cancel()
    console.print("The server has stopped.")


def launch_models(
    kind: str,
    said: ServeOptions,
    make: Callable[[Connection, ServerOptions], Runnable],
    routers: Callable[[Runnable], Sequence[APIRouter]] = lambda _: (),
    also_reads: Callable[[Topics], tuple[str, ...]] = lambda _: (),
) -> None:
    """The same for a server of models.

    Args:
        kind: as in ``launch``.
        said: as in ``launch``.
        make: makes the server; its topics are there.
        routers: HTTP paths of this kind of server alone.
        also_reads: topics that this kind of server alone reads.
    """
    from modelserving.kafka import create_topics
    from modelserving.tracing import make_tracer
    from modelserving.web import make_app, report_to_console

    def begin(connection: Connection, member: GroupServer) -> LaunchedServer:
        settings = load_settings()
        tracer = make_tracer(settings.traces_exporter, member.group)
        writers = writers_of(said.schema_registry, said.framed, connection, settings)
        options = replace(_options(said, member, settings), writers=writers, tracer=tracer)
        topics = options.topics
        create_topics(connection, topics)
        if said.framed_answers:
            options = replace(options, frame=_answers_frame(said.schema_registry, topics, connection))
        server = make(connection, options)
        about = f"Scoring {topics.records} into {topics.scored}"
        look = f"Model in use: {member.url}/state"
        return LaunchedServer(
            server.run,
            make_app(server, *routers(server)),
            about,
            look,
            partial(report_to_console, server),
            (topics.records, topics.models, topics.control, *also_reads(topics)),
            (topics.scored, topics.dead_letters),
        )

    pipeline = said.prefix or said.topic.removesuffix("-records") or "modelserving"
    launch(kind, replace(said, group=said.group or f"{pipeline}-{kind}"), begin)


def _options(said: ServeOptions, member: GroupServer, settings: Settings) -> ServerOptions:
    from modelserving.datasets import default_schemas
    from modelserving.models.lifecycle.build import build_candidate
    from modelserving.models.lifecycle.sandbox import trial_then_build
    from modelserving.models.store.repository import ModelRepository
    from modelserving.records.schema_files import read_schemas
    from modelserving.serving import ServerOptions

    schemas = read_schemas(said.schema) if said.schema else default_schemas()
    return ServerOptions(
        _topics(said),
        schemas=schemas,
        group=member.group,
        instance=member.instance,
        url=member.url,
        max_records=said.max_records,
        preload=said.preload,
        repository=ModelRepository(settings.repository_folder),
        fetch=_fetch_policy(said, settings),
        build=partial(trial_then_build if said.trial else build_candidate, schemas=schemas),
    )


def writers_of(registry: str, framed: bool, connection: Connection, settings: Settings) -> WriterCodecs | None:
    """Where the schemas are that records name by number, if they do."""
    from modelserving.serving.writers import RegisteredWriters

    url = registry or settings.schema_registry or ""
    return RegisteredWriters(connection, url, framed) if url or framed else None


def _answers_frame(registry: str, topics: Topics, connection: Connection) -> bytes:
    """What stands before each answer, once their schema is in the registry: asked for here, and never again.

    Raises:
        RegistryUnavailable, BrokerUnavailable: nobody answers.
        SchemaError: the registry refuses the schema.
    """
    from modelserving.commands.schemas.registries import open_registry
    from modelserving.records.codecs import write_frame
    from modelserving.registry import define_answers

    with open_registry(registry, connection) as found:
        schema_id = found.register(f"{topics.scored}-value", define_answers()).schema_id
    return write_frame(schema_id, b"", protobuf=True)


def _topics(said: ServeOptions) -> Topics:
    return topics_of(
        said.prefix,
        said.topic,
        scored=said.scored_topic,
        models=said.models_topic,
        dead_letters=said.dead_letters_topic,
        control=said.control_topic,
    )


def _fetch_policy(said: ServeOptions, settings: Settings) -> FetchPolicy:
    """Which models by reference are fetched: what the command line says, or else the settings."""
    from modelserving.models.lifecycle.fetch import FetchPolicy

    root = said.model_root or settings.model_root or settings.repository_folder
    return FetchPolicy(root, tuple(said.model_host or settings.model_hosts), settings.model_bytes)
