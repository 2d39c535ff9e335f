"""``modelserving demo``: the main job without a browser."""

from __future__ import annotations

import dataclasses
import json
from typing import Annotated

import typer

from modelserving.commands.console import make_console


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    records_every: Annotated[float, typer.Option(min=0, help="Milliseconds between two records.")] = 50,
    models_every: Annotated[float, typer.Option(help="Milliseconds between two models.")] = 5_000,
    max_records: Annotated[int | None, typer.Option(min=1, help="End after so many records.")] = None,
    faults: Annotated[float, typer.Option(min=0, max=1, help="Share of records broken on purpose.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="No live view; one JSON object as the last line.")] = False,
) -> None:
    """Broker, client and custom-stage server in one go, with a live view of scores. Ctrl-C ends it all."""
    import anyio

    from modelserving.broker import use_broker
    from modelserving.client import Rate, load_dataset
    from modelserving.config import data_folder
    from modelserving.demo import Demo, show_live, wait_quietly

    console = make_console(stderr=as_json)
    rate = Rate(records_every, models_every, max_records, faults)
    dataset = load_dataset(data_folder())
    console.print("Broker: starting …")
    with use_broker() as connection:
        console.print(f"Broker: {connection.bootstrap_servers}")
        console.print("Server: starting; TensorFlow and Java take a few seconds …")
        watch = wait_quietly if as_json else show_live
        summary = anyio.run(Demo(connection, dataset, rate).run, watch)
    if as_json:
        typer.echo(json.dumps(dataclasses.asdict(summary)))
    else:
        console.print(summary.describe())
