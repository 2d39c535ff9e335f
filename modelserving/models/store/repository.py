"""The repository: a folder that keeps every model that was published or served, with what is known about it.

::

    catalog/income/tree-1-3f2a9c01d2e4.json     name, version, digest, metrics, parameters ..., for people to read
    bytes/9b0c...e1.pmml                      the model itself, named by its digest

Each file is written beside its place and then moved there, so that nobody ever reads half of one; and none is changed
afterwards, so that any number of servers and people may use one repository.
"""

from __future__ import annotations

import hashlib
import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from modelserving.errors import ModelFormatError, ModelRefused, SetupError
from modelserving.models.formats.files import suffix_of
from modelserving.models.info import fingerprint
from modelserving.models.lifecycle.order import ModelRef
from modelserving.models.store.codec import JsonEntry, read_descriptor, write_descriptor
from modelserving.records import ModelDescriptor
from modelserving.system import write_atomically

log = logging.getLogger(__name__)

_SHORT = 12


@dataclass(frozen=True, slots=True)
class KeptModel:
    """An entry of the catalog.

    Args:
        descriptor: what is known about the model; without its bytes, with their digest in ``sha256``.
        published_ms: when it was published first, milliseconds since 1970.
        file: where its bytes are.
    """

    descriptor: ModelDescriptor
    published_ms: int
    file: Path

    @property
    def digest(self) -> str:
        """SHA-256 of its bytes, hexadecimal."""
        return self.descriptor.sha256

    @property
    def fingerprint(self) -> str:
        """What tells it from others, as for the message that it came in."""
        return fingerprint(replace(self.descriptor, location=""))


class ModelRepository:
    """Models in a folder.

    Args:
        folder: made when the first model is kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def save(self, descriptor: ModelDescriptor, published_ms: int) -> KeptModel:
        """Keep a model; one that is kept already stays as it is.

        Args:
            descriptor: with its bytes.
            published_ms: when it was published, milliseconds since 1970.

        Raises:
            SetupError: the folder cannot be written.
        """
        kept = self._entry(descriptor, published_ms)
        target = self._catalog(kept.descriptor)
        try:
            _write_new(kept.file, descriptor.data)
            _write_new(target, json.dumps(_describe(kept), indent=1, ensure_ascii=False).encode() + b"\n")
        except OSError as error:
            raise SetupError(f"cannot keep model {descriptor.name!r} in {self.folder}: {error}.") from error
        return kept

    def keep(self, descriptor: ModelDescriptor, published_ms: int) -> None:
        """Keep a model if that is possible; a full disk is no reason for a server not to serve it."""
        try:
            self.save(descriptor, published_ms)
        except SetupError as error:
            log.warning("%s", error)

    def entries(self, data_type: str | None = None) -> tuple[KeptModel, ...]:
        """What is kept, oldest first.

        Args:
            data_type: of these records only; ``None``: of all.
        """
        found = [kept for path in self._files(data_type) if (kept := self._read(path)) is not None]
        return tuple(sorted(found, key=lambda kept: (kept.published_ms, kept.descriptor.name)))

    def load(self, data_type: str, ref: ModelRef) -> ModelDescriptor | None:
        """A model with its bytes; ``None`` if it is not kept.

        Raises:
            ModelRefused: its bytes have been changed since.
            SetupError: they cannot be read.
        """
        found = [kept for kept in self.entries(data_type) if kept.fingerprint == ref.fingerprint]
        return self.read(found[-1]) if found else None

    def find(self, data_type: str, digest: str, by_ms: int) -> ModelRef | None:
        """The model with a digest, if it was published by then; of several, the newest. What ``History`` asks for."""
        found = [kept for kept in self.entries(data_type) if kept.digest == digest and kept.published_ms <= by_ms]
        return ModelRef(found[-1].fingerprint, digest) if found else None

    def read(self, kept: KeptModel) -> ModelDescriptor:
        """A model with its bytes.

        Raises:
            ModelRefused: its bytes have been changed since.
            SetupError: they cannot be read.
        """
        try:
            data = kept.file.read_bytes()
        except OSError as error:
            raise SetupError(f"cannot read model {kept.descriptor.name!r}: {error}.") from error
        if hashlib.sha256(data).hexdigest() != kept.digest:
            raise ModelRefused(f"{kept.file} was changed since it was kept. Publish the model again.")
        return replace(kept.descriptor, data=data)

    def match(self, prefix: str, data_type: str | None = None) -> tuple[KeptModel, ...]:
        """The models whose digest begins so."""
        return tuple(kept for kept in self.entries(data_type) if kept.digest.startswith(prefix.lower()))

    def _entry(self, descriptor: ModelDescriptor, published_ms: int) -> KeptModel:
        about = replace(descriptor, data=b"", location=None, sha256=descriptor.digest, shadow_percent=0.0)
        return KeptModel(about, published_ms, self._bytes(about))

    def _bytes(self, about: ModelDescriptor) -> Path:
        return self.folder / "bytes" / (about.sha256 + suffix_of(about.type))

    def _catalog(self, about: ModelDescriptor) -> Path:
        told = re.sub(r"[^A-Za-z0-9._]+", "-", f"{about.name}-{about.version}")[:80].strip("-.")
        mark = fingerprint(replace(about, location=""))[:_SHORT]
        return self.folder / "catalog" / about.data_type / f"{told}-{mark}.json"

    def _files(self, data_type: str | None) -> Iterator[Path]:
        yield from sorted((self.folder / "catalog").glob(f"{data_type or '*'}/*.json"))

    def _read(self, path: Path) -> KeptModel | None:
        """An entry; somebody else's file in the folder is passed over, and said."""
        try:
            entry = JsonEntry(str(path), json.loads(path.read_text(encoding="utf-8")))
            about, published_ms = read_descriptor(entry), int(entry.number("published_ms"))
        except (OSError, ValueError, ModelFormatError) as error:
            log.warning("%s is no entry of a model repository: %r", path, error)
            return None
        return KeptModel(about, published_ms, self._bytes(about))


def _write_new(target: Path, data: bytes) -> None:
    """Write a file that is never half there; leave one that exists."""
    if not target.exists():
        write_atomically(target, data, durable=True)


def _describe(kept: KeptModel) -> dict[str, Any]:
    where = {"file": f"../../bytes/{kept.file.name}", "published_ms": kept.published_ms}
    return {"name": kept.descriptor.name, **where, **write_descriptor(kept.descriptor)}
