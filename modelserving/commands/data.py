"""``modelserving data make | import``, ``modelserving models train`` and the other commands about models."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelserving.commands import models
from modelserving.records.defaults import DEFAULT_TYPE

data_app = typer.Typer(help="The workbook's own records, and yours.", no_args_is_help=True)
models_app = typer.Typer(
    help="The models in use: publish, list, roll back, shadow, retire; and train the workbook's own.",
    no_args_is_help=True,
)

DataFolder = Annotated[
    Path | None, typer.Option("--data", help="Folder to write to; none: the checkout's data folder.")
]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.add_typer(data_app, name="data")
    models.register(models_app)
    app.add_typer(models_app, name="models")


@data_app.command("make")
def make(data: DataFolder = None) -> None:
    """Draw the workbook's records again, from published statistics and fixed seeds: the same bytes each time."""
    from modelserving.config import data_folder
    from modelserving.datasets import make_datasets, make_hires

    make_datasets(data_folder(data), typer.echo)
    make_hires(data_folder(data), typer.echo)


@data_app.command("where")
def where() -> None:
    """Say where the workbook's records, schemas and models are: in the checkout, or where the package is installed."""
    from modelserving.config import data_folder

    typer.echo(data_folder())


@data_app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="The original UCI file, with or without header.")],
    target: Annotated[Path, typer.Argument(help="Where the checked copy goes.")] = Path(f"{DEFAULT_TYPE}_imported.csv"),
) -> None:
    """Check a file of the real records, line by line, and write it in the workbook's own form."""
    from modelserving.datasets import import_uci

    import_uci(file, target, typer.echo)


@models_app.command("train")
def train(data: DataFolder = None) -> None:
    """Train the workbook's models again and export them (needs `make setup-dev`)."""
    from modelserving.config import data_folder
    from modelserving.models.training import train_hires, train_models

    folder = data_folder(data)
    train_models(folder, folder / "models", typer.echo)
    train_hires(folder, folder / "models" / "hire", typer.echo)
