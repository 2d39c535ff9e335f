"""A model from its file or folder, for the records of a table where that has to say what its columns are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from modelserving.errors import ModelFormatError, UnnamedColumns
from modelserving.models.formats import factory
from modelserving.models.formats.archive import pack
from modelserving.models.formats.files import guess
from modelserving.models.model import INPUTS, NO_PARAMETERS, Model
from modelserving.records import Column, ModelType
from modelserving.records.schema import match_names

_KERAS = {".keras", ".h5", ".hdf5"}


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


def load_for_table(
    path: Path,
    seen: Callable[[], Sequence[Column]],
    model_type: str | None = None,
    parameters: Mapping[str, str] = NO_PARAMETERS,
) -> tuple[Model, tuple[str, ...]]:
    """Build a model for the records of a table.

    A matrix whose columns neither the model nor ``parameters`` name is the table's columns of numbers, in their order,
    if it has just as many.

    Args:
        path: the model's, as in ``score_table``.
        seen: what the table's columns are; it is asked only where the model does not name its own.
        model_type: as in ``score_table``.
        parameters: of a descriptor.

    Returns:
        The model, and the columns that were taken for its own; none where it names them.

    Raises:
        UnnamedColumns: the table has more or fewer columns of numbers.
        ModelError: it cannot be built.
    """
    try:
        model = load_model(path, model_type, parameters)
    except UnnamedColumns as error:
        taken = _numbers(seen(), error.width)
    else:
        if INPUTS in parameters or not getattr(model, "columns_guessed", False):
            return model, ()
        columns = seen()
        if match_names(model.inputs, (column.name for column in columns)):
            return model, ()
        width = len(model.inputs)
        model.close()
        taken = _numbers(columns, width)
    return load_model(path, model_type, {**parameters, INPUTS: ",".join(taken)}), taken


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


def _numbers(columns: Sequence[Column], width: int) -> tuple[str, ...]:
    """The columns of numbers, if there are just so many, and their names can be listed."""
    numbers = tuple(column.name for column in columns if column.type.is_number)
    if len(numbers) == width and not any("," in name for name in numbers):
        return numbers
    raise UnnamedColumns(
        f"the model takes a matrix of {width} columns and does not name them, and the records have {len(numbers)} "
        f"columns of numbers ({', '.join(numbers)}). Name them, in order: --inputs a,b,c.",
        width,
    )


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
