"""``modelserving serve stage | actor | streams``: a server of each kind, with the options that are its own."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from modelserving.commands.serve.launch import launch_models
from modelserving.commands.serve.options import ServeOptions, with_options
from modelserving.config import load_settings

if TYPE_CHECKING:
    from fastapi import APIRouter

    from modelserving.actors import ActorServer, Runtime
    from modelserving.kafka import Connection
    from modelserving.serving import ServerOptions
    from modelserving.streams_server import StreamsServer
    from modelserving.web import Runnable

serve_app = typer.Typer(help="Run a model server.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(serve_app, name="serve")


Fast = Annotated[
    bool,
    typer.Option("--fast", help="Read and write records with librdkafka (the extra `fast`), several times as fast."),
]


class RuntimeName(StrEnum):
    """What runs the actors."""

    PYKKA = "pykka"
    RAY = "ray"


class RouterName(StrEnum):
    """How the work is dealt out."""

    ROUND_ROBIN = "round-robin"
    SMALLEST_MAILBOX = "smallest-mailbox"
    BY_KEY = "by-key"


class StoreName(StrEnum):
    """The kinds of store; as the server knows them, without its imports."""

    MEMORY = "memory"
    STANDARD = "standard"
    CUSTOM = "custom"


class DistributionName(StrEnum):
    """How models reach the tasks; as the server knows them, without its imports."""

    GLOBAL = "global"
    CO_PARTITIONED = "co-partitioned"


@serve_app.command()
@with_options(ServeOptions)
def stage(said: ServeOptions, fast: Fast = False) -> None:
    """Serve models with the custom stage. Ctrl-C ends it."""
    from modelserving.stage import StageServer

    launch_models("stage", said, lambda connection, options: StageServer(connection, replace(options, fast=fast)))


@serve_app.command()
@with_options(ServeOptions)
def actor(
    said: ServeOptions,
    runtime: Annotated[
        RuntimeName, typer.Option(help="What runs the actors: threads (pykka), or processes (ray, an extra).")
    ] = RuntimeName.PYKKA,
    ray_address: Annotated[
        str | None, typer.Option(help="A Ray cluster to join; none: Ray on this machine, for this server alone.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(help="Folder for what survives a restart; none: one under MODELSERVING_HOME.")
    ] = None,
    workers: Annotated[int, typer.Option(min=1, max=64, help="Actors for each data type.")] = 1,
    router: Annotated[RouterName, typer.Option(help="Which of several workers scores what.")] = RouterName.ROUND_ROBIN,
    fast: Fast = False,
) -> None:
    """Serve models with actors, one for each data type. Ctrl-C ends it."""
    from modelserving.actors import ActorServer, ServingSettings

    def make(connection: Connection, options: ServerOptions) -> ActorServer:
        folder = state or load_settings().home / "state" / quote(options.group, "") / quote(options.instance, "")
        serving = ServingSettings(folder.resolve(), workers=workers, router=router.value)
        return ActorServer(connection, replace(options, fast=fast), serving, partial(_start, runtime, ray_address))

    launch_models("actor", said, make)


@serve_app.command()
@with_options(ServeOptions, port=5600, max_records=1_000)
def streams(
    said: ServeOptions,
    store: Annotated[
        StoreName,
        typer.Option(
            help="Where the statistics are: in memory only; in RocksDB, with a changelog; or in a store of our own, "
            "with a changelog."
        ),
    ] = StoreName.CUSTOM,
    models: Annotated[
        DistributionName,
        typer.Option(
            help="How models reach the tasks: all models everywhere; or with the records of their data type, where "
            "all topics have the same number of partitions and are keyed by data type."
        ),
    ] = DistributionName.GLOBAL,
    exactly_once: Annotated[
        bool,
        typer.Option("--exactly-once/--at-least-once", help="Whether results, state and progress commit together."),
    ] = True,
    standbys: Annotated[int, typer.Option(min=0, help="How many other instances keep a copy of the state.")] = 0,
) -> None:
    """Serve models with Kafka Streams. Ctrl-C ends it."""
    from modelserving.streams_server import LocalState, ModelDistribution, StoreKind, StreamsOptions, StreamsServer
    from modelserving.web.queries import query_router

    def make(connection: Connection, options: ServerOptions) -> StreamsServer:
        folder = load_settings().home / "streams" / options.group / options.instance
        how = StoreKind(store.value), ModelDistribution(models.value)
        engine = StreamsOptions(folder, *how, exactly_once=exactly_once, standbys=standbys)
        return StreamsServer(connection, options, engine)

    def routers(server: Runnable) -> tuple[APIRouter, ...]:
        assert isinstance(server, StreamsServer)
        return (query_router(server, LocalState(server)),)

    launch_models("streams", said, make, routers)


def _start(name: RuntimeName, ray_address: str | None) -> Runtime:
    if name is RuntimeName.RAY:
        from modelserving.actors.runtime.ray import RayRuntime

        return RayRuntime(ray_address)
    from modelserving.actors import PykkaRuntime

    return PykkaRuntime()
