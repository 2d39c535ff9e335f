"""``modelserving serve actor``."""

from __future__ import annotations

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

import typer

from modelserving.commands.serving import (
    AnnounceTo,
    Fast,
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

if TYPE_CHECKING:
    from modelserving.actors import ActorServer, Runtime

__all__ = ["actor"]


class RuntimeName(StrEnum):
    """What runs the actors."""

    PYKKA = "pykka"
    RAY = "ray"


class RouterName(StrEnum):
    """How the work is dealt out."""

    ROUND_ROBIN = "round-robin"
    SMALLEST_MAILBOX = "smallest-mailbox"
    BY_KEY = "by-key"


def actor(
    host: Host = "127.0.0.1",
    port: Port = 5500,
    prefix: Prefix = "",
    group: Group = "",
    instance: Instance = "",
    max_records: MaxRecords = 10_000,
    preload: Preload = True,
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
    model_root: ModelRoot = None,
    model_host: ModelHost = None,
    trial: Trial = False,
    fast: Fast = False,
    announce_to: AnnounceTo = None,
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Serve models with actors, one for each data type. Ctrl-C ends it."""
    from modelserving.actors import ActorOptions, ActorServer, ServingSettings
    from modelserving.config import load_settings

    def make(place: Place) -> ActorServer:
        folder = state or load_settings().home / "state" / quote(place.group, "") / quote(place.instance, "")
        serving = ServingSettings(folder.resolve(), workers=workers, router=router.value)
        options = ActorOptions(
            serving,
            place.topics,
            place.group,
            place.instance,
            max_records,
            preload,
            place.repository,
            place.references,
            build=place.build,
            fast=fast,
        )
        return ActorServer(place.connection, options, partial(_start, runtime, ray_address))

    run_server(
        make,
        kind="actor",
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
    )


def _start(name: RuntimeName, ray_address: str | None) -> Runtime:
    if name is RuntimeName.RAY:
        from modelserving.actors.runtime.ray import RayRuntime

        return RayRuntime(ray_address)
    from modelserving.actors import PykkaRuntime

    return PykkaRuntime()
