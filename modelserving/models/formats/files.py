"""How files of a format are called, and how they begin: what its factory says about that, if it says anything."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from modelserving.models.formats.factory import FACTORIES
from modelserving.records import ModelType


@runtime_checkable
class FileFormat(Protocol):
    """What a factory may have beyond ``ModelFactory``, so that its files are known without being told their type."""

    @property
    def suffixes(self) -> tuple[str, ...]:
        """How names of its files may end, in small letters; the first is the one that is written."""
        ...

    def begins(self, head: bytes) -> bool:
        """Whether a file with these first bytes is of this format and no other."""
        ...


def suffix_of(model_type: ModelType) -> str:
    """How the names of files of a format end; ``.`` and its slug where its factory does not say."""
    factory = FACTORIES.get(model_type)
    return factory.suffixes[0] if isinstance(factory, FileFormat) else f".{model_type.slug}"


def guess(head: bytes, suffix: str) -> ModelType | None:
    """What a file is, by how it begins, and else by the ending of its name; ``None`` if neither says.

    Args:
        head: its first bytes, some hundred of them.
        suffix: the ending, with the full stop.
    """
    known = [(kind, factory) for kind, factory in FACTORIES.items() if isinstance(factory, FileFormat)]
    for kind, factory in known:
        if factory.begins(head):
            return kind
    for kind, factory in known:
        if suffix.lower() in factory.suffixes:
            return kind
    return next((kind for kind in FACTORIES if suffix.lower() == suffix_of(kind)), None)
