"""What a model is, to the servers: four things, whatever the engine behind them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelserving.errors import ModelFormatError
from modelserving.records import Column, ModelDescriptor
from modelserving.records.defaults import DefaultRecord

NO_PARAMETERS: Mapping[str, str] = MappingProxyType({})
"""Of a model whose descriptor said nothing beyond its bytes."""

INPUTS = "inputs"
"""Parameter of a descriptor: the fields that a matrix has as columns, with commas, where the model does not say."""
OUTPUT = "output"
"""Parameter of a descriptor: the name of the answer, where a model has several."""
OUTPUTS = "outputs"
"""Parameter of a descriptor: named outputs to give beside the answer, with commas; ``*`` for all. None by default."""
SIGNATURE = "signature"
"""Parameter of a descriptor: the signature to call, where a SavedModel has several."""

LONGEST_TEXT = 4_000
"""Letters of one text in an answer. Each answer is a message, and what is shown of a server has the labels, too."""

Records: TypeAlias = Sequence[DefaultRecord] | pa.RecordBatch
"""A batch of records: columns, or the default records as dataclasses."""


@dataclass(frozen=True, slots=True)
class Scores:
    """The answers to one batch.

    Args:
        values: shape ``(n,)``, float64, in the order of the records; NaN where the model gave no number.
        problems: for each row that has no answer, why; empty when all have one.
        labels: shape ``(n,)``, of texts, and ``None`` where a row has no answer; ``None`` for a model that answers
            numbers. A label that spells a number is that number in ``values``, too.
        outputs: what the model says beside its answer, by name, each of shape ``(n, ...)``: probabilities by class, a
            cluster, further targets. Only those that the descriptor's parameter ``outputs`` asks for.
    """

    values: NDArray[np.float64]
    problems: Mapping[int, str] = field(default_factory=lambda: MappingProxyType({}))
    labels: NDArray[np.object_] | None = None
    outputs: Mapping[str, NDArray[Any]] = field(default_factory=lambda: MappingProxyType({}))

    def answer(self, row: int) -> float | str:
        """One answer: a number, if it is one or spells one, or else a label."""
        value = float(self.values[row])
        return str(self.labels[row]) if math.isnan(value) and self.labels is not None else value


def limit_texts(scores: Scores) -> Scores:
    """The same; a record whose answer has a text that is too long has none, whatever the format of its model."""
    long: dict[int, str] = {}
    texts = {"answer": scores.labels} if scores.labels is not None else {}
    for name, column in (*texts.items(), *((f"output {name!r}", column) for name, column in scores.outputs.items())):
        if column.dtype.kind not in "OSU":
            continue
        flat = column.reshape(len(column), -1)
        letters = {text: len(text) for text in set(flat.ravel().tolist()) if isinstance(text, str | bytes)}
        if max(letters.values(), default=0) > LONGEST_TEXT:
            for row, found in enumerate(flat.tolist()):
                if (most := max((letters.get(text, 0) for text in found), default=0)) > LONGEST_TEXT:
                    long[row] = f"its {name} is a text of {most:,} letters, and {LONGEST_TEXT:,} are allowed"
    return replace(scores, problems=dict(sorted({**long, **scores.problems}.items()))) if long else scores


class Model(Protocol):
    """A model that is ready to score."""

    @property
    def inputs(self) -> tuple[str, ...]:
        """Fields of the record that it reads, in the order in which its engine wants them."""
        ...

    def score(self, records: Records) -> Scores:
        """Score a batch; one record is a batch of one.

        A record that cannot be scored is a row in ``Scores.problems`` and costs the others nothing. Columns are found
        by name; what is null, or NaN in a column that may have nulls, reaches the engine as missing.

        Raises:
            ModelInputError: the records lack columns that it reads, or have them in a type that does not fit.
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


def columns_of(model: Model) -> tuple[Column, ...]:
    """What a model reads, by name and type; one that does not say its types reads numbers."""
    found: tuple[Column, ...] | None = getattr(model, "columns", None)
    return tuple(Column(name) for name in model.inputs) if found is None else found


def choose_outputs(known: Sequence[str], parameters: Mapping[str, str]) -> tuple[str, ...]:
    """The named outputs that a descriptor asks for beside the answer, in the model's order.

    Raises:
        ModelFormatError: it asks for one that the model does not have.
    """
    asked = [name.strip() for name in parameters.get(OUTPUTS, "").split(",") if name.strip()]
    unknown = [name for name in asked if name not in known and name != "*"]
    if unknown:
        raise ModelFormatError(
            f"the model has no output {unknown[0]!r}, which the parameter {OUTPUTS!r} names. It has: "
            f"{', '.join(known) or 'none but its answer'}."
        )
    return tuple(name for name in known if name in asked or "*" in asked)
