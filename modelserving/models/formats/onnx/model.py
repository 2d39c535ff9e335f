"""ONNX, scored by onnxruntime."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelserving.errors import ModelFormatError, ModelInputError, ScoringError, SetupError
from modelserving.models.formats.inputs import FieldReader, find_fields, score_rows, unanswerable
from modelserving.models.formats.onnx.guard import check_onnx, parse_onnx
from modelserving.models.formats.onnx.prune import prune
from modelserving.models.model import INPUTS, NO_PARAMETERS, OUTPUT, Records, Scores
from modelserving.records import FEATURES, ModelDescriptor

__all__ = ["OnnxFactory", "OnnxModel"]

_START = re.compile(rb"\x08[\x03-\x40][\x12\x1a\x22\x28\x32\x3a\x42]")  # version of the format, then another field
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_SOURCE = re.compile(
    r"^\[ONNXRuntimeError\] : \d+ : \w+ : |/onnxruntime_src/\S+:\d+ [^()]*\([^()]*\)( const)?( \[with [^\]]*\])? ?"
)
_FLOATS: Mapping[int, type[np.floating[Any]]] = {1: np.float32, 11: np.float64}
_NUMBERS = frozenset({*_FLOATS, 2, 3, 4, 5, 6, 7, 9, 10, 12, 13})
_STRING = 8
_LABELS = frozenset({6, 7, _STRING})
_QUIET = 4
_import_lock = threading.Lock()


class OnnxFactory:
    """Makes models of ONNX.

    The input is a matrix, or one tensor for each field by name. The answer is the only output, or else the label; of a
    single output with several columns, the place of the largest. The descriptor's parameters ``inputs`` and ``output``
    settle what is not clear.
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
        _load_engine()


@dataclass(frozen=True, slots=True)
class _Feed:
    """One input: its name, the fields of the record that are its columns, its type, and whether it has no columns."""

    name: str
    fields: tuple[str, ...]
    kind: type[np.floating[Any]]
    flat: bool


class OnnxModel:
    """An ONNX model that is ready to score.

    Args:
        data: a serialised ``ModelProto``.
        parameters: ``inputs`` names the fields of its columns, ``output`` the output that answers; both may be absent.

    Raises:
        ModelFormatError: no ONNX model, or one that the engine cannot run, or whose answer is not clear.
        ModelInputError: it wants an input that the records do not have.
        ModelRefused: it is hostile or too large.
    """

    def __init__(self, data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> None:
        model = parse_onnx(data)
        answer = _find_answer(model.graph.output, parameters.get(OUTPUT, ""))
        prune(model, [answer])  # what only the others need is not computed, nor looked at
        model = check_onnx(model)
        self._data = data
        self._feeds = _bind_inputs(model.graph, parameters)
        self._answer_name: str = answer.name
        self._reader = FieldReader(
            [field for feed in self._feeds for field in feed.fields],
            min(float(np.finfo(feed.kind).max) for feed in self._feeds),
        )
        self._session: Any = _make_session(model.SerializeToString())
        self._try_out()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Fields of the record that it reads, in the order of its columns."""
        return self._reader.fields

    def score(self, records: Records) -> Scores:
        """Score a batch in one run.

        Raises:
            ScoringError: the engine failed on the whole batch, or the model is closed.
        """
        if self._session is None:
            raise ScoringError("this ONNX model is closed.")
        return score_rows(self._reader, records, self._score_finite)

    def to_bytes(self) -> bytes:
        """The bytes, as they arrived."""
        return self._data

    def close(self) -> None:
        """Give back the session. A second call does nothing."""
        self._session = None

    def _score_finite(self, matrix: NDArray[np.float64]) -> Scores:
        """Score rows that hold finite numbers only."""
        answers = self._answer(matrix)
        if answers.shape[:1] != matrix.shape[:1]:
            raise ScoringError(f"{len(matrix)} records gave {answers.shape[0] if answers.ndim else 'no'} answers.")
        answers = answers.reshape(len(matrix), -1)
        if answers.dtype.kind in "OSU":
            return _read_labels(answers[:, 0])
        answers = answers.astype(np.float64)
        values = answers[:, 0].copy() if answers.shape[1] == 1 else answers.argmax(axis=1).astype(np.float64)
        fit = np.isfinite(answers).all(axis=1)
        if fit.all():
            return Scores(values)
        values[~fit] = np.nan
        return Scores(values, {int(row): unanswerable(float("nan")) for row in np.flatnonzero(~fit)})

    def _answer(self, matrix: NDArray[np.float64]) -> NDArray[Any]:
        session = self._session
        if session is None:
            raise ScoringError("this ONNX model is closed.")
        fed, start = {}, 0
        for feed in self._feeds:
            stop = start + len(feed.fields)
            fed[feed.name] = (matrix[:, start] if feed.flat else matrix[:, start:stop]).astype(feed.kind, order="C")
            start = stop
        try:
            return np.asarray(session.run([self._answer_name], fed)[0])
        except _engine_errors() as error:
            raise ScoringError(f"onnxruntime failed on {len(matrix)} records: {_say(error)}") from error

    def _try_out(self) -> None:
        """Run two records through: what a model really takes and answers shows only then."""
        try:
            self._score_finite(np.ones((2, len(self._reader.fields))))
        except ScoringError as error:
            raise ModelFormatError(
                f"the ONNX model does not run on {len(self._reader.fields)} inputs "
                f"({', '.join(self._reader.fields)}): {error}"
            ) from error


def _read_labels(labels: NDArray[Any]) -> Scores:
    """The numbers that labels spell."""
    found, rows = np.unique(labels.astype(str), return_inverse=True)
    spelt = [float(label) if _NUMBER.fullmatch(label) else float("nan") for label in found]
    values: NDArray[np.float64] = np.where(np.isfinite(spelt), spelt, np.nan)[rows]
    return Scores(values, {int(row): unanswerable(found[rows[row]]) for row in np.flatnonzero(np.isnan(values))})


def _bind_inputs(graph: Any, parameters: Mapping[str, str]) -> tuple[_Feed, ...]:
    """Find which fields of a record go where; the rules are those of ``graph_model.bind_inputs``."""
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [item for item in graph.input if item.name not in constants]
    named = tuple(name.strip() for name in parameters.get(INPUTS, "").split(",") if name.strip())
    if not inputs:
        raise ModelFormatError("the ONNX model has no input.")
    if named and len(inputs) > 1:
        raise ModelInputError(
            f"the ONNX model has {len(inputs)} inputs with names; the parameter {INPUTS!r} is for one without."
        )
    return tuple(_bind(item, named, alone=len(inputs) == 1) for item in inputs)


def _bind(item: Any, named: tuple[str, ...], alone: bool) -> _Feed:
    tensor = item.type.tensor_type
    if not item.type.HasField("tensor_type") or tensor.elem_type not in _FLOATS:
        raise ModelFormatError(
            f"the ONNX model's input {item.name!r} takes no floating-point numbers, which is what records hold."
        )
    sizes = [size.dim_value if size.HasField("dim_value") else None for size in tensor.shape.dim]
    if len(sizes) > 2 or (sizes and sizes[0] is not None):
        raise ModelFormatError(
            f"the ONNX model's input {item.name!r} has shape {sizes}; any number of records in one or two dimensions "
            "was expected. Export it with a free first dimension."
        )
    width = sizes[1] if len(sizes) == 2 else 1 if sizes else None
    if not alone and width not in {1, None}:
        raise ModelInputError(f"input {item.name!r} of several has {width} columns; one field was expected.")
    fields = find_fields(named or (FEATURES if alone and width != 1 else [item.name]))
    if width not in {None, len(fields)}:
        raise ModelInputError(
            f"the ONNX model's input {item.name!r} has {width} columns, and {len(fields)} fields were expected. Say "
            f"which fields they are in the descriptor's parameter {INPUTS!r}, with commas. The records have: "
            f"{', '.join(FEATURES)}."
        )
    return _Feed(item.name, fields, _FLOATS[tensor.elem_type], len(sizes) == 1)


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
            f"the ONNX model has {len(outputs)} outputs: {known}. Name one in the descriptor's parameter {OUTPUT!r}."
        )
    if _kind(found[0]) not in {*_NUMBERS, _STRING}:
        raise ModelFormatError(f"the ONNX model's output {found[0].name!r} holds neither numbers nor texts.")
    return found[0]


def _kind(output: Any) -> int:
    return int(output.type.tensor_type.elem_type) if output.type.HasField("tensor_type") else 0


def _make_session(data: bytes) -> Any:
    """A session that runs on the caller's thread and writes nothing on the screen.

    Raises:
        ModelFormatError: the engine cannot read the model.
    """
    engine = _load_engine()
    options = engine.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = _QUIET
    options.add_session_config_entry("session.load_model_format", "ONNX")
    try:
        return engine.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except _engine_errors() as error:
        raise ModelFormatError(f"onnxruntime cannot read the model: {_say(error)}") from error


def _load_engine() -> Any:
    """The module ``onnxruntime``.

    Raises:
        SetupError: it is not installed, or does not load on this machine.
    """
    with _import_lock:
        return _import_engine()


@cache
def _import_engine() -> Any:
    try:
        import onnxruntime
    except ImportError as error:
        raise SetupError(f"onnxruntime does not load: {error}. Run `make setup` again.") from error
    onnxruntime.set_default_logger_severity(_QUIET)
    onnxruntime.disable_telemetry_events()
    return onnxruntime


@cache
def _engine_errors() -> tuple[type[Exception], ...]:
    """All errors that onnxruntime raises; they have no base of their own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    own = [kind for kind in vars(state).values() if isinstance(kind, type) and issubclass(kind, Exception)]
    return (*own, RuntimeError, ValueError, TypeError, IndexError, KeyError)


def _say(error: BaseException) -> str:
    """The first line of what an error of onnxruntime says, without where in its source it was raised."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return _SOURCE.sub("", lines[0]).strip()[:300] or type(error).__name__ if lines else type(error).__name__
