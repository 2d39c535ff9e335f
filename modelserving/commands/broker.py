"""``modelserving broker start | stop | status | logs``."""

from __future__ import annotations

from typing import Annotated

import typer

from modelserving.commands.console import make_console

broker = typer.Typer(help="The embedded Kafka broker of this checkout.", no_args_is_help=True)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(broker, name="broker")


@broker.command()
def start() -> None:
    """Start the broker, and let it run until `modelserving broker stop`. A broker that runs is left alone."""
    from modelserving.broker import start_detached

    found = start_detached()
    make_console().print(f"The broker answers at {found.bootstrap_servers} (process {found.pid}).")


@broker.command()
def stop() -> None:
    """Stop the broker. What is on the topics stays on disk."""
    from modelserving.broker import stop as stop_broker

    stopped = stop_broker()
    make_console().print("The broker has stopped." if stopped else "No broker was running.")


@broker.command()
def status() -> None:
    """Say whether the broker runs; the exit status is 0 if it does, 3 if not."""
    from modelserving.broker import status as find_status

    console = make_console()
    found = find_status()
    if found is None:
        console.print("No broker is running. Start it with `modelserving broker start`.")
        raise typer.Exit(3)
    console.print(f"Kafka {found.version} answers at {found.bootstrap_servers} (process {found.pid}).")
    stay = "stays until `modelserving broker stop`" if found.detached else "ends with the last of them"
    console.print(f"Since {found.since.astimezone():%Y-%m-%d %H:%M:%S}; used by {found.leases}; {stay}.")
    console.print(f"Data: {found.data_folder}\nLog:  {found.log}")


@broker.command()
def logs(lines: Annotated[int, typer.Option(min=1, help="How many of the last lines.")] = 40) -> None:
    """Show the end of the broker's log."""
    from modelserving.broker import read_log

    for line in read_log(lines):
        typer.echo(line)
