"""Schemas as files: our own JSON, which says all, or a ``.proto`` or Avro definition by itself."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from modelserving.errors import RecordError
from modelserving.records.codecs.factory import make_codec
from modelserving.records.schema import Column, ColumnType, RecordSchema
from modelserving.system.nesting import read_json

_DEFINITIONS = {".proto": "protobuf", ".desc": "protobuf", ".binpb": "protobuf", ".avsc": "avro"}
"""Endings of files that define a record in the words of its encoding."""
_KNOWN = ("name", "columns", "encoding", "subject", "definition", "message", "data_types", "data_type_from")


def read_schema(path: Path) -> RecordSchema:
    """Read a schema from a file.

    A ``.proto`` text, a ``FileDescriptorSet`` (``.desc``, ``.binpb``) or an Avro schema (``.avsc``) says what a record
    is; its models are those of the data type that the file is named after. Anything else is JSON::

        {"name": "income", "columns": [{"name": "age", "type": "double", "nullable": true}, ...],
         "encoding": "json", "data_types": ["income"], "data_type_from": "column kind", "definition": "income.proto"}

    of which ``name`` and ``columns``, or a ``definition`` in a file beside it, are enough. A column may have
    ``examples``: usual values, with which models are tried before they serve.

    Raises:
        RecordError: it cannot be read, or is none.
    """
    if path.suffix in _DEFINITIONS:
        return _defined(RecordSchema(path.stem, (), _DEFINITIONS[path.suffix], definition=_definition(path)))
    try:
        return _parse(path, read_json(_text(path)))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise RecordError(
            f'{path} is no schema: {error}. {{"name": "...", "columns": [{{"name": "...", "type": "..."}}]}} was '
            f"expected, with the types {', '.join(ColumnType)}."
        ) from error


def read_schemas(paths: Iterable[Path]) -> tuple[RecordSchema, ...]:
    """Read schemas from files, and from all files of folders.

    Raises:
        RecordError: one cannot be read, a folder has none, or two have one name.
    """
    files = [file for path in paths for file in (_files(path) if path.is_dir() else (path,))]
    schemas = tuple(read_schema(file) for file in files)
    names = [schema.name for schema in schemas]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise RecordError(f"two schemas have the name {twice[0]!r}.")
    return schemas


def write_schema(schema: RecordSchema) -> str:
    """The JSON of a schema, as ``read_schema`` takes it; a definition that is text is written as it is.

    Raises:
        RecordError: its definition is bytes, for which JSON has no place.
    """
    if isinstance(schema.definition, bytes):
        raise RecordError(f"schema {schema.name!r} is defined by a FileDescriptorSet, which has no place in JSON.")
    said: dict[str, Any] = {"name": schema.name, "encoding": schema.encoding}
    for name in ("subject", "definition", "message", "data_types", "data_type_from"):
        if value := getattr(schema, name):
            said[name] = list(value) if isinstance(value, tuple) else value
    said["columns"] = [
        {
            "name": column.name,
            "type": column.type.value,
            "nullable": column.nullable,
            **({"examples": list(column.examples)} if column.examples else {}),
        }
        for column in schema.columns
    ]
    return json.dumps(said, indent=2, ensure_ascii=False) + "\n"


def _files(folder: Path) -> list[Path]:
    found = sorted(file for file in folder.iterdir() if file.suffix in {".json", *_DEFINITIONS})
    # What a JSON file refers to is its own definition, and no schema beside it.
    named = {file.stem for file in found if file.suffix == ".json"}
    files = [file for file in found if file.suffix == ".json" or file.stem not in named]
    if not files:
        raise RecordError(f"there is no schema in {folder}: no file ends in .json, {', '.join(_DEFINITIONS)}.")
    return files


def _parse(path: Path, said: Mapping[str, Any]) -> RecordSchema:
    unknown = sorted(set(said) - set(_KNOWN))
    if unknown:
        raise ValueError(f"{unknown[0]!r} is unknown; it may say {', '.join(_KNOWN)}")
    definition = str(said.get("definition", ""))
    beside = path.with_name(definition) if definition and len(definition) < 200 and "{" not in definition else None
    schema = RecordSchema(
        str(said.get("name", path.stem)),
        tuple(
            Column(
                column["name"],
                ColumnType(column["type"]),
                bool(column.get("nullable", True)),
                tuple(column.get("examples", ())),
            )
            for column in said.get("columns", ())
        ),
        str(said.get("encoding") or (beside and _DEFINITIONS.get(beside.suffix)) or "protobuf"),
        str(said.get("subject", "")),
        _definition(beside) if beside else definition,
        str(said.get("message", "")),
        tuple(map(str, said.get("data_types", ()))),
    )
    if not schema.columns and not schema.definition:
        raise KeyError("columns")
    return replace(_defined(schema), data_type_from=str(said.get("data_type_from", "")))


def _defined(schema: RecordSchema) -> RecordSchema:
    """With the columns of its definition, where it does not name them."""
    return schema if schema.columns else replace(schema, columns=make_codec(schema).schema.columns)


def _definition(path: Path) -> str | bytes:
    if path.suffix not in {".desc", ".binpb"}:
        return _text(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise RecordError(f"cannot read the schema {path}: {error}.") from error


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"cannot read the schema {path}: {error}.") from error
