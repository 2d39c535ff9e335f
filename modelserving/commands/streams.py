"""``modelserving streams reset``."""

from __future__ import annotations

from typing import Annotated

import typer

from modelserving.commands.console import make_console

_KINDS = ("streams", "monitor", "heating")
"""Folders that the servers of this package which run on Kafka Streams have their state in."""

streams = typer.Typer(help="Applications of Kafka Streams.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(streams, name="streams")


@streams.callback()
def about() -> None:
    """Applications of Kafka Streams."""


@streams.command()
def reset(
    application: Annotated[
        str, typer.Argument(help="Its id: the --group of its servers; of a monitor without one, PIPELINE-monitor.")
    ] = "modelserving-streams",
    from_beginning: Annotated[
        bool, typer.Option("--from-beginning", help="Forget its progress, too: all records are scored once more.")
    ] = False,
) -> None:
    """Delete an application's changelogs and local state, after a topic that it reads got partitions or was made anew.

    Its counts begin anew. Its progress stays, unless told otherwise: no record is answered twice.
    """
    from modelserving.broker import use_broker
    from modelserving.config import load_settings
    from modelserving.streams_server.reset import reset_application

    home = load_settings().home
    folders = [home / kind / application for kind in _KINDS]
    with use_broker() as connection:
        done = reset_application(connection, application, folders, from_beginning=from_beginning)
    console = make_console(soft_wrap=True)
    local = ", ".join(map(str, done.folders)) or "no local state"
    console.print(f"Deleted: {', '.join(done.topics) or 'no internal topic'}; {local}.")
    console.print("All records will be scored again." if done.progress else "It goes on where it was.")
