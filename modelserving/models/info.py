"""Who a model is, a model that is fit to serve, and the slots that the models of a data type are in."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

from modelserving.models.model import Model
from modelserving.records import ModelDescriptor, ModelType, encode_descriptor
from modelserving.statistics import Statistics

T = TypeVar("T")
U = TypeVar("U")


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """Who a model is, without the model: what can be shown, and sent to another process.

    Args:
        name: what people call it.
        description: one line about it.
        data_type: the records that it scores.
        type: its format.
        version: free text, may be empty.
        digest: SHA-256 of its bytes, hexadecimal.
        parameters: of the descriptor that it was made of; with its bytes, all that it takes to make it again.
    """

    name: str
    description: str
    data_type: str
    type: ModelType
    version: str
    digest: str
    parameters: Mapping[str, str] = field(default_factory=dict, hash=False)

    @classmethod
    def of(cls, descriptor: ModelDescriptor) -> ModelInfo:
        """Who the model of a descriptor is."""
        d = descriptor
        return cls(d.name, d.description, d.data_type, d.type, d.version, d.digest, dict(d.parameters))

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip()


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model that is fit to serve.

    Args:
        model: what scores.
        info: who it is.
        statistics: what scoring with it took so far.
    """

    model: Model
    info: ModelInfo
    statistics: Statistics = field(default_factory=Statistics)
    _once: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def close(self) -> None:
        """Close the model, once, whoever asks, and however often."""
        if self._once.acquire(blocking=False):  # and never released
            self.model.close()


@dataclass(frozen=True)  # without slots of its own: Python 3.11 could not call `Slots[T]()`
class Slots(Generic[T]):
    """Which model is where, for one data type: what is desired, and what is there, in the same form.

    Args:
        current: the one that serves.
        previous: the one that a rollback brings back.
        shadow: the one that scores beside.
        percent: of the records, for the shadow; 0 where there is none.
    """

    current: T | None = None
    previous: T | None = None
    shadow: T | None = None
    percent: float = 0.0

    def __iter__(self) -> Iterator[T]:
        """The models that there are; one that is in two slots comes twice."""
        return (model for model in (self.current, self.previous, self.shadow) if model is not None)

    def promote(self, model: T) -> Slots[T]:
        """The slots when a model serves from now on."""
        shadow = None if model == self.shadow else self.shadow
        previous = self.previous if model == self.current else self.current
        return Slots(model, previous, shadow, self.percent if shadow is not None else 0.0)

    def start_shadow(self, model: T | None, percent: float) -> Slots[T]:
        """The slots with another shadow, or with none."""
        return replace(self, shadow=model if percent else None, percent=percent if model is not None else 0.0)

    def map(self, change: Callable[[T], U | None]) -> Slots[U]:
        """The same with something else for each model; ``None`` leaves its slot empty."""
        current, previous, shadow = (
            None if model is None else change(model) for model in (self.current, self.previous, self.shadow)
        )
        return Slots(current, previous, shadow, self.percent if shadow is not None else 0.0)


@dataclass(frozen=True, slots=True)
class SlotsUpdate:
    """What the slots of a data type hold from now on: models that are built, checked and warm.

    Args:
        data_type: whose.
        slots: all of them, those that stay as they are included.
    """

    data_type: str
    slots: Slots[LoadedModel]


def fingerprint(descriptor: ModelDescriptor) -> str:
    """What tells a model from another: all that its descriptor says.

    Not whether the bytes are in it or elsewhere, nor whether it is to be a shadow.
    """
    digest = descriptor.digest
    stated = "" if descriptor.sha256.lower() == digest else descriptor.sha256
    told = replace(descriptor, data=digest.encode(), location=None, sha256=stated, shadow_percent=0.0)
    return hashlib.sha256(encode_descriptor(told)).hexdigest()
