"""From a file of records and a model to a folder that is a service."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from modelserving.client import read_messages
from modelserving.errors import ConfigError, ModelInputError, RecordError
from modelserving.models.admin.loading import load_for_table
from modelserving.models.model import INPUTS, OUTPUT, OUTPUTS, Model
from modelserving.records import Column, ColumnType, RecordSchema, check_data_type
from modelserving.records.codecs.factory import make_codec
from modelserving.records.schema import match_names
from modelserving.records.schema_files import write_schema
from modelserving.records.tables import read_table
from modelserving.registry import define, infer_schema
from modelserving.service.check import write_answers
from modelserving.service.settings import SETTINGS, ServiceSettings
from modelserving.service.texts import TEST, readme, settings_text
from modelserving.system import write_atomically


@dataclass(frozen=True, slots=True)
class Ingredients:
    """What a service is made of.

    Args:
        records: a file with records.
        model: a file, or the folder of a SavedModel.
        name: of the service; the folder's by default.
        inputs: the columns of a model that takes one matrix and does not name them; found out where it is clear.
        output: the output that answers, where a model has several; empty for the predicted value.
        encoding: how its records travel.
        server: ``stage``, ``actor`` or ``streams``.
    """

    records: Path
    model: Path
    name: str = ""
    inputs: tuple[str, ...] = ()
    output: str = ""
    encoding: str = "json"
    server: str = "stage"


def make_service(folder: Path, made_of: Ingredients) -> ServiceSettings:
    """Write a service: schema, model, records, settings, a test and a README.

    The records' columns are those that the model reads, with the types that the file shows.

    Args:
        folder: where to; it is new, or empty.
        made_of: of what.

    Returns:
        What is in it.

    Raises:
        ConfigError: the folder has something in it, or its name can be no data type's.
        RecordError: the records cannot be read.
        ModelError: the model cannot be built, or wants what the records do not have.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise ConfigError(f"{folder} is there already, and not empty. Name a folder that is not.")
    name = check_data_type(made_of.name or re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name))
    seen = infer_schema(made_of.records, name, made_of.encoding, commas=True)
    parameters = {OUTPUTS: "*", **({OUTPUT: made_of.output} if made_of.output else {})}
    if made_of.inputs:
        parameters[INPUTS] = ",".join(made_of.inputs)
    model, taken = load_for_table(made_of.model, lambda: seen.columns, parameters=parameters)
    if taken:
        parameters[INPUTS] = ",".join(taken)
    try:
        schema = _choose(made_of, seen, model)
    finally:
        model.close()
    define(schema)  # its names can be written in its encoding
    settings = ServiceSettings(
        folder,
        name,
        folder / "schema.json",
        folder / f"model{made_of.model.suffix}",
        folder / f"records{made_of.records.suffix}",
        f"{name}-records",
        made_of.server,
        parameters=parameters,
    )
    folder.mkdir(parents=True, exist_ok=True)
    (shutil.copytree if made_of.model.is_dir() else shutil.copyfile)(made_of.model, settings.model)
    shutil.copyfile(made_of.records, settings.records)
    write_atomically(settings.schema, write_schema(schema))
    write_atomically(folder / SETTINGS, settings_text(settings))
    write_answers(settings)
    write_atomically(folder / "test_service.py", TEST)
    write_atomically(folder / "README.md", readme(settings, schema, _first_record(settings, schema)))
    return settings


def _choose(made_of: Ingredients, seen: RecordSchema, model: Model) -> RecordSchema:
    """The columns that the model reads."""
    wanted = {column.name: column for column in getattr(model, "columns", ())}
    found, meant = {column.name: column for column in seen.columns}, match_names(model.inputs, seen.names)
    absent = [name for name in model.inputs if name not in meant]
    if absent:
        raise ModelInputError(
            f"the model reads {', '.join(map(repr, absent))}, which {made_of.records} does not have. It has: "
            f"{', '.join(seen.names)}. Rename the columns in its header, or take the model's own table."
        )
    numbers = [name for name in model.inputs if name in wanted and wanted[name].type.is_number]
    texts = [name for name in numbers if found[meant[name]].type is ColumnType.STRING]
    _check_numbers(made_of.records, [Column(meant[name], wanted[name].type) for name in texts])
    columns = tuple(_combine(found[meant[name]], wanted.get(name)) for name in model.inputs)
    return replace(seen, columns=columns)


def _check_numbers(records: Path, columns: Sequence[Column]) -> None:
    """Name the first cell that is no number, of columns that look like texts and have to be numbers."""
    for batch in read_table(records, columns) if columns else ():
        for column in columns:
            if batch.schema.field(column.name).type != column.type.arrow:  # Parquet, which has types of its own
                raise RecordError(
                    f"{records}, column {column.name!r}: its type is {batch.schema.field(column.name).type}, and the "
                    f"model takes a {column.type}. Write the file with numbers there."
                )


def _combine(seen: Column, wanted: Column | None) -> Column:
    """A column as it is in the file; a number as the model takes it, so that 7, 7.5 and 07 all are one."""
    if wanted is None:
        return seen
    as_wanted = wanted.type.is_number and (seen.type.is_number or seen.type is ColumnType.STRING)
    kind = wanted.type if as_wanted else seen.type
    kind = ColumnType.DOUBLE if kind is ColumnType.FLOAT else kind  # single precision is the model's own affair
    examples = tuple(map(float, seen.examples)) if seen.type is ColumnType.STRING and as_wanted else seen.examples
    return Column(seen.name, kind, seen.nullable or wanted.nullable, examples)


def _first_record(settings: ServiceSettings, schema: RecordSchema) -> dict[str, object]:
    first = next(read_messages(settings.records, schema))
    [row] = make_codec(schema).decode([first.value]).batch.to_pylist()
    return {name: value for name, value in row.items() if value is not None}
