"""Score a file of records with a model from a file: the work behind ``modelserving score``."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelserving.errors import ModelFormatError, RecordError
from modelserving.models.formats import factory
from modelserving.models.formats.archive import pack
from modelserving.models.formats.files import guess
from modelserving.models.formats.inputs import to_batch
from modelserving.models.model import INPUTS, NO_PARAMETERS, OUTPUT, OUTPUTS, Model, Scores
from modelserving.records import ModelType, RecordSchema
from modelserving.records.defaults import read_default_rows
from modelserving.records.schema_files import read_schema
from modelserving.records.tables import TYPED, has_header, read_table

_BATCH = 1000
_KERAS = {".keras", ".h5", ".hdf5"}


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
    """

    names: tuple[str, ...]
    rows: Iterator[ScoredRow]


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
    model = load_model(model_path, model_type, parameters)
    return score_batches(model, _batches(model, records_path, schema), every)


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


def load_model(path: Path, model_type: str | None = None, parameters: Mapping[str, str] = NO_PARAMETERS) -> Model:
    """Build a model of a file or a folder.

    Args:
        path: as in ``score_table``.
        model_type: as in ``score_table``.
        parameters: of a descriptor.

    Raises:
        ModelError: it cannot be read or built.
    """
    return factory.restore(*read_model(path, model_type), parameters)


def read_model(path: Path, model_type: str | None = None) -> tuple[ModelType, bytes]:
    """The format and the bytes of a model's file or folder.

    Args:
        path: as in ``score_table``.
        model_type: as in ``score_table``.

    Raises:
        ModelFormatError: it cannot be read.
    """
    found = guess_type(path) if model_type is None else _find_type(model_type)
    return found, _read(path, found)


def guess_type(path: Path) -> ModelType:
    """What kind of model a file or folder is, by how it begins, and else by the ending of its name.

    Raises:
        ModelFormatError: neither says.
    """
    if path.is_dir():
        return ModelType.TENSORFLOWSAVED
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except OSError as error:
        raise ModelFormatError(f"cannot read the model {path}: {error.strerror or error}.") from error
    if path.suffix.lower() in _KERAS:
        raise ModelFormatError(
            f"{path} is Keras's own format, which can hold any Python. Write a SavedModel with `model.export(folder)` "
            "and name that folder."
        )
    found = guess(head, path.suffix)
    if found is None:
        raise ModelFormatError(f"what kind of model is {path}? Say so with --type: {_known_types()}.")
    return found


def _batches(model: Model, path: Path, schema: RecordSchema | None) -> Iterator[Any]:
    """The file's records as column batches, with the types that the schema or else the model says."""
    if schema is None and path.suffix.lower() not in TYPED and not has_header(path):
        rows = read_default_rows(path)
        while batch := [record for record, _ in islice(rows, _BATCH)]:
            yield to_batch(batch)
        return
    known = getattr(model, "columns", ()) if schema is None else schema.columns
    yield from read_table(path, known, _BATCH)


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


def _read(path: Path, model_type: ModelType) -> bytes:
    if model_type is ModelType.TENSORFLOWSAVED:
        if path.is_dir():
            return pack(path)
        if path.name == "saved_model.pb":
            return pack(path.parent)
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelFormatError(f"cannot read the model {path}: {error.strerror or error}.") from error


def _find_type(name: str) -> ModelType:
    for known in factory.FACTORIES:
        if known.slug == name.strip().lower():
            return known
    raise ModelFormatError(f"there is no model type {name!r}. Known: {_known_types()}.")


def _known_types() -> str:
    return ", ".join(known.slug for known in factory.FACTORIES)
