"""PMML, scored by PMML4S (pypmml) in the JVM of this process."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import jpype
import numpy as np
from numpy.typing import NDArray

from modelserving import jvm
from modelserving.errors import ModelFormatError, ScoringError
from modelserving.models.formats.inputs import FieldReader, find_fields, score_rows, unanswerable
from modelserving.models.formats.pmml.document import read_pmml
from modelserving.models.formats.pmml.loop import make_batch_function
from modelserving.models.model import NO_PARAMETERS, Records, Scores
from modelserving.records import ModelDescriptor

__all__ = ["PmmlFactory", "PmmlModel"]

_SMALLEST = b"""
    <PMML version="4.4"><Header/><DataDictionary/>
    <RegressionModel functionName="regression"><MiningSchema/><RegressionTable intercept="0"/></RegressionModel></PMML>
"""
_XML = re.compile(rb"(\xef\xbb\xbf)?\s*<[?!A-Za-z]")  # a graph may begin with a line feed and a "<", too
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


class PmmlModel:
    """A PMML document that is ready to score.

    Inputs are found by name. An answer is the number that the model predicts, or the number that its label is.

    Args:
        data: the document.

    Raises:
        ModelFormatError: it is no PMML, or of a kind that the engine cannot score.
        ModelInputError: it wants an input that the records do not have.
        ModelRefused: it is hostile or too large.
    """

    def __init__(self, data: bytes) -> None:
        document = read_pmml(data)
        self._data = data
        self._engine: Any = _load(document.text)
        names = [str(name) for name in self._engine.inputNames()]
        fields = find_fields(names)
        types = dict(zip(names, fields, strict=True))
        self._reader = FieldReader(
            fields,
            single_precision={types[name] for name in names if name in document.single_precision},
            whole={types[name] for name in names if name in document.whole},
        )
        self._classes = document.labels
        self._class_numbers = np.array([_number(label) for label in self._classes], dtype=np.float64)
        # Of a classifier that answers labels: their numbers, filled in as they appear, so that no text is parsed twice.
        self._labels: Any = None
        if str(self._engine.functionName()) != "regression" and not self._classes:
            self._labels = jvm.java_class("java.util.concurrent.ConcurrentHashMap")()
        self._score: Any = make_batch_function(
            self._engine, width=max(1, len(fields)), outputs=max(1, len(self._classes)), labels=self._labels
        )

    @property
    def inputs(self) -> tuple[str, ...]:
        """Fields of the record that it reads, in the order of its mining schema."""
        return self._reader.fields

    def score(self, records: Records) -> Scores:
        """Score a batch in one call to Java.

        Raises:
            ScoringError: the engine failed on the whole batch, or the model is closed.
        """
        if self._score is None:
            raise ScoringError("this PMML model is closed.")
        return score_rows(self._reader, records, self._score_finite)

    def to_bytes(self) -> bytes:
        """The document, as it arrived."""
        return self._data

    def close(self) -> None:
        """Let Java collect the model. A second call does nothing."""
        self._engine = self._score = self._labels = None

    def _score_finite(self, matrix: NDArray[np.float64]) -> Scores:
        """Score rows that hold finite numbers only."""
        inputs = matrix if matrix.size else np.zeros(len(matrix))  # a constant model reads nothing
        try:
            outputs = np.array(self._score.apply(jpype.JArray.of(inputs.reshape(-1))))
        except jpype.JException as error:
            raise ScoringError(f"the PMML engine failed on {len(matrix)} records: {jvm.describe(error)}.") from error
        values = self._most_likely(outputs.reshape(len(matrix), -1)) if self._classes else outputs
        if np.isfinite(values).all():
            return Scores(values)
        problems: dict[int, str] = {}
        for row in map(int, np.flatnonzero(~np.isfinite(values))):
            answer = self._answer_again(matrix[row])
            if isinstance(answer, float):
                values[row] = answer
            else:
                problems[row] = answer
        return Scores(values, problems)

    def _most_likely(self, probabilities: NDArray[np.float64]) -> NDArray[np.float64]:
        """The number of the label with the highest probability, for each row; of equals the first, as in JPMML."""
        values: NDArray[np.float64] = self._class_numbers[probabilities.argmax(axis=1)]
        values[np.isnan(probabilities).any(axis=1)] = np.nan
        return values

    def _answer_again(self, row: NDArray[np.float64]) -> float | str:
        """Score one row by itself: the number that was not known before, or what is wrong."""
        try:
            outputs = list(self._engine.predict(jpype.JArray.of(row if len(row) else np.zeros(1))))
        except jpype.JException as error:
            return f"the PMML engine failed: {jvm.describe(error)}"
        if self._classes:
            return self._explain_probabilities(outputs)
        number = _number(outputs[0])
        if number is None:
            return unanswerable(outputs[0])
        if self._labels is not None:
            self._labels.put(outputs[0], number)
        return number

    def _explain_probabilities(self, outputs: list[Any]) -> str:
        known = [_number(output) for output in outputs]
        probabilities = [number for number in known if number is not None]
        if len(probabilities) < len(self._classes):
            return "the model gave no probability for some of its labels"
        return unanswerable(self._classes[int(np.argmax(probabilities))])


class PmmlFactory:
    """Makes models of PMML."""

    suffixes = (".pmml", ".xml")

    def begins(self, head: bytes) -> bool:
        """Whether a file that begins so is XML."""
        return _XML.match(head) is not None

    def create(self, descriptor: ModelDescriptor) -> PmmlModel:
        """Build a model of the bytes that the descriptor carries; errors as ``PmmlModel``."""
        return PmmlModel(descriptor.data)

    def restore(self, data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> PmmlModel:  # noqa: ARG002
        """Build a model of a document, which says everything itself; errors as ``PmmlModel``."""
        return PmmlModel(data)

    def preload(self) -> None:
        """Start the JVM, and let it load what every model needs."""
        model = PmmlModel(_SMALLEST)
        model._score_finite(np.zeros((1, 0)))
        model.close()


def _load(document: str) -> Any:
    """The engine's model.

    Raises:
        ModelFormatError: the engine cannot read it.
    """
    try:
        return jvm.java_class("org.pmml4s.model.Model").fromString(document)
    except jpype.JException as error:
        raise ModelFormatError(f"the PMML engine cannot read the model: {jvm.describe(error)}.") from error


def _number(answer: Any) -> float | None:
    """The finite number that an answer is, or spells."""
    if isinstance(answer, bool) or answer is None:
        return None
    if isinstance(answer, int | float):
        return float(answer) if np.isfinite(answer) else None
    text = str(answer)
    return float(text) if _NUMBER.fullmatch(text) and np.isfinite(float(text)) else None
