"""What a serving actor knows, on disk: written so that neither a power cut nor a newer version can spoil it.

::

    <folder>/<type>-<hash>/state         one line that says what it is, then JSON: slots, counts, statistics
    <folder>/<type>-<hash>/<digest>.model  the bytes of each model in use, written once

The models are kept apart from the rest, so that saving the statistics costs some hundred bytes, not the size of a
model. Each file is written beside its place, made durable, and renamed: a reader finds the old one or the new one,
never half of one. What cannot be used is set aside under another name, never deleted.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

from modelserving.actors.state.transfer import PackedModel
from modelserving.errors import ModelFormatError, StateError
from modelserving.models.info import Slots
from modelserving.models.store.codec import JsonEntry, read_info, write_info
from modelserving.records import check_data_type
from modelserving.system.files import free_name, write_atomically

log = logging.getLogger(__name__)

VERSION = 1
_TITLE = "modelserving actor state"
_STATE = "state"
_ASIDE = ".set-aside-"

_ReadModel: TypeAlias = Callable[[str], bytes | None]
"""The bytes of a model by its digest; ``None`` leaves its slot empty."""


@dataclass(frozen=True, slots=True)
class SavedState:
    """The models of one data type, as data.

    Args:
        data_type: whose.
        since_ms: since when the current one serves, milliseconds since 1970.
        swaps: how many models were put in its slot so far.
        slots: the models.
    """

    data_type: str
    since_ms: int = 0
    swaps: int = 0
    slots: Slots[PackedModel] = field(default_factory=Slots)


class StateFolder:
    """The state of one data type on disk.

    Args:
        root: folder for all data types of one server.
        data_type: whose state.
    """

    def __init__(self, root: Path, data_type: str) -> None:
        # Two data types may differ in nothing but the case of a letter, and a folder's name cannot.
        mark = hashlib.sha256(data_type.encode()).hexdigest()[:8]
        self.path = root / f"{check_data_type(data_type).lower()}-{mark}"
        self.data_type = data_type

    def save(self, state: SavedState) -> None:
        """Write the state; models that are there already are not written again.

        Raises:
            StateError: it cannot be written. What was there before is still there.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            for model in state.slots:
                target = self._model_file(model.info.digest)
                if not target.exists():
                    write_atomically(target, model.data, durable=True)
            write_atomically(self.path / _STATE, _encode(state), durable=True)
            self._tidy({model.info.digest for model in state.slots})
        except OSError as error:
            raise StateError(
                f"the state of data type {self.data_type!r} cannot be written to {self.path}: {error}. "
                "Make room there, or name another folder with --state."
            ) from error

    def load(self) -> SavedState | None:
        """Read the state; ``None`` if there is none, or none that can be used: that is set aside, with a warning.

        A model whose file cannot be used leaves its slot empty, and costs no other model its slot.
        """
        broken: list[str] = []
        try:
            found = self._read(partial(self._salvage, broken))
        except StateError as error:
            set_aside(self.path, str(error))
            return None
        if found is not None and broken:
            self._begin_anew(found)
        return found

    def peek(self) -> SavedState | None:
        """Read the state, and leave it as it is; ``None`` if there is none.

        Raises:
            StateError: it cannot be used.
        """
        return self._read(self._read_model)

    def set_model_aside(self, digest: str) -> None:
        """Rename the file of a model, so that it is not used, and not deleted when the model falls out."""
        file = self._model_file(digest)
        with suppress(OSError):  # it is gone, or the folder cannot be written; neither is a reason not to serve
            file.rename(free_name(file, _ASIDE))

    def _read(self, read_model: _ReadModel) -> SavedState | None:
        try:
            data = (self.path / _STATE).read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StateError(f"it cannot be read ({error})") from error
        return _decode(data, read_model)

    def _model_file(self, digest: str) -> Path:
        return self.path / f"{digest}.model"

    def _read_model(self, digest: str) -> bytes:
        try:
            data = self._model_file(digest).read_bytes()
        except OSError as error:
            raise StateError(f"the model {digest[:12]}… that it names cannot be read ({error})") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise StateError(f"the file of model {digest[:12]}… is damaged")
        return data

    def _salvage(self, broken: list[str], digest: str) -> bytes | None:
        """As ``_read_model``; a file that cannot be used is set aside, and its digest noted."""
        try:
            return self._read_model(digest)
        except StateError as error:
            log.warning("a model in the saved state of %s in %s is left out: %s.", self.data_type, self.path, error)
            self.set_model_aside(digest)
            broken.append(digest)
            return None

    def _begin_anew(self, rest: SavedState) -> None:
        """Write what is left; what was said about the models that are not, is kept beside it."""
        state = self.path / _STATE
        with suppress(OSError, StateError):  # the disk is full: then it is read as it is the next time
            write_atomically(free_name(state, _ASIDE), state.read_bytes(), durable=True)
            self.save(rest)

    def _tidy(self, in_use: set[str]) -> None:
        """Delete models that fell out, and drafts of a process that was killed."""
        for file in self.path.iterdir():
            if file.suffix == ".draft" or (file.suffix == ".model" and file.stem not in in_use):
                file.unlink()


def set_aside(folder: Path, reason: str) -> Path:
    """Rename the folder of a data type, so that nothing in it is used, and nothing is lost.

    Args:
        folder: which.
        reason: why, for the log.

    Returns:
        Where it is now: where it was, if it cannot be renamed.
    """
    aside = free_name(folder, _ASIDE)
    try:
        folder.rename(aside)
    except OSError as error:
        log.warning(
            "the saved state in %s is not used: %s. It cannot be moved away, either: %s.", folder, reason, error
        )
        return folder
    log.warning(
        "the saved state in %s is not used: %s. It is now in %s. What the models topic has, serves.",
        folder,
        reason,
        aside,
    )
    return aside


def find_saved(root: Path) -> tuple[str, ...]:
    """The data types of which something is saved, in alphabetical order. What cannot be used is set aside."""
    found: list[str] = []
    for file in sorted(root.glob(f"*/{_STATE}")) if root.is_dir() else ():
        if _ASIDE in file.parent.name:
            continue
        try:
            found.append(_decode(file.read_bytes(), lambda _: b"").data_type)
        except (OSError, StateError) as error:
            set_aside(file.parent, str(error))
    return tuple(sorted(found))


def _encode(state: SavedState) -> bytes:
    """Every value under its name: what is written under ``name`` cannot be read as ``description``."""
    body = json.dumps(
        {
            "data_type": state.data_type,
            "since_ms": state.since_ms,
            "swaps": state.swaps,
            "current": _describe(state.slots.current),
            "previous": _describe(state.slots.previous),
            "shadow": _describe(state.slots.shadow),
            "percent": state.slots.percent,
        },
        indent=1,
    ).encode()
    return f"{_TITLE}, version {VERSION}, sha256 {hashlib.sha256(body).hexdigest()}\n".encode() + body


def _describe(model: PackedModel | None) -> Mapping[str, object] | None:
    if model is None:
        return None
    return {
        **write_info(model.info),
        "parameters": dict(model.info.parameters),
        "statistics": model.statistics,
    }


def _decode(data: bytes, read_model: _ReadModel) -> SavedState:
    head, _, body = data.partition(b"\n")
    words = head.decode("utf-8", "replace").split(", ")
    if words[0] != _TITLE or len(words) != 3:
        raise StateError("it is no state of an actor")
    version = words[1].removeprefix("version ")
    if version != str(VERSION):
        raise StateError(f"it is of version {version}, and this program writes version {VERSION}")
    if words[2] != f"sha256 {hashlib.sha256(body).hexdigest()}":
        raise StateError("it is damaged: its checksum is another")
    try:
        found = json.loads(body)
        data_type = check_data_type(found["data_type"])
        current, previous, shadow = (
            _model(data_type, slot, found[slot], read_model) for slot in ("current", "previous", "shadow")
        )
        slots = Slots(current, previous, shadow, found["percent"] if shadow else 0.0)
        return SavedState(data_type, found["since_ms"], found["swaps"], slots)
    except ModelFormatError as error:
        raise StateError(f"it lacks something ({str(error).rstrip('.')})") from error
    except (KeyError, TypeError, ValueError) as error:
        raise StateError(f"it lacks something ({type(error).__name__}: {error})") from error


def _model(data_type: str, slot: str, found: Any, read_model: _ReadModel) -> PackedModel | None:
    if found is None:
        return None
    entry = JsonEntry(slot, found)
    who = read_info(entry, data_type)
    data = read_model(who.digest)
    return PackedModel(who, data, entry.text("statistics")) if data is not None else None
