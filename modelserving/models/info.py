"""A model that is fit to serve, and who it is."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field

from modelserving.models.model import NO_PARAMETERS, Model
from modelserving.records import ModelType
from modelserving.statistics import Statistics

__all__ = ["LoadedModel", "ModelInfo"]


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
    """

    name: str
    description: str
    data_type: str
    type: ModelType
    version: str
    digest: str

    def __str__(self) -> str:
        return f"{self.name} {self.version}".rstrip()


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A model that is fit to serve, and who it is.

    Args:
        model: what scores.
        name: of the model.
        description: one line about it.
        data_type: the records that it scores.
        type: its format.
        version: free text, may be empty.
        digest: SHA-256 of its bytes, hexadecimal.
        statistics: what scoring with it took so far.
        parameters: of the descriptor that it was made of; with its bytes, all that it takes to make it again.
    """

    model: Model
    name: str
    description: str
    data_type: str
    type: ModelType
    version: str
    digest: str
    statistics: Statistics = field(default_factory=Statistics)
    parameters: Mapping[str, str] = field(default_factory=lambda: NO_PARAMETERS)
    _once: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def close(self) -> None:
        """Close the model, once, whoever asks, and however often."""
        if self._once.acquire(blocking=False):  # and never released
            self.model.close()

    @property
    def identity(self) -> ModelInfo:
        """Who it is."""
        return ModelInfo(self.name, self.description, self.data_type, self.type, self.version, self.digest)
