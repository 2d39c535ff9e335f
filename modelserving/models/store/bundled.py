"""The models that come with the workbook: a folder with their files, and ``models.json``, which says what they are.

The order in ``models.json`` is the order in which the client publishes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType
from typing import TypeAlias

from modelserving.errors import FieldError, ModelFormatError, ModelRefused, SetupError
from modelserving.models.formats.files import suffix_of
from modelserving.records import FEATURES, Golden, ModelDescriptor, ModelType, WineRecord, check_data_type

__all__ = ["CATALOG", "model_file", "read_catalog", "write_catalog"]

CATALOG = "models.json"
"""Name of the file that lists the models of a folder."""

_MAKE_AGAIN = "Make the models again with `modelserving models train`, or restore the folder from the checkout."

Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


def read_catalog(folder: Path) -> tuple[ModelDescriptor, ...]:
    """Read all models of a folder, with their bytes.

    Args:
        folder: holds ``models.json`` and the files that it names.

    Returns:
        The models, in the order in which the client publishes them.

    Raises:
        SetupError: the folder, its ``models.json`` or a model's file is missing or cannot be read.
        ModelFormatError: ``models.json`` is not JSON, or an entry lacks something or has it in a wrong form.
        ModelRefused: a model's bytes are not those that ``models.json`` describes.
    """
    catalog = folder / CATALOG
    try:
        listed = json.loads(_read(catalog))
    except ValueError as error:
        raise ModelFormatError(f"{catalog} is not JSON: {error}. {_MAKE_AGAIN}") from error
    entries = listed.get("models") if isinstance(listed, dict) else None
    if not isinstance(entries, list):
        raise ModelFormatError(f'{catalog}: an object with a list "models" was expected. {_MAKE_AGAIN}')
    return tuple(_Entry(f"{catalog}, model {number}", entry).load(folder) for number, entry in enumerate(entries, 1))


def write_catalog(folder: Path, models: Iterable[ModelDescriptor]) -> None:
    """Write models so that ``read_catalog`` gives them back; equal models are equal bytes.

    Files of models that are no longer listed stay where they are.

    Args:
        folder: where to; made if it does not exist.
        models: in the order in which the client publishes them; each with its bytes.

    Raises:
        SetupError: a file cannot be written.
    """
    listed = tuple(models)
    text = json.dumps({"models": [_describe(model) for model in listed]}, indent=1, ensure_ascii=False)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for model in listed:
            (folder / model_file(model)).write_bytes(model.data)
        # The list is written last: whoever reads in between finds the old one, and its digests say what is wrong.
        (folder / CATALOG).write_bytes(f"{text}\n".encode())
    except OSError as error:
        raise SetupError(f"cannot write the models to {folder}: {error}.") from error


def model_file(model: ModelDescriptor) -> str:
    """The name of a model's file in its folder."""
    return model.name + suffix_of(model.type)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise SetupError(f"cannot read {path}: {error.strerror}. {_MAKE_AGAIN}") from error


def _describe(model: ModelDescriptor) -> dict[str, Json]:
    return {
        "name": model.name,
        "file": model_file(model),
        "type": model.type.slug,
        "data_type": model.data_type,
        "version": model.version,
        "description": model.description,
        "sha256": model.digest,
        "created_ms": model.created_ms,
        "parameters": dict(model.parameters),
        "metrics": dict(model.metrics),
        "tolerance": model.tolerance,
        "golden": [{"expected": golden.expected, "record": dict(golden.values)} for golden in model.golden],
    }


class _Entry:
    """One object of ``models.json``, read with complaints that say where."""

    def __init__(self, place: str, entry: Json) -> None:
        if not isinstance(entry, dict):
            raise ModelFormatError(f"{place}: an object was expected. {_MAKE_AGAIN}")
        self._place = place
        self._entry = entry

    def load(self, folder: Path) -> ModelDescriptor:
        """The model that is described, with its bytes."""
        data_type = self._data_type()
        return ModelDescriptor(
            name=self._text("name"),
            description=self._text("description"),
            data_type=data_type,
            type=self._type(),
            data=self._bytes(folder),
            version=self._text("version"),
            sha256=self._text("sha256"),
            created_ms=int(self._number("created_ms")),
            golden=tuple(golden.golden(data_type) for golden in self._golden()),
            tolerance=self._number("tolerance"),
            parameters=MappingProxyType({name: str(value) for name, value in self._object("parameters").items()}),
            metrics=MappingProxyType({name: self._finite(name, v) for name, v in self._object("metrics").items()}),
        )

    def golden(self, data_type: str) -> Golden:
        """The golden record that is described."""
        said, expected = self._object("record"), self._get("expected")
        answer = expected if isinstance(expected, str) else self._number("expected")
        if said and not set(said) & set(FEATURES):
            return Golden(MappingProxyType(dict(said)), answer)
        record = _Entry(f"{self._place}, record", said)
        values = {name: record._number(name) for name in FEATURES}
        return Golden(WineRecord(**values, data_type=data_type), answer)

    def _get(self, key: str) -> Json:
        if key not in self._entry:
            raise self._wrong(key, "is missing")
        return self._entry[key]

    def _text(self, key: str) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not value:
            raise self._wrong(key, f"is {value!r}; a text was expected")
        return value

    def _number(self, key: str) -> float:
        return self._finite(key, self._get(key))

    def _finite(self, key: str, value: Json) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) < float("inf"):
            raise self._wrong(key, f"is {value!r}; a finite number was expected")
        return float(value)

    def _object(self, key: str) -> dict[str, Json]:
        value = self._get(key)
        if not isinstance(value, dict):
            raise self._wrong(key, f"is {value!r}; an object was expected")
        return value

    def _golden(self) -> list[_Entry]:
        value = self._get("golden")
        if not isinstance(value, list):
            raise self._wrong("golden", f"is {value!r}; a list was expected")
        return [_Entry(f"{self._place}, golden record {number}", golden) for number, golden in enumerate(value, 1)]

    def _data_type(self) -> str:
        try:
            return check_data_type(self._text("data_type"))
        except FieldError as error:
            raise self._wrong("data_type", str(error).rstrip(".")) from error

    def _type(self) -> ModelType:
        slug = self._text("type")
        for kind in ModelType:
            if kind.slug == slug:
                return kind
        raise self._wrong("type", f"is {slug!r}; one of {', '.join(kind.slug for kind in ModelType)} was expected")

    def _bytes(self, folder: Path) -> bytes:
        name = self._text("file")
        if Path(name).name != name or "\\" in name:
            raise self._wrong("file", f"is {name!r}; the name of a file in the same folder was expected")
        data = _read(folder / name)
        if (digest := hashlib.sha256(data).hexdigest()) != self._text("sha256"):
            raise ModelRefused(
                f"{folder / name} is not the file that {CATALOG} describes: its SHA-256 is {digest[:12]}…, "
                f"{self._text('sha256')[:12]}… was expected. {_MAKE_AGAIN}"
            )
        return data

    def _wrong(self, key: str, what: str) -> ModelFormatError:
        return ModelFormatError(f"{self._place}: {key!r} {what}. {_MAKE_AGAIN}")
