"""``modelserving score``: a model and a file of records, with no broker between them."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Annotated

import typer

from modelserving.config import data_folder


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
    records: Annotated[
        Path,
        typer.Argument(help="CSV with a header, JSON lines or Parquet; the workbook's also without a header."),
    ],
    model_type: Annotated[
        str | None,
        typer.Option(
            "--type", help="pmml, tensorflow, tensorflow-saved, onnx or remote; none: found out from the file."
        ),
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Score every so manyth row.")] = 1,
    data: Annotated[Path | None, typer.Option(help="Folder with the workbook's models; none: the checkout's.")] = None,
    schema: Annotated[
        Path | None, typer.Option(help="A file with the columns' types; none: the model says which it takes.")
    ] = None,
    outputs: Annotated[bool, typer.Option("--outputs", help="A header, and the model's named outputs, too.")] = False,
    output: Annotated[str, typer.Option(help="The output that answers, by name; none: the predicted value.")] = "",
    inputs: Annotated[
        str, typer.Option(help="The columns of a model that takes one matrix, in order, with commas; none: its own.")
    ] = "",
) -> None:
    """Score a file of records: a line `row,prediction` for each, rows counted from 0.

    Columns are found by name. An empty cell or NA is missing. A row that the model has no answer for has an empty
    prediction, and a line on the error stream that says why; the command then ends with status 1.
    """
    from modelserving.models.admin.describe import find_file
    from modelserving.models.admin.score import score_table

    path = Path(model) if Path(model).exists() else find_file(model, data_folder(data) / "models")
    scored = score_table(path, records, model_type, every, schema, outputs, output, inputs)
    if scored.taken:
        typer.echo(
            f"The model does not name the {len(scored.taken)} columns that it takes: the {len(scored.taken)} columns "
            "of numbers were taken, in their order. --inputs a,b,c names others.",
            err=True,
        )
    if outputs:
        typer.echo(_line("row", "prediction", *scored.names))
    unanswered = 0
    for row in scored.rows:
        typer.echo(_line(str(row.row), *map(_cell, (row.prediction, *row.outputs))))
        if row.problem:
            unanswered += 1
            typer.echo(f"row {row.row} cannot be scored: {row.problem}.", err=True)
    if unanswered:
        raise typer.Exit(1)


def _cell(value: float | str | None) -> str:
    from modelserving.models.admin.score import format_prediction

    return "" if value is None else format_prediction(value)


def _line(*cells: str) -> str:
    """A line of CSV, without its end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()
