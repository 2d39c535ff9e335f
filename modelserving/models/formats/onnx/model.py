"""ONNX, scored by onnxruntime."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelserving.errors import ModelFormatError, ScoringError
from modelserving.models.formats.answers import flatten, read_run
from modelserving.models.formats.feeds import FeedReader, Tensors
from modelserving.models.formats.onnx.engine import engine_errors, load_engine, make_session, say
from modelserving.models.formats.onnx.guard import check_onnx, parse_onnx
from modelserving.models.formats.onnx.prune import prune
from modelserving.models.formats.onnx.signature import bind_inputs, find_classes, open_maps, refuses_unseen
from modelserving.models.model import NO_PARAMETERS, OUTPUT, Records, Scores, choose_outputs
from modelserving.records import Column, ModelDescriptor

_START = re.compile(rb"\x08[\x03-\x40][\x12\x1a\x22\x28\x32\x3a\x42]")  # version of the format, then another field
_NUMBERS = frozenset({1, 11, 2, 3, 4, 5, 6, 7, 9, 10, 12, 13})
_STRING = 8
_LABELS = frozenset({6, 7, _STRING})
_ROUNDING = 1e-6
"""How far below zero a sum of single precision may end that is zero; forests answer -1.19e-07."""


class OnnxFactory:
    """Makes models of ONNX.

    The input is a matrix, or one tensor for each column by name, of numbers, texts or booleans. The answer is the only
    output, or else the label; of a single output with several columns, the index of the largest. The descriptor's
    parameters ``inputs`` and ``output`` settle what is not clear, and ``outputs`` asks for more than the answer.
    """

    suffixes = (".onnx",)

    def begins(self, head: bytes) -> bool:
        """Whether a file that begins so is ONNX: its first field is the version, from 3 on."""
        return _START.match(head) is not None

    def create(self, descriptor: ModelDescriptor) -> OnnxModel:
        """Build a model of the bytes that the descriptor carries; errors as ``OnnxModel``."""
        return OnnxModel(descriptor.data, descriptor.parameters)

    def restore(self, data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> OnnxModel:
        """Build a model of bytes; errors as ``OnnxModel``."""
        return OnnxModel(data, parameters)

    def preload(self) -> None:
        """Import onnxruntime."""
        load_engine()


class OnnxModel:
    """An ONNX model that is ready to score.

    Args:
        data: a serialised ``ModelProto``.
        parameters: ``inputs`` names the fields of its columns, ``output`` the output that answers, ``outputs`` what to
            give beside it; all may be absent.

    Raises:
        ModelFormatError: no ONNX model, or one that the engine cannot run, or whose answer is not clear.
        ModelInputError: it is not clear which fields its columns are.
        ModelRefused: it is hostile or too large.
    """

    def __init__(self, data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> None:
        model = parse_onnx(data)
        open_maps(model)
        answer = _find_answer(model.graph.output, parameters.get(OUTPUT, ""))
        known = [output.name for output in model.graph.output if output.name != answer.name and _kind(output)]
        others = choose_outputs(known, parameters)
        # What only other outputs need is not computed, nor looked at.
        prune(model, [answer, *(output for output in model.graph.output if output.name in others)])
        model = check_onnx(model)
        self._data = data
        self._names = [answer.name, *others]
        self._classes = {name: find_classes(model.graph, name) for name in others}
        self._reader = FeedReader(bind_inputs(model.graph, parameters))
        self._session: Any = make_session(model.SerializeToString())
        self._try_out(may_fail=refuses_unseen(model.graph))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Fields of the record that it reads, in the order of its columns."""
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
        """Score a batch in one run.

        Raises:
            ScoringError: the engine failed on the whole batch, or the model is closed.
        """
        if self._session is None:
            raise ScoringError("this ONNX model is closed.")
        return self._reader.score(records, self._score)

    def to_bytes(self) -> bytes:
        """The bytes, as they arrived."""
        return self._data

    def close(self) -> None:
        """Give back the session. A second call does nothing."""
        self._session = None

    def _score(self, tensors: Tensors) -> Scores:
        """Score rows that the engine may see."""
        arrays = self._run(tensors)
        scores = read_run(self._names, arrays, len(tensors[0]))
        return replace(scores, outputs=self._name_outputs(arrays[1:])) if arrays[1:] else scores

    def _run(self, tensors: Tensors) -> list[NDArray[Any]]:
        session = self._session
        if session is None:
            raise ScoringError("this ONNX model is closed.")
        fed = {feed.name: tensor for feed, tensor in zip(self._reader.feeds, tensors, strict=True)}
        try:
            return [np.asarray(answer) for answer in session.run(self._names, fed)]
        except engine_errors() as error:
            raise ScoringError(f"onnxruntime failed on {len(tensors[0])} records: {say(error)}") from error

    def _name_outputs(self, arrays: Sequence[NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """The outputs beside the answer; probabilities by class, as far as the model says what its classes are."""
        outputs: dict[str, NDArray[Any]] = {}
        for name, array in zip(self._names[1:], arrays, strict=True):
            classes = self._classes[name]
            if array.ndim == 2 and array.shape[1] == len(classes):
                shares = _round_up(array)
                outputs |= {f"{name}({label})": shares[:, index] for index, label in enumerate(classes)}
            else:
                outputs[name] = flatten(array)
        return outputs

    def _try_out(self, may_fail: bool) -> None:
        """Run two records through: what a model really takes and answers shows only then."""
        try:
            self._score(self._reader.samples(2))
        except ScoringError as error:
            if may_fail:
                return  # it knows its categories only, and the samples have none of them
            raise ModelFormatError(
                f"the ONNX model does not run on {len(self._reader.fields)} inputs "
                f"({', '.join(self._reader.fields)}): {error}"
            ) from error


def _find_answer(outputs: Sequence[Any], named: str) -> Any:
    """The output that answers: the named one, the only one, or the only one with labels.

    Raises:
        ModelFormatError: none, or it is not clear which, or it holds neither numbers nor texts.
    """
    known = ", ".join(output.name for output in outputs)
    labels = [output for output in outputs if _kind(output) in _LABELS]
    found = [output for output in outputs if output.name == named] if named else labels or list(outputs)
    if named and not found:
        raise ModelFormatError(
            f"the ONNX model has no output {named!r}, which the parameter {OUTPUT!r} names. It has: {known}."
        )
    if len(found) > 1:
        raise ModelFormatError(
            f"the ONNX model has {len(outputs)} outputs: {known}. Name one: --output NAME, or the descriptor's "
            f"parameter {OUTPUT!r}."
        )
    if _kind(found[0]) not in {*_NUMBERS, _STRING}:
        raise ModelFormatError(f"the ONNX model's output {found[0].name!r} holds neither numbers nor texts.")
    return found[0]


def _round_up(array: NDArray[Any]) -> NDArray[Any]:
    """Probabilities without what single precision leaves below zero; other numbers by class, such as margins, as is."""
    if array.dtype.kind != "f" or not array.size or array.min() >= 0 or array.min() < -_ROUNDING:
        return array
    return np.maximum(array, 0) if np.allclose(array.sum(axis=1), 1, atol=1e-5) else array


def _kind(output: Any) -> int:
    return int(output.type.tensor_type.elem_type) if output.type.HasField("tensor_type") else 0
