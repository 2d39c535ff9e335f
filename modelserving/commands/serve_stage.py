"""``modelserving serve stage``."""

from __future__ import annotations

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

__all__ = ["stage"]


def stage(
    host: Host = "127.0.0.1",
    port: Port = 5500,
    prefix: Prefix = "",
    group: Group = "",
    instance: Instance = "",
    max_records: MaxRecords = 10_000,
    preload: Preload = True,
    model_root: ModelRoot = None,
    model_host: ModelHost = None,
    trial: Trial = False,
    fast: Fast = False,
    announce_to: AnnounceTo = None,
    until_stdin_closes: UntilStdinCloses = False,
) -> None:
    """Serve models with the custom stage. Ctrl-C ends it."""
    from modelserving.stage import StageOptions, StageServer

    def make(place: Place) -> StageServer:
        options = StageOptions(
            place.topics,
            place.group,
            place.instance,
            max_records,
            preload,
            place.repository,
            place.references,
            place.build,
            fast,
        )
        return StageServer(place.connection, options)

    run_server(
        make,
        kind="stage",
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
