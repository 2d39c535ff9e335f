"""Score a file of records with a model from a file: the work behind ``modelserving score``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelserving.errors import RecordError
from modelserving.models.admin.loading import load_for_table
from modelserving.models.formats.inputs import to_batch
from modelserving.models.model import INPUTS, OUTPUT, OUTPUTS, Model, Scores
from modelserving.records import FEATURES, Column, RecordSchema
from modelserving.records.defaults import read_default_rows
from modelserving.records.schema_files import read_schema
from modelserving.records.tables import TYPED, has_header, read_table
from modelserving.registry import infer_schema

_BATCH = 1000


@dataclass(frozen=True, slots=True)
class ScoredRow:
    """The answer to one row of a file.

    Args:
        row: its number, counted from 0.
        prediction: a number, or the text of a label; ``None`` where the model has no answer.
        outputs: what else was asked for, in the order of their names; ``None`` for what has no value.
        problem: why there is no answer; empty if there is one.
    """

    row: int
    prediction: float | str | None
    outputs: tuple[float | str | None, ...] = ()
    problem: str = ""


@dataclass(frozen=True, slots=True)
class ScoredFile:
    """The answers to a file.

    Args:
        names: of the outputs beside the prediction.
        rows: the answers, as they are worked out.
        taken: the table's columns that were taken for a matrix whose columns nothing names; empty where all is named.
    """

    names: tuple[str, ...]
    rows: Iterator[ScoredRow]
    taken: tuple[str, ...] = ()


def score_table(
    model_path: Path,
    records_path: Path,
    model_type: str | None = None,
    every: int = 1,
    schema_path: Path | None = None,
    outputs: bool = False,
    output: str = "",
    inputs: str = "",
) -> ScoredFile:
    """Score records from a file.

    Args:
        model_path: a PMML document, an ONNX model, a frozen graph, or a SavedModel (its folder, or that folder as a
            zip archive).
        records_path: as ``read_table`` reads it; default records may come without a header, as
            ``read_default_rows`` reads them.
        model_type: ``pmml``, ``tensorflow``, ``tensorflow-saved`` or ``onnx``; guessed where ``None``.
        every: score each N-th row only, beginning with the first.
        schema_path: as ``read_schema`` reads it; without one, columns have the types that the model takes.
        outputs: whether the model's named outputs are wanted, too.
        output: the one that answers; empty for the predicted value.
        inputs: the columns of a model that takes one matrix and does not name them, in order, with commas.

    Raises:
        ModelError: the model cannot be read or built, or the records lack what it reads.
        RecordError: the records cannot be read, or ``every`` is less than 1.
    """
    if every < 1:
        raise RecordError(f"every {every}th row cannot be scored: give a whole number from 1 on.")
    said = {OUTPUTS: "*" if outputs else "", OUTPUT: output, INPUTS: inputs}
    parameters = {name: value for name, value in said.items() if value}
    schema = None if schema_path is None else read_schema(schema_path)

    def seen() -> Sequence[Column]:
        if schema is not None:
            return schema.columns
        if _is_bare(records_path):
            return tuple(Column(name) for name in FEATURES)
        return infer_schema(records_path, commas=True).columns

    model, taken = load_for_table(model_path, seen, model_type, parameters)
    return replace(score_batches(model, _batches(model, records_path, schema), every), taken=taken)


def score_batches(model: Model, batches: Iterator[Any], every: int = 1) -> ScoredFile:
    """Score record batches.

    Args:
        model: closed when all are scored.
        batches: each a ``pyarrow.RecordBatch``.
        every: score each N-th row only, beginning with the first.
    """
    scored = _score(model, batches, every)
    first = next(scored, None)
    if first is None:
        return ScoredFile((), iter(()))
    names, rows = first
    return ScoredFile(names, chain(rows, chain.from_iterable(later for _, later in scored)))


def format_prediction(value: float | str) -> str:
    """A prediction as people and programs read it: a label, ``5``, or as many digits as it takes for anything else."""
    if isinstance(value, str):
        return value
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(float(value))


def _batches(model: Model, path: Path, schema: RecordSchema | None) -> Iterator[Any]:
    """The file's records as column batches, with the types that the schema or else the model says."""
    if schema is None and _is_bare(path):
        rows = read_default_rows(path)
        while batch := [record for record, _ in islice(rows, _BATCH)]:
            yield to_batch(batch)
        return
    known = getattr(model, "columns", ()) if schema is None else schema.columns
    yield from read_table(path, known, _BATCH)


def _is_bare(path: Path) -> bool:
    """Whether it is a file of default records without a header."""
    return path.suffix.lower() not in TYPED and not has_header(path)


def _score(model: Model, batches: Iterator[Any], every: int) -> Iterator[tuple[tuple[str, ...], Iterator[ScoredRow]]]:
    """For each batch the names of its outputs and its rows."""
    try:
        start = 0
        for batch in batches:
            chosen = np.flatnonzero((np.arange(len(batch)) + start) % every == 0)
            if len(chosen):
                scores = model.score(batch if every == 1 else batch.take(pa.array(chosen)))
                yield tuple(_flat_names(scores)), _rows(scores, (chosen + start).tolist())
            start += len(batch)
    finally:
        model.close()


def _rows(scores: Scores, numbers: Sequence[int]) -> Iterator[ScoredRow]:
    columns = [column for array in scores.outputs.values() for column in _columns(array)]
    for row, number in enumerate(numbers):
        problem = scores.problems.get(row, "")
        outputs = tuple(_plain(column[row]) for column in columns)
        yield ScoredRow(number, None if problem else _prediction(scores, row), outputs, problem)


def _prediction(scores: Scores, row: int) -> float | str:
    """A label as it is written, unless it is a number that is written as one: ``5`` and ``5.0`` are the same."""
    value = float(scores.values[row])
    if scores.labels is None or (value.is_integer() and float(scores.labels[row]) == value):
        return value
    return str(scores.labels[row])


def _flat_names(scores: Scores) -> Iterator[str]:
    """A name for each column of the outputs; one of several columns has them numbered from 0."""
    for name, array in scores.outputs.items():
        columns = _columns(array)
        yield from [name] if array.ndim == 1 else [f"{name}_{number}" for number in range(len(columns))]


def _columns(array: NDArray[Any]) -> Sequence[NDArray[Any]]:
    return [array] if array.ndim == 1 else list(array.reshape(len(array), -1).T)


def _plain(value: Any) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    number = float(value)
    return None if math.isnan(number) else number
