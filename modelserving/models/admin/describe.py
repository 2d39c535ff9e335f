"""A descriptor for a model from a file: who it is, and the golden records that it is checked with."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Any

from modelserving.errors import ConfigError, ModelCheckError, ModelInputError, ModelServingError, RecordError
from modelserving.models.admin.loading import read_model
from modelserving.models.formats import factory
from modelserving.models.formats.inputs import find_columns
from modelserving.models.lifecycle.build import golden_batch
from modelserving.models.model import columns_of
from modelserving.models.store.bundled import CATALOG, model_file, read_catalog
from modelserving.records import (
    FEATURES,
    Column,
    Golden,
    ModelDescriptor,
    check_data_type,
)
from modelserving.records.defaults import DEFAULT_SCHEMA, DEFAULT_TYPE, DefaultRecord, read_default_rows
from modelserving.records.schema import spell
from modelserving.records.tables import TYPED, has_header, read_table


@dataclass(frozen=True, slots=True)
class About:
    """What is said about a model; what is empty is left as it is, or found out.

    Args:
        data_type: the records that it scores.
        name: what people call it.
        version: free text.
        description: one line.
        metrics: how good it is.
        parameters: how it was made.
    """

    data_type: str = ""
    name: str = ""
    version: str = ""
    description: str = ""
    metrics: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    parameters: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def apply(self, model: ModelDescriptor) -> ModelDescriptor:
        """The model, with what is said here instead of what was said of it."""
        return replace(
            model,
            data_type=check_data_type(self.data_type or model.data_type),
            name=self.name or model.name,
            version=self.version or model.version,
            description=self.description or model.description,
            metrics=MappingProxyType({**model.metrics, **self.metrics}),
            parameters=MappingProxyType({**model.parameters, **self.parameters}),
        )


def find_model(named: str, folder: Path, about: About, model_type: str | None = None) -> ModelDescriptor:
    """A model of the workbook by its name, golden records and all; or one in a file.

    Args:
        named: a name in the folder's ``models.json``, or a path.
        folder: the workbook's models.
        about: what is said about it.
        model_type: format of the file; ``None``: found out.

    Raises:
        ConfigError: there is neither a model nor a file of that name.
        ModelError: it cannot be read.
    """
    path = Path(named)
    return describe_file(path, about, model_type) if path.exists() else about.apply(_find_bundled(named, folder)[1])


def find_file(named: str, folder: Path) -> Path:
    """The file of a model of the workbook.

    Args:
        named: a name in the folder's ``models.json``.
        folder: the workbook's models.

    Raises:
        ConfigError: there is no model of that name.
    """
    folder, model = _find_bundled(named, folder)
    return folder / model_file(model)


def _find_bundled(name: str, folder: Path) -> tuple[Path, ModelDescriptor]:
    """A model by its name, and the folder that it is in: the named one, or one right below it."""
    folders = [catalog.parent for catalog in (folder / CATALOG, *sorted(folder.glob(f"*/{CATALOG}")))]
    listed = {
        model.name: (path, model) for path in folders if (path / CATALOG).is_file() for model in read_catalog(path)
    }
    if name not in listed:
        known = ", ".join(listed) or "none"
        raise ConfigError(f"there is no model and no file {name!r}. Models in {folder}: {known}.")
    return listed[name]


def describe_file(path: Path, about: About, model_type: str | None = None) -> ModelDescriptor:
    """A model in a file or a folder.

    Args:
        path: the file, or the folder of a SavedModel.
        about: what is said about it; the name is that of the file where none is given, the data type ``DEFAULT_TYPE``
            where the model reads nothing that such records do not have.
        model_type: its format; ``None``: found out.

    Raises:
        ConfigError: no data type is given, and the model reads other records than the default ones.
        ModelError: it cannot be read.
        FieldError: the data type is not allowed.
    """
    found, data = read_model(path, model_type)
    name = re.sub(r"\s+", "-", path.resolve().stem)
    made = int(path.stat().st_mtime * 1000)
    data_type = about.data_type or DEFAULT_TYPE
    model = about.apply(ModelDescriptor(name, "", data_type, found, data, version="1", created_ms=made))
    if not about.data_type:
        _check_default(path, model)
    return model


def _check_default(path: Path, model: ModelDescriptor) -> None:
    """Whether a model of which nobody said the data type reads the default records.

    One that cannot be built here is left to the servers, which say what is wrong with it.

    Raises:
        ConfigError: it reads other ones.
    """
    try:
        with closing(factory.create(model)) as built:
            find_columns(columns_of(built), DEFAULT_SCHEMA.to_arrow())
    except ModelInputError as error:
        raise ConfigError(
            f"whose records does {path} score? Not those of {DEFAULT_TYPE!r}: {error} Name them: --data-type NAME."
        ) from error
    except ModelServingError:
        return


def read_golden(model: ModelDescriptor, path: Path, tolerance: float = 0.0) -> ModelDescriptor:
    """The model with golden records from a file of records, whose last column is the right answer.

    Raises:
        RecordError: the file cannot be read, or has a row without an answer.
    """
    with closing(factory.create(replace(model, location=None, sha256=""))) as built:
        rows = list(_read_rows(path, model.data_type, columns_of(built)))
    golden = []
    for record, answer in rows:
        if answer is None:
            raise RecordError(f"{path}: a row has no answer in its last column; golden records need one.")
        golden.append(Golden(record, answer))
    return replace(model, golden=tuple(golden), tolerance=tolerance)


def answer_golden(model: ModelDescriptor, path: Path, count: int, tolerance: float = 0.0) -> ModelDescriptor:
    """The model with golden records from a file, and its own answers: servers then check that they get the same ones.

    Args:
        model: with its bytes.
        path: a file of records.
        count: how many of them.
        tolerance: how far an answer may be off; 0 means the default of the check.

    Raises:
        RecordError: the file cannot be read.
        ModelError: the model cannot be built, or does not answer.
    """
    with closing(factory.create(replace(model, location=None, sha256=""))) as built:
        rows = _read_rows(path, model.data_type, columns_of(built), answered=False)
        asked = [Golden(record, 0.0) for record, _ in islice(rows, count)]
        scores = built.score(golden_batch(asked, built))
    for row, reason in scores.problems.items():
        raise ModelCheckError(f"model {model.name!r} gives no answer for row {row} of {path}: {reason}.")
    golden = tuple(replace(one, expected=scores.answer(row)) for row, one in enumerate(asked))
    return replace(model, golden=golden, tolerance=tolerance)


def _read_rows(
    path: Path, data_type: str, columns: Sequence[Column], answered: bool = True
) -> Iterator[tuple[DefaultRecord | Mapping[str, Any], float | str | None]]:
    """Records, and what stands in their last column: default records in their order, or any table by its names."""
    if path.suffix.lower() not in TYPED and (not has_header(path) or _names_default(path)):
        yield from read_default_rows(path, data_type)
        return
    for batch in read_table(path, columns):
        *_, last = batch.schema.names
        for row in batch.to_pylist():
            answer = row.pop(last) if answered else None
            yield row, answer


def _names_default(path: Path) -> bool:
    first = next(iter(read_table(path, (), 1)), None)
    return first is not None and set(FEATURES) <= {spell(name) for name in first.schema.names}
