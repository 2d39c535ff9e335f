"""``modelserving score``: a model and a file of records, with no broker between them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from modelserving.config import data_folder

__all__ = ["register"]


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(score)


def score(
    model: Annotated[
        str,
        typer.Argument(
            help="A model of the workbook by its name; or a file: PMML, ONNX, a frozen graph, or a SavedModel's folder "
            "or archive."
        ),
    ],
    records: Annotated[Path, typer.Argument(help="A CSV file of wine records, with or without header.")],
    model_type: Annotated[
        str | None,
        typer.Option("--type", help="pmml, tensorflow, tensorflow-saved or onnx; none: found out from the file."),
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Score every so manyth row.")] = 1,
    data: Annotated[Path | None, typer.Option(help="Folder with the workbook's models; none: the checkout's.")] = None,
) -> None:
    """Score a file of records: a line `row,prediction` for each, rows counted from 0."""
    from modelserving.models.admin.describe import find_file
    from modelserving.models.admin.score import format_prediction, score_file

    path = Path(model) if Path(model).exists() else find_file(model, data_folder(data) / "models")
    for row, prediction in score_file(path, records, model_type, every):
        typer.echo(f"{row},{format_prediction(prediction)}")
