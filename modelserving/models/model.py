"""What a model is, to the servers: four things, whatever the engine behind them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from modelserving.records import ModelDescriptor, WineRecord

__all__ = ["NO_PARAMETERS", "Model", "ModelFactory", "Scores"]

NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
"""Of a model whose descriptor said nothing beyond its bytes."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The answers to one batch.

    Args:
        values: shape ``(n,)``, float64, in the order of the records; NaN where the model gave no number.
        problems: for each row that has no finite answer, why; empty when all have one.
    """

    values: NDArray[np.float64]
    problems: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))


class Model(Protocol):
    """A model that is ready to score."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Fields of the record that it reads, in the order in which its engine wants them."""
        ...

    def score(self, records: Sequence[WineRecord]) -> Scores:
        """Score a batch; one record is a batch of one.

        A record that cannot be scored is a row in ``Scores.problems`` and costs the others nothing.

        Raises:
            ScoringError: the engine failed on the whole batch.
        """
        ...

    def to_bytes(self) -> bytes:
        """The bytes that it was made of; the factory's ``restore`` makes an equal model of them."""
        ...

    def close(self) -> None:
        """Give back what the engine holds. A second call does nothing."""
        ...


class ModelFactory(Protocol):
    """Makes models of one format."""

    def create(self, descriptor: ModelDescriptor) -> Model:
        """Build a model.

        Raises:
            ModelFormatError: the bytes are not of this format.
            ModelInputError: it wants an input that the records do not have.
            ModelRefused: it is hostile or too large.
        """
        ...

    def restore(self, data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> Model:
        """Build a model of what ``Model.to_bytes`` returned.

        Args:
            data: the bytes.
            parameters: of the descriptor that it was first made of.

        Raises:
            As ``create``.
        """
        ...

    def preload(self) -> None:
        """Start the engine, so that the first model does not wait for it."""
        ...
