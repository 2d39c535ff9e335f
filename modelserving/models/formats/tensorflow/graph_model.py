"""A TensorFlow graph with one answer, scored in batches; frozen graphs and SavedModels both end here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelserving.errors import ModelFormatError, ModelInputError, ScoringError
from modelserving.models.formats.inputs import FieldReader, find_fields, score_rows, unanswerable
from modelserving.models.formats.tensorflow.engine import load_tensorflow, say
from modelserving.models.model import INPUTS, Records, Scores
from modelserving.records import FEATURES

__all__ = ["Feed", "GraphModel", "bind_inputs"]


@dataclass(frozen=True, slots=True)
class Feed:
    """One input of a graph.

    Args:
        tensor: of TensorFlow, what is fed.
        fields: of the record, one for each column.
        flat: whether it takes one number for each record, shape ``(n,)``, rather than ``(n, len(fields))``.
    """

    tensor: Any
    fields: tuple[str, ...]
    flat: bool = False


class GraphModel:
    """A graph in a session.

    Args:
        data: the bytes that it was made of.
        session: of TensorFlow, with all variables filled; this model closes it, also when it cannot be made.
        feeds: its inputs.
        answer: the tensor that it answers: for each record one number, or several, of which the largest one's place
            is the answer.

    Raises:
        ModelFormatError: it does not run.
        ModelInputError: it does not run on records with these fields.
    """

    def __init__(self, data: bytes, session: Any, feeds: Sequence[Feed], answer: Any) -> None:
        self._data = data
        self._session: Any = session
        self._feeds = tuple(feeds)
        self._types = [feed.tensor.dtype.as_numpy_dtype for feed in feeds]
        largest = min(float(np.finfo(kind).max) for kind in self._types)
        self._reader = FieldReader([field for feed in feeds for field in feed.fields], largest)
        try:
            _check_answer(answer)
            self._run: Any = session.make_callable(answer, feed_list=[feed.tensor for feed in feeds])
            self._try_out()
        except BaseException:
            self.close()
            raise

    @property
    def inputs(self) -> tuple[str, ...]:
        """Fields of the record that it reads, in the order of the graph's columns."""
        return self._reader.fields

    def score(self, records: Records) -> Scores:
        """Score a batch in one run of the graph.

        Raises:
            ScoringError: the engine failed on the whole batch, or the model is closed.
        """
        if self._session is None:
            raise ScoringError("this TensorFlow model is closed.")
        return score_rows(self._reader, records, self._score_finite)

    def to_bytes(self) -> bytes:
        """The bytes, as they arrived."""
        return self._data

    def close(self) -> None:
        """Give back the session, and with it the graph. A second call does nothing."""
        session, self._session, self._run = self._session, None, None
        if session is not None:
            session.close()

    def _score_finite(self, matrix: NDArray[np.float64]) -> Scores:
        """Score rows that hold finite numbers only."""
        answers = self._answer(matrix)
        if answers.shape[:1] != matrix.shape[:1]:
            raise ScoringError(f"{len(matrix)} records gave {answers.shape[0] if answers.ndim else 'no'} answers.")
        answers = answers.reshape(len(matrix), -1).astype(np.float64)
        values = answers[:, 0] if answers.shape[1] == 1 else answers.argmax(axis=1).astype(np.float64)
        fit = np.isfinite(answers).all(axis=1)
        if fit.all():
            return Scores(values)
        values[~fit] = np.nan
        return Scores(values, {int(row): unanswerable(float("nan")) for row in np.flatnonzero(~fit)})

    def _answer(self, matrix: NDArray[np.float64]) -> NDArray[Any]:
        try:
            return np.asarray(self._run(*self._columns(matrix)))
        except load_tensorflow().errors.OpError as error:
            raise ScoringError(f"TensorFlow failed on {len(matrix)} records: {say(error)}.") from error

    def _columns(self, matrix: NDArray[np.float64]) -> list[NDArray[Any]]:
        """What is fed: for each input its columns, in its own precision."""
        columns, start = [], 0
        for feed, kind in zip(self._feeds, self._types, strict=True):
            stop = start + len(feed.fields)
            columns.append((matrix[:, start] if feed.flat else matrix[:, start:stop]).astype(kind))
            start = stop
        return columns

    def _try_out(self) -> None:
        """Run two records through: what a graph really takes and answers shows only then."""
        try:
            self._score_finite(np.ones((2, len(self._reader.fields))))
        except ScoringError as error:
            raise ModelFormatError(
                f"the graph does not run on {len(self._reader.fields)} inputs ({', '.join(self._reader.fields)}): "
                f"{error} If its columns mean something else, name them in the descriptor's parameter {INPUTS!r}."
            ) from error


def bind_inputs(tensors: Mapping[str, Any], parameters: Mapping[str, str]) -> tuple[Feed, ...]:
    """Find which fields of a record go where.

    One tensor with eleven columns (or of unknown width) takes the fields in the order of ``FEATURES``, unless
    ``parameters["inputs"]`` names others. A tensor with one column is a field's own, and so named.

    Args:
        tensors: the graph's inputs by name.
        parameters: of the descriptor.

    Raises:
        ModelInputError: the records do not have what it wants, or it does not say what it wants.
        ModelFormatError: an input that no records fit into.
    """
    named = tuple(name.strip() for name in parameters.get(INPUTS, "").split(",") if name.strip())
    for name, tensor in tensors.items():
        _check_input(name, tensor)
    if len(tensors) == 1:
        [(name, tensor)] = tensors.items()
        return (_bind_matrix(name, tensor, named),)
    if named:
        raise ModelInputError(
            f"the graph has {len(tensors)} inputs with names; the parameter {INPUTS!r} is for one without."
        )
    for name, tensor in tensors.items():
        if _width(tensor) not in {1, None}:
            raise ModelInputError(
                f"input {name!r} of {len(tensors)} has {_width(tensor)} columns; one field was expected."
            )
    return tuple(Feed(tensor, _own_field(name), tensor.shape.rank == 1) for name, tensor in sorted(tensors.items()))


def _bind_matrix(name: str, tensor: Any, named: tuple[str, ...]) -> Feed:
    width = _width(tensor)
    if named:
        fields = find_fields(named)
    elif width == 1:
        fields = _own_field(name)
    else:
        fields = FEATURES
    if width not in {None, len(fields)}:
        raise ModelInputError(
            f"the graph's input {name!r} has {width} columns, and {len(fields)} fields were expected. Say which fields "
            f"they are in the descriptor's parameter {INPUTS!r}, with commas. The records have: {', '.join(FEATURES)}."
        )
    return Feed(tensor, fields, tensor.shape.rank == 1)


def _own_field(name: str) -> tuple[str, ...]:
    """The field that a tensor is named after. TensorFlow writes some names in small letters, so those do, too."""
    small = {field.lower(): field for field in FEATURES}
    return find_fields([small.get(name, name)])


def _width(tensor: Any) -> int | None:
    """Numbers of one record; ``None`` where the graph does not say."""
    if tensor.shape.rank is None:
        return None
    width: int | None = tensor.shape[1] if tensor.shape.rank == 2 else 1
    return width


def _check_answer(tensor: Any) -> None:
    if not (tensor.dtype.is_floating or tensor.dtype.is_integer or tensor.dtype.is_bool):
        raise ModelFormatError(f"the graph's answer {tensor.name!r} is {tensor.dtype.name}, not a number.")


def _check_input(name: str, tensor: Any) -> None:
    if not tensor.dtype.is_floating:
        raise ModelFormatError(
            f"the graph's input {name!r} takes {tensor.dtype.name}; records hold floating-point numbers."
        )
    rank = tensor.shape.rank
    if rank is not None and rank not in {1, 2}:
        raise ModelFormatError(f"the graph's input {name!r} has {rank} dimensions; one or two were expected.")
    if rank and tensor.shape[0] is not None:
        raise ModelFormatError(
            f"the graph's input {name!r} takes {tensor.shape[0]} records at a time, no more and no less. "
            "Export it with a free first dimension."
        )
