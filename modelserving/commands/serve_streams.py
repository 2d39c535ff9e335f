"""``modelserving serve streams``."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from modelserving.commands.serving import (
    AnnounceTo,
    Group,
    Host,
    Instance,
    MaxRecords,
    ModelHost,
    ModelRoot,
    Place,
    Port,
    Prefix,
    Preload,
    Trial,
    UntilStdinCloses,
    run_server,
)
from modelserving.config import load_settings

if TYPE_CHECKING:
    from fastapi import APIRouter

    from modelserving.web import Runnable

__all__ = ["streams"]


class Store(StrEnum):
    """The kinds of store; as the server knows them, without its imports."""

    memory = "memory"
    standard = "standard"
    custom = "custom"


class Way(StrEnum):
    """How models reach the tasks; as the server knows them, without its imports."""

    everywhere = "global"
    co_partitioned = "co-partitioned"


StoreOption = Annotated[
    Store,
    typer.Option(
        help="Where the statistics are: in memory only; in RocksDB, with a changelog; or in a store of our own, "
        "with a changelog."
    ),
]
Models = Annotated[
    Way,
    typer.Option(
        help="How models reach the tasks: all models everywhere; or with the records of their data type, where all "
        "topics have the same number of partitions and are keyed by data type."
    ),
]
ExactlyOnce = Annotated[
    bool, typer.Option("--exactly-once/--at-least-once", help="Whether results, state and progress commit together.")
]
Standbys = Annotated[int, typer.Option(min=0, help="How many other instances keep a copy of the state.")]


def streams(
    store: StoreOption = Store.custom,
    host: Host = "127.0.0.1",
    port: Port = 8888,
    prefix: Prefix = "",
    group: Group = "",
    instance: Instance = "",
    models: Models = Way.everywhere,
    exactly_once: ExactlyOnce = True,
    standbys: Standbys = 0,
    max_records: MaxRecords = 1_000,
    preload: Preload = True,
    model_root: ModelRoot = None,
    model_host: ModelHost = None,
    trial: Trial = False,
    announce_to: AnnounceTo = None,
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Serve models with Kafka Streams. Ctrl-C ends it."""
    from modelserving.streams_server import LocalState, ModelDistribution, StoreKind, StreamsOptions, StreamsServer
    from modelserving.web.queries import query_router

    def make(place: Place) -> StreamsServer:
        folder = load_settings().home / "streams" / place.group / place.instance
        options = StreamsOptions(
            folder,
            place.topics,
            place.group,
            place.instance,
            place.url,
            StoreKind(store.value),
            ModelDistribution(models.value),
            exactly_once=exactly_once,
            standbys=standbys,
            max_records=max_records,
            preload=preload,
            repository=place.repository,
            references=place.references,
            build=place.build,
        )
        return StreamsServer(place.connection, options)

    def routers(server: Runnable) -> tuple[APIRouter, ...]:
        assert isinstance(server, StreamsServer)
        return (query_router(server, LocalState(server)),)

    run_server(
        make,
        kind="streams",
        host=host,
        port=port,
        prefix=prefix,
        group=group,
        instance=instance,
        announce_to=announce_to,
        until_stdin_closes=until_stdin_closes,
        model_root=model_root,
        model_host=model_host,
        trial=trial,
        routers=routers,
    )
