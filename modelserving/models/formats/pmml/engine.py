"""The engine's model, and its answers to batches: a number, or a label, for each record."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import jpype
import numpy as np
from numpy.typing import NDArray

from modelserving import jvm
from modelserving.errors import ModelFormatError, ScoringError
from modelserving.models.formats.inputs import unanswerable
from modelserving.models.formats.pmml.fields import NO_ANSWER
from modelserving.models.formats.pmml.loop import make_batch_function
from modelserving.models.model import Scores

_SILENT = "as many models of its ensemble have no answer as have any other, or more"
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")


class PmmlEngine:
    """A model in Java whose outputs are its answer, or the probabilities that the answer is told from.

    Args:
        java: the ``org.pmml4s.model.Model``.
        width: how many inputs it has.
        classes: the labels whose probabilities it outputs; empty if it outputs the answer.
    """

    def __init__(self, java: Any, width: int, classes: tuple[str, ...]) -> None:
        self.java = java
        self._width = max(1, width)
        self._classes = np.array(classes, dtype=object)
        self._class_numbers = np.array([_spelt(label) for label in classes], dtype=np.float64)
        self._codes: Any = None
        if str(java.functionName()) != "regression" and not classes:
            # Labels are known by number, filled in as they appear, so that no text crosses or is parsed twice.
            self._codes = jvm.java_class("java.util.concurrent.ConcurrentHashMap")()
        self._texts: list[str] = []
        self._filling = threading.Lock()
        self._loops = {
            cells: make_batch_function(java, self._width, max(1, len(classes)), self._codes, cells)
            for cells in (False, True)
        }

    def score_matrix(self, matrix: NDArray[np.float64]) -> Scores:
        """Score rows that hold finite numbers only.

        Raises:
            ScoringError: the engine failed on the whole batch.
        """
        inputs = matrix if matrix.size else np.zeros((len(matrix), 1))  # a constant model reads nothing
        return self._score(
            len(matrix), jpype.JArray.of(inputs.reshape(-1)), False, lambda row: jpype.JArray.of(inputs[row])
        )

    def score_cells(self, count: int, cells: list[Any]) -> Scores:
        """Score records of numbers, texts and ``None``, one after the other.

        Raises:
            ScoringError: the engine failed on the whole batch.
        """
        return self._score(count, _objects(cells or [None] * count), True, lambda row: self.row(cells, row))

    def row(self, cells: list[Any], row: int) -> Any:
        """The inputs of one record as the engine takes them."""
        return _objects(cells[row * self._width : (row + 1) * self._width] or [None])

    def _score(self, count: int, inputs: Any, cells: bool, row_of: Callable[[int], Any]) -> Scores:
        try:
            outputs = np.array(self._loops[cells].apply(inputs))
        except jpype.JException as error:
            raise ScoringError(f"the PMML engine failed on {count} records: {jvm.describe(error)}.") from error
        if len(self._classes):
            return self._most_likely(outputs.reshape(count, -1), row_of)
        return self._numbers(outputs, row_of) if self._codes is None else self._labels(outputs, row_of)

    def _numbers(self, values: NDArray[np.float64], row_of: Callable[[int], Any]) -> Scores:
        fit = np.isfinite(values)
        if fit.all():
            return Scores(values)
        problems = {}
        for row in map(int, np.flatnonzero(~fit)):
            answer = self._ask(row_of(row))
            number = None if isinstance(answer, _Failure) else _spelt(answer)
            if number is not None and np.isfinite(number):
                values[row] = number
            else:
                values[row], problems[row] = np.nan, _complain(answer)
        return Scores(values, problems)

    def _labels(self, codes: NDArray[np.float64], row_of: Callable[[int], Any]) -> Scores:
        problems = {}
        for row in map(int, np.flatnonzero(np.isnan(codes))):
            answer = self._ask(row_of(row))
            if answer is None or isinstance(answer, _Failure) or (isinstance(answer, float) and np.isnan(answer)):
                problems[row] = _complain(answer)
            else:
                codes[row] = self._code_of(answer)
        indices = np.where(np.isnan(codes), len(self._texts), codes).astype(np.intp)
        texts: list[str | None] = [*self._texts, None]
        numbers = np.array([_spelt(text) for text in texts], dtype=np.float64)
        if NO_ANSWER in self._texts:
            silent = self._texts.index(NO_ANSWER)
            problems |= dict.fromkeys(map(int, np.flatnonzero(indices == silent)), _SILENT)
            texts[silent] = None
        return Scores(numbers[indices], problems, np.array(texts, dtype=object)[indices])

    def _code_of(self, answer: Any) -> int:
        with self._filling:
            known = self._codes.get(answer)
            if known is None:
                self._texts.append(text_of(answer))
                known = float(len(self._texts) - 1)
                self._codes.put(answer, known)
        return int(known)

    def _most_likely(self, probabilities: NDArray[np.float64], row_of: Callable[[int], Any]) -> Scores:
        """The label with the highest probability, for each row; of equals the first, as in JPMML."""
        best = probabilities.argmax(axis=1)
        unknown = np.isnan(probabilities).any(axis=1)
        values, labels = self._class_numbers[best], self._classes[best]
        problems = {}
        for row in map(int, np.flatnonzero(unknown)):
            answer = self._ask(row_of(row))
            problems[row] = (
                _complain(answer)
                if isinstance(answer, _Failure)
                else "the model gave no answer, some label has no probability; perhaps an input is missing, or large"
            )
        values[unknown], labels[unknown] = np.nan, None
        return Scores(values, problems, labels)

    def _ask(self, row: Any) -> Any:
        """Score one row by itself, to learn what its answer is, or what is wrong."""
        try:
            return next(iter(self.java.predict(row)))
        except jpype.JException as error:
            return _Failure(_explain(self.java, jvm.describe(error)))


class _Failure(str):
    """What an engine said instead of an answer."""

    __slots__ = ()


def _explain(model: Any, failure: str) -> str:
    """What to tell of a record on which the engine failed."""
    if "key not found" in failure and str(model.getClass().getSimpleName()) == "NearestNeighborModel":
        return (
            "as many of its nearest neighbours have one label as another, and the PMML engine cannot choose; "
            "another numberOfNeighbors (odd, for two labels) leaves no tie"
        )
    return f"the PMML engine failed: {failure}"


def load_engine(document: str) -> Any:
    """The engine's model.

    Raises:
        ModelFormatError: the engine cannot read it.
    """
    try:
        return jvm.java_class("org.pmml4s.model.Model").fromString(document)
    except jpype.JException as error:
        raise ModelFormatError(f"the PMML engine cannot read the model: {jvm.describe(error)}.") from error


def text_of(answer: Any) -> str:
    """A label as the document writes it."""
    return str(answer).lower() if is_yes_or_no(answer) else str(answer)


def is_yes_or_no(answer: Any) -> bool:
    """Whether an answer is a boolean; Java's is a whole number to Python."""
    return isinstance(answer, bool) or type(answer).__name__ == "java.lang.Boolean"


def _objects(cells: list[Any]) -> Any:
    return jpype.JArray(jpype.JObject)(cells)


def _complain(answer: Any) -> str:
    return str(answer) if isinstance(answer, _Failure) else unanswerable(answer)


def _spelt(answer: Any) -> float:
    """The finite number that an answer is, or spells; otherwise NaN."""
    if answer is None or is_yes_or_no(answer):
        return float("nan")
    if isinstance(answer, int | float):
        number = float(answer)
    else:
        number = float(str(answer)) if _NUMBER.fullmatch(str(answer)) else float("nan")
    return number if np.isfinite(number) else float("nan")
