"""What is known about a model, as JSON and back: one form in the catalog, the repository, actors' state and over HTTP.

::

    ModelInfo         name, description, type, version, digest                 over HTTP, in actors' state
    ModelDescriptor   the same, and data type, parameters, metrics, golden ...  in the catalog and the repository

Never a model's bytes: those lie beside it, named by their digest.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from modelserving.errors import FieldError, ModelFormatError
from modelserving.models.info import ModelInfo
from modelserving.records import FEATURES, Golden, ModelDescriptor, ModelType, check_data_type, check_digest
from modelserving.records.defaults import DefaultRecord

T = TypeVar("T")


def write_info(info: ModelInfo) -> dict[str, str]:
    """Who a model is, without its data type and its parameters, which are told where they are wanted."""
    return {
        "name": info.name,
        "description": info.description,
        "type": info.type.slug,
        "version": info.version,
        "digest": info.digest,
    }


def read_info(entry: JsonEntry, data_type: str) -> ModelInfo:
    """What ``write_info`` wrote, of a model of this data type; parameters where there are some.

    Raises:
        ModelFormatError: something is missing, or of another form.
    """
    return ModelInfo(
        name=entry.text("name"),
        description=entry.text("description"),
        data_type=data_type,
        type=entry.type("type"),
        version=entry.text("version"),
        digest=entry.checked("digest", check_digest),
        parameters={key: str(value) for key, value in entry.object("parameters", {}).items()},
    )


def write_descriptor(model: ModelDescriptor) -> dict[str, Any]:
    """All that a descriptor says, but for its bytes, where they are, and whether it is to be a shadow."""
    return {
        "name": model.name,
        "type": model.type.slug,
        "data_type": model.data_type,
        "version": model.version,
        "description": model.description,
        "sha256": model.digest if model.data else model.sha256,
        "created_ms": model.created_ms,
        "parameters": dict(model.parameters),
        "metrics": dict(model.metrics),
        "tolerance": model.tolerance,
        "golden": [_write_golden(golden) for golden in model.golden],
    }


def read_descriptor(entry: JsonEntry) -> ModelDescriptor:
    """What ``write_descriptor`` wrote; its bytes are missing, and their digest is in ``sha256``.

    Raises:
        ModelFormatError: something is missing, or of another form.
    """
    data_type = entry.checked("data_type", check_data_type)
    return ModelDescriptor(
        name=entry.text("name"),
        description=entry.text("description"),
        data_type=data_type,
        type=entry.type("type"),
        version=entry.text("version"),
        sha256=entry.checked("sha256", check_digest),
        created_ms=int(entry.number("created_ms")),
        golden=tuple(_read_golden(golden, data_type) for golden in entry.entries("golden", "golden record")),
        tolerance=entry.number("tolerance"),
        parameters=MappingProxyType({key: str(value) for key, value in entry.object("parameters").items()}),
        metrics=MappingProxyType({key: float(value) for key, value in entry.inside("metrics").numbers()}),
    )


def _write_golden(golden: Golden) -> dict[str, Any]:
    typed = golden.record if isinstance(golden.record, DefaultRecord) else None
    return {
        "expected": golden.expected,
        "data_type": typed.data_type if typed else "",  # the values of other records stand alone
        "record": dict(golden.values),
    }


def _read_golden(entry: JsonEntry, data_type: str) -> Golden:
    """A golden record. Older catalogs do not say whether it is a default record: then its columns do."""
    record, expected = entry.inside("record"), entry.get("expected")
    answer = expected if isinstance(expected, str) else entry.number("expected")
    columns = set(entry.object("record"))
    typed = entry.get("data_type", data_type if not columns or columns & set(FEATURES) else "")
    if not typed:
        return Golden(MappingProxyType(dict(entry.object("record"))), answer)
    values = {name: float(record.number(name)) for name in FEATURES}
    return Golden(DefaultRecord(**values, data_type=typed), answer)


class JsonEntry:
    """An object of a JSON document, read with complaints that say where and what.

    Args:
        where: the object stands, for example ``models.json, model 3``.
        value: what stands there.
        advice: what to do when it is wrong.
        finite: whether numbers have to be finite, which those that a stranger measured need not be.

    Raises:
        ModelFormatError: it is no object; and from each method: what it asks for is missing, or of another form.
    """

    def __init__(self, where: str, value: Any, advice: str = "", finite: bool = False) -> None:
        self._where = where
        self._advice = advice
        self._finite = finite
        if not isinstance(value, dict):
            raise ModelFormatError(f"{where}: an object was expected. {advice}".rstrip())
        self._value = value

    def get(self, key: str, otherwise: Any = None) -> Any:
        """Whatever stands under a key; where nothing does, what is given instead."""
        if key not in self._value and otherwise is None:
            raise self.wrong(key, "is missing")
        return self._value.get(key, otherwise)

    def text(self, key: str, filled: bool = False) -> str:
        """A text.

        Args:
            key: where.
            filled: whether it may not be empty.
        """
        value = self.get(key)
        if not isinstance(value, str) or (filled and not value):
            raise self.wrong(key, f"is {value!r}; a text was expected")
        return value

    def number(self, key: str) -> float:
        """A number; a whole one stays whole."""
        value = self.get(key)
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        if not is_number or (self._finite and not math.isfinite(value)):
            raise self.wrong(key, f"is {value!r}; a {'finite ' if self._finite else ''}number was expected")
        number: int | float = value
        return number

    def numbers(self) -> list[tuple[str, float]]:
        """All that is in it, which has to be numbers."""
        return [(key, self.number(key)) for key in self._value]

    def object(self, key: str, otherwise: Mapping[str, Any] | None = None) -> Mapping[str, Any]:
        """An object, as it is."""
        value = self.get(key, otherwise)
        if not isinstance(value, dict):
            raise self.wrong(key, f"is {value!r}; an object was expected")
        return value

    def inside(self, key: str) -> JsonEntry:
        """An object, to read on in."""
        return self._within(key, self.object(key))

    def entries(self, key: str, word: str) -> list[JsonEntry]:
        """A list of objects; ``word`` is what one of them is called."""
        value = self.get(key)
        if not isinstance(value, list):
            raise self.wrong(key, f"is {value!r}; a list was expected")
        return [self._within(f"{word} {number}", one) for number, one in enumerate(value, 1)]

    def checked(self, key: str, check: Callable[[str], T]) -> T:
        """A text that has to pass a check, which raises ``FieldError``."""
        try:
            return check(self.text(key, filled=True))
        except FieldError as error:
            raise self.wrong(key, str(error).rstrip(".")) from error

    def type(self, key: str) -> ModelType:
        """A model's format, by its name on command lines."""
        slug = self.text(key)
        for kind in ModelType:
            if kind.slug == slug:
                return kind
        raise self.wrong(key, f"is {slug!r}; one of {', '.join(kind.slug for kind in ModelType)} was expected")

    def wrong(self, key: str, what: str) -> ModelFormatError:
        """The error that says what is wrong with a key."""
        return ModelFormatError(f"{self._where}: {key!r} {what}. {self._advice}".rstrip())

    def _within(self, where: str, value: Any) -> JsonEntry:
        return JsonEntry(f"{self._where}, {where}", value, self._advice, self._finite)
