"""Score a file of records with a model from a file: the work behind ``modelserving score``."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from modelserving.errors import ModelFormatError, RecordError, ScoringError
from modelserving.models.formats import factory
from modelserving.models.formats.archive import pack
from modelserving.models.formats.files import guess
from modelserving.models.model import Model
from modelserving.records import ModelType, WineRecord, read_wines

__all__ = ["format_prediction", "guess_type", "load_model", "read_model", "score_file"]

_BATCH = 1000
_KERAS = {".keras", ".h5", ".hdf5"}


def score_file(
    model_path: Path, records_path: Path, model_type: str | None = None, every: int = 1
) -> Iterator[tuple[int, float]]:
    """Score records from a CSV file.

    Args:
        model_path: a PMML document, an ONNX model, a frozen graph, or a SavedModel (its folder, or that folder as a
            zip archive).
        records_path: as ``read_wines`` reads it.
        model_type: ``pmml``, ``tensorflow``, ``tensorflow-saved`` or ``onnx``; guessed where ``None``.
        every: score each N-th row only, beginning with the first.

    Yields:
        The row's number in the file, counted from 0, and the prediction.

    Raises:
        ModelError: the model cannot be read, built, or does not score a row; the rows before it have been yielded.
        RecordError: the records cannot be read, or ``every`` is less than 1.
    """
    if every < 1:
        raise RecordError(f"every {every}th row cannot be scored: give a whole number from 1 on.")
    model = load_model(model_path, model_type)
    try:
        rows = ((row, wine) for row, (wine, _) in enumerate(read_wines(records_path)) if row % every == 0)
        while batch := list(islice(rows, _BATCH)):
            yield from _score_batch(model, batch)
    finally:
        model.close()


def format_prediction(value: float) -> str:
    """A prediction as people and programs read it: ``5`` for a label, as many digits as it takes for anything else."""
    return str(int(value)) if value.is_integer() and abs(value) < 2**53 else repr(float(value))


def load_model(path: Path, model_type: str | None = None) -> Model:
    """Build a model of a file or a folder.

    Args:
        path: as in ``score_file``.
        model_type: as in ``score_file``.

    Raises:
        ModelError: it cannot be read or built.
    """
    return factory.restore(*read_model(path, model_type))


def read_model(path: Path, model_type: str | None = None) -> tuple[ModelType, bytes]:
    """The format and the bytes of a model's file or folder.

    Args:
        path: as in ``score_file``.
        model_type: as in ``score_file``.

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


def _score_batch(model: Model, batch: list[tuple[int, WineRecord]]) -> Iterator[tuple[int, float]]:
    scores = model.score([wine for _, wine in batch])
    for index, (row, _) in enumerate(batch):
        if index in scores.problems:
            raise ScoringError(f"row {row} cannot be scored: {scores.problems[index]}.")
        yield row, float(scores.values[index])


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
