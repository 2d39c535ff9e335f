"""A TensorFlow graph with one answer, scored in batches; frozen graphs and SavedModels both end here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelserving.errors import ModelFormatError, ScoringError
from modelserving.models.formats.answers import flatten, read_run
from modelserving.models.formats.feeds import Feed, FeedReader, Tensors, deal_columns
from modelserving.models.formats.tensorflow.engine import load_tensorflow, say
from modelserving.models.model import INPUTS, Records, Scores
from modelserving.records import FEATURES, Column

NO_OUTPUTS: Mapping[str, Any] = MappingProxyType({})
_TYPES = ("float64", "float32", "float16", "int64", "int32", "bool", "string")


class GraphModel:
    """A graph in a session.

    Args:
        data: the bytes that it was made of.
        session: of TensorFlow, with all variables filled; this model closes it, also when it cannot be made.
        tensors: its inputs by name.
        parameters: of the descriptor.
        answer: the tensor that it answers: for each record a label, one number, or several, of which the largest one's
            index is the answer.
        outputs: tensors to give beside it, by name.

    Raises:
        ModelFormatError: it does not run, or takes or gives what records do not have.
        ModelInputError: it is not clear which fields its columns are.
    """

    def __init__(
        self,
        data: bytes,
        session: Any,
        tensors: Mapping[str, Any],
        parameters: Mapping[str, str],
        answer: Any,
        outputs: Mapping[str, Any] = NO_OUTPUTS,
    ) -> None:
        self._data = data
        self._session: Any = session
        try:
            self._reader = FeedReader(bind_inputs(tensors, parameters))
            self._names = (answer.name, *outputs)
            for tensor in (answer, *outputs.values()):
                _check_answer(tensor)
            feeds = [tensors[feed.name] for feed in self._reader.feeds]
            self._run: Any = session.make_callable([answer, *outputs.values()], feed_list=feeds)
            self._try_out()
        except BaseException:
            self.close()
            raise

    @property
    def inputs(self) -> tuple[str, ...]:
        """Fields of the record that it reads, in the order of the graph's columns."""
        return self._reader.fields

    @property
    def columns(self) -> tuple[Column, ...]:
        """The same with their types."""
        return self._reader.columns

    @property
    def columns_guessed(self) -> bool:
        """Whether it takes a matrix that names no columns, so that they were taken to be the default records'."""
        return self._reader.is_guess

    def score(self, records: Records) -> Scores:
        """Score a batch in one run of the graph.

        Raises:
            ScoringError: the engine failed on the whole batch, or the model is closed.
        """
        if self._session is None:
            raise ScoringError("this TensorFlow model is closed.")
        return self._reader.score(records, self._score)

    def to_bytes(self) -> bytes:
        """The bytes, as they arrived."""
        return self._data

    def close(self) -> None:
        """Give back the session, and with it the graph. A second call does nothing."""
        session, self._session, self._run = self._session, None, None
        if session is not None:
            session.close()

    def _score(self, tensors: Tensors) -> Scores:
        """Score rows that the engine may see."""
        arrays = self._answer(tensors)
        scores = read_run(self._names, arrays, len(tensors[0]))
        outputs = {name: flatten(array) for name, array in zip(self._names[1:], arrays[1:], strict=True)}
        return replace(scores, outputs=outputs) if outputs else scores

    def _answer(self, tensors: Tensors) -> list[NDArray[Any]]:
        run = self._run
        if run is None:
            raise ScoringError("this TensorFlow model is closed.")
        try:
            return [_decode(np.asarray(array)) for array in run(*tensors)]
        except load_tensorflow().errors.OpError as error:
            raise ScoringError(f"TensorFlow failed on {len(tensors[0])} records: {say(error)}.") from error

    def _try_out(self) -> None:
        """Run two records through: what a graph really takes and answers shows only then."""
        try:
            self._score(self._reader.samples(2))
        except ScoringError as error:
            raise ModelFormatError(
                f"the graph does not run on {len(self._reader.fields)} inputs ({', '.join(self._reader.fields)}): "
                f"{error} If its columns mean something else, name them in the descriptor's parameter {INPUTS!r}."
            ) from error


def bind_inputs(tensors: Mapping[str, Any], parameters: Mapping[str, str]) -> tuple[Feed, ...]:
    """Find which columns of records go where; the rules are those of ``deal_columns``.

    Args:
        tensors: the graph's inputs by name.
        parameters: of the descriptor.

    Raises:
        ModelInputError: it does not say what it wants.
        ModelFormatError: an input that no records fit into.
    """
    for name, tensor in tensors.items():
        _check_input(name, tensor)
    order = sorted(tensors)
    own = {name: _own_field(name) for name in order}
    dealt = deal_columns({own[name]: _width(tensors[name]) for name in order}, parameters)
    return tuple(
        Feed(name, dealt[own[name]], _kind(tensors[name]), flat=tensors[name].shape.rank == 1) for name in order
    )


def _kind(tensor: Any) -> np.dtype[Any]:
    return np.dtype(object if tensor.dtype.name == "string" else tensor.dtype.as_numpy_dtype)


def _decode(array: NDArray[Any]) -> NDArray[Any]:
    """With texts, where TensorFlow gives bytes."""
    if array.dtype != object:
        return array
    texts = [text.decode(errors="replace") if isinstance(text, bytes) else str(text) for text in array.reshape(-1)]
    return np.array(texts, object).reshape(array.shape)


def _own_field(name: str) -> str:
    """The field that a tensor is named after. TensorFlow writes some names in small letters, so those do, too."""
    return {field.lower(): field for field in FEATURES}.get(name, name)


def _width(tensor: Any) -> int | None:
    """Numbers of one record; ``None`` where the graph does not say."""
    if tensor.shape.rank is None:
        return None
    width: int | None = tensor.shape[1] if tensor.shape.rank == 2 else 1
    return width


def _check_answer(tensor: Any) -> None:
    kind = tensor.dtype
    if not (kind.is_floating or kind.is_integer or kind.is_bool or kind.name == "string"):
        raise ModelFormatError(f"the graph's answer {tensor.name!r} is {kind.name}, neither numbers nor texts.")


def _check_input(name: str, tensor: Any) -> None:
    if tensor.dtype.name not in _TYPES:
        raise ModelFormatError(
            f"the graph's input {name!r} takes {tensor.dtype.name}; columns of records are {', '.join(_TYPES)}."
        )
    rank = tensor.shape.rank
    if rank is not None and rank not in {1, 2}:
        raise ModelFormatError(f"the graph's input {name!r} has {rank} dimensions; one or two were expected.")
    if rank and tensor.shape[0] is not None:
        raise ModelFormatError(
            f"the graph's input {name!r} takes {tensor.shape[0]} records at a time, no more and no less. "
            "Export it with a free first dimension."
        )
