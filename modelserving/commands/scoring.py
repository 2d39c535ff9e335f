"""``modelserving score``: a model and a file of records, with no broker between them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(score)


def score(
    model: Annotated[Path, typer.Argument(help="A PMML file, a frozen graph, a SavedModel's folder or archive.")],
    records: Annotated[Path, typer.Argument(help="A CSV file of wine records, with or without header.")],
    model_type: Annotated[
        str | None, typer.Option("--type", help="pmml, tensorflow or tensorflow-saved; none: found out from the file.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Score every so manyth row.")] = 1,
) -> None:
    """Score a file of records: a line `row,prediction` for each, rows counted from 0."""
    from modelserving.models.admin.score import format_prediction, score_file

    for row, prediction in score_file(model, records, model_type, every):
        typer.echo(f"{row},{format_prediction(prediction)}")
