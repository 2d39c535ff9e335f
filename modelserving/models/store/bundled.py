"""The models that come with the workbook: a folder with their files, and ``models.json``, which says what they are.

The order in ``models.json`` is the order in which the client publishes them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from modelserving.errors import ModelFormatError, ModelRefused, SetupError
from modelserving.models.formats.files import suffix_of
from modelserving.models.store.codec import JsonEntry, read_descriptor, write_descriptor
from modelserving.records import ModelDescriptor

CATALOG = "models.json"
"""Name of the file that lists the models of a folder."""

_MAKE_AGAIN = "Make the models again with `modelserving models train`, or restore the folder from the checkout."


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
    return tuple(
        _load(JsonEntry(f"{catalog}, model {number}", entry, _MAKE_AGAIN, finite=True), folder)
        for number, entry in enumerate(entries, 1)
    )


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
    entries = [{"name": model.name, "file": model_file(model), **write_descriptor(model)} for model in listed]
    text = json.dumps({"models": entries}, indent=1, ensure_ascii=False)
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


def _load(entry: JsonEntry, folder: Path) -> ModelDescriptor:
    """The model that is described, with its bytes."""
    for key in ("name", "version", "description", "sha256"):
        entry.text(key, filled=True)
    about = read_descriptor(entry)
    return replace(about, data=_read_model(entry, folder, about.sha256))


def _read_model(entry: JsonEntry, folder: Path, sha256: str) -> bytes:
    name = entry.text("file", filled=True)
    if Path(name).name != name or "\\" in name:
        raise entry.wrong("file", f"is {name!r}; the name of a file in the same folder was expected")
    data = _read(folder / name)
    if (digest := hashlib.sha256(data).hexdigest()) != sha256:
        raise ModelRefused(
            f"{folder / name} is not the file that {CATALOG} describes: its SHA-256 is {digest[:12]}…, "
            f"{sha256[:12]}… was expected. {_MAKE_AGAIN}"
        )
    return data
