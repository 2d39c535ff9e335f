"""``modelserving registry install | start``: a real schema registry beside the broker."""

from __future__ import annotations

from typing import Annotated

import typer

from modelserving.commands.console import make_console
from modelserving.config import load_settings

registry = typer.Typer(
    help="A schema registry with Confluent's interface (Apicurio), on this machine.", no_args_is_help=True
)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(registry, name="registry")


@registry.command()
def install() -> None:
    """Bring the registry: 159 MB from Maven Central, taken only with its digest. A second run takes nothing."""
    from modelserving.registry.apicurio import install_registry

    install_registry(make_console().print)


@registry.command()
def start(
    port: Annotated[int, typer.Option(min=0, max=65535, help="Where it listens on this machine; 0 for any port.")] = 0,
    until_stdin_closes: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run the registry beside the broker until Ctrl-C. It is brought first, if it is not there; schemas stay."""
    from modelserving.broker import use_broker
    from modelserving.commands.stopping import stop_event
    from modelserving.registry.apicurio import install_registry, is_installed, run_registry

    console = make_console()
    if not is_installed():
        install_registry(console.print)
    with stop_event(until_stdin_closes) as stop, use_broker() as connection:
        console.print("The registry starts; that takes half a minute at most on an idle machine.")
        log = load_settings().home / "logs" / "registry.log"
        with run_registry(connection, port, log) as url:
            console.print(f"It answers at {url}. Its log: {log}", soft_wrap=True)
            console.print(f"For all commands: export SCHEMA_REGISTRY_URL={url}   Ctrl-C ends it.", soft_wrap=True)
            stop.wait()
    console.print("The registry has stopped; its schemas are on a topic of the broker.")
