"""PMML, scored by PMML4S (pypmml) in the JVM of this process."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import jpype
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelserving.errors import ModelFormatError, ScoringError
from modelserving.models.formats.inputs import ColumnReader, FieldReader, score_rows, to_batch
from modelserving.models.formats.pmml.cells import Cells, read_cells
from modelserving.models.formats.pmml.document import PmmlDocument, read_pmml
from modelserving.models.formats.pmml.engine import PmmlEngine, is_yes_or_no, load_engine, text_of
from modelserving.models.model import NO_PARAMETERS, OUTPUT, OUTPUTS, Records, Scores, choose_outputs
from modelserving.records import FEATURES, Column, ColumnType, ModelDescriptor
from modelserving.records.schema import spell

_SMALLEST = b"""
    <PMML version="4.4"><Header/><DataDictionary/>
    <RegressionModel functionName="regression"><MiningSchema/><RegressionTable intercept="0"/></RegressionModel></PMML>
"""
_XML = re.compile(rb"(\xef\xbb\xbf)?\s*<[?!A-Za-z]")  # a graph may begin with a line feed and a "<", too


class PmmlModel:
    """A PMML document that is ready to score.

    Inputs are found by name and type. An answer is the number that the model predicts, or a label.

    Args:
        data: the document.
        parameters: ``output`` names the OutputField that answers instead of the predicted value, ``outputs`` those to
            give beside it; both may be absent.

    Raises:
        ModelFormatError: it is no PMML, or of a kind that the engine cannot score.
        ModelRefused: it is hostile or too large, or the engine would answer it wrongly.
    """

    def __init__(self, data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> None:
        document = read_pmml(data, full=bool(parameters.get(OUTPUT) or parameters.get(OUTPUTS)))
        java = load_engine(document.text)
        self._data = data
        self.columns: tuple[Column, ...] = tuple(
            document.columns.get(name, Column(name)) for name in map(str, java.inputNames())
        )
        self._engine: PmmlEngine | None = PmmlEngine(java, len(self.columns), document.classes)
        self._cells = ColumnReader(self.columns)
        self._required, self._longest, self._spelt = document.required, document.longest, document.spelt
        self._absent = document.absent
        self._reader: FieldReader | None = None
        if not self._absent and all(column.type.is_number for column in self.columns):
            self._reader = _number_reader(self.columns, self.inputs)
        self._outputs = _Outputs(document, parameters, tuple(column.name for column in self.columns))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Fields of the record that it reads, in the order of its mining schema; spelt as default records have them."""
        names = [column.name for column in self.columns]
        return tuple(spell(name) if spell(name) in FEATURES else name for name in names)

    def score(self, records: Records) -> Scores:
        """Score a batch in one call to Java.

        Raises:
            ModelInputError: the records lack a column, or have it in a type that does not fit.
            ScoringError: the engine failed on the whole batch, or the model is closed.
        """
        engine = self._engine
        if engine is None:
            raise ScoringError("this PMML model is closed.")
        if self._reader is not None and not self._outputs.wanted:
            if not isinstance(records, pa.RecordBatch):
                return score_rows(self._reader, records, engine.score_matrix)
            matrix = self._reader.read(records)
            if len(matrix) and not self._reader.problems(matrix):
                return engine.score_matrix(matrix)
        return self._score_cells(engine, to_batch(records))

    def to_bytes(self) -> bytes:
        """The document, as it arrived."""
        return self._data

    def close(self) -> None:
        """Let Java collect the model. A second call does nothing."""
        self._engine = None
        self._outputs.close()

    def _score_cells(self, engine: PmmlEngine, batch: Any) -> Scores:
        """Score records of any type, with what is missing."""
        arrays = self._cells.read(batch)
        nullable = [batch.schema.field(index).nullable for index in self._cells.bind(batch.schema)]
        known = self._required, self._longest, self._spelt, self._absent
        cells = read_cells(self.columns, arrays, nullable, *known)
        rows = [row for row in range(len(batch)) if row not in cells.problems]
        flat = cells.flat(rows)
        scores = engine.score_cells(len(rows), flat) if rows else Scores(np.empty(0))
        if scores.problems:
            named = {row: reason + self._missing(cells, rows[row]) for row, reason in scores.problems.items()}
            scores = replace(scores, problems=named)
        if self._outputs.wanted:
            scores = self._outputs.add(scores, [engine.row(flat, row) for row in range(len(rows))])
        return _spread(scores, rows, len(batch), cells.problems)

    def _missing(self, cells: Cells, row: int) -> str:
        """What a record lacks of what the model reads, as the end of a sentence."""
        columns = zip(self.columns, cells.columns, strict=True)
        names = [column.name for column, values in columns if values[row] is None]
        return f"; the record has no {', '.join(names)}" if names else ""


class PmmlFactory:
    """Makes models of PMML."""

    suffixes = (".pmml", ".xml")

    def begins(self, head: bytes) -> bool:
        """Whether a file that begins so is XML."""
        return _XML.match(head) is not None

    def create(self, descriptor: ModelDescriptor) -> PmmlModel:
        """Build a model of the bytes that the descriptor carries; errors as ``PmmlModel``."""
        return PmmlModel(descriptor.data, descriptor.parameters)

    def restore(self, data: bytes, parameters: Mapping[str, str] = NO_PARAMETERS) -> PmmlModel:
        """Build a model of a document; errors as ``PmmlModel``."""
        return PmmlModel(data, parameters)

    def preload(self) -> None:
        """Start the JVM, and let it load what every model needs."""
        model = PmmlModel(_SMALLEST)
        model.score(pa.RecordBatch.from_pydict({"nothing": [0.0]}))
        model.close()


class _Outputs:
    """The OutputFields that a descriptor asks for, by a second engine that knows them all.

    Args:
        document: the model's.
        parameters: of the descriptor.
        inputs: in the order in which they are fed.
    """

    def __init__(self, document: PmmlDocument, parameters: Mapping[str, str], inputs: tuple[str, ...]) -> None:
        self._answer = parameters.get(OUTPUT, "").strip()
        asked = {self._answer, *(name.strip() for name in parameters.get(OUTPUTS, "").split(","))}
        for name in sorted(asked & document.misread):
            raise ModelFormatError(
                f"the PMML model declares the output {name!r}, which the engine answers wrongly. It has: "
                f"{', '.join(document.outputs) or 'none but its answer'}."
            )
        self._names = choose_outputs(document.outputs, parameters)
        self.wanted = bool(self._answer or parameters.get(OUTPUTS, "").strip())
        self._java: Any = None
        self._predicted = document.predicted
        self._following = document.following
        self._shares = document.shares
        self._columns: dict[str, int] = {}
        if not self.wanted:
            return
        self._java = load_engine(document.full_text)
        if tuple(map(str, self._java.inputNames())) != inputs:
            raise ModelFormatError("the PMML model reads other inputs for its outputs than for its answer.")
        self._columns = {str(name): column for column, name in enumerate(self._java.outputNames())}
        if self._answer and self._answer not in self._columns:
            raise ModelFormatError(
                f"the PMML model has no output {self._answer!r}, which the parameter {OUTPUT!r} names. It has: "
                f"{', '.join(self._columns)}."
            )

    def add(self, scores: Scores, rows: Sequence[Any]) -> Scores:
        """The scores with the outputs that were asked for."""
        answers = [self._predict(row) for row in rows]
        found = {name: self._column(name, answers, scores) for name in self._names}
        if self._answer and self._answer not in self._predicted:
            scores = _answered(self._column(self._answer, answers, scores), scores.problems)
        return replace(scores, outputs=found)

    def _column(self, name: str, answers: Sequence[Sequence[Any]], scores: Scores) -> NDArray[Any]:
        if name in self._predicted:  # of labels that are equally likely the engine takes any
            return scores.values if scores.labels is None else scores.labels
        column = self._columns[name]
        values = [row[column] if column < len(row) else None for row in answers]
        if name in self._shares:
            values = [
                None if value is None else self._of_votes(value, row)
                for value, row in zip(values, answers, strict=True)
            ]
        if name in self._following:
            values = [None if self._turned(row, scores, n) else values[n] for n, row in enumerate(answers)]
        return _as_array(values)

    def _turned(self, row: Sequence[Any], scores: Scores, index: int) -> bool:
        """Whether the engine took another of equally likely labels: what it made of that is of no use."""
        named = [row[self._columns[name]] for name in self._predicted if row and name in self._columns]
        labels = scores.labels
        return labels is not None and any(value is not None and text_of(value) != labels[index] for value in named)

    def _of_votes(self, share: float, row: Sequence[Any]) -> float | None:
        """A share of all votes but those for no answer."""
        cast = sum(float(row[self._columns[name]] or 0.0) for name in self._shares)
        return float(share) / cast if cast else None

    def _predict(self, row: Any) -> Sequence[Any]:
        try:
            return list(self._java.predict(row))
        except jpype.JException:
            return ()  # the answer's own engine says why

    def close(self) -> None:
        """Let Java collect the engine."""
        self._java = None


def _number_reader(columns: Sequence[Column], names: Sequence[str]) -> FieldReader:
    kinds = dict(zip(names, (column.type for column in columns), strict=True))
    return FieldReader(
        names,
        single_precision={name for name, kind in kinds.items() if kind is ColumnType.FLOAT},
        whole={name for name, kind in kinds.items() if kind.is_whole},
    )


def _as_array(values: Sequence[Any]) -> NDArray[Any]:
    """Numbers where all are, with NaN for what is missing; otherwise texts, and ``None``."""
    if all(value is None or (isinstance(value, int | float) and not is_yes_or_no(value)) for value in values):
        return np.array([np.nan if value is None else float(value) for value in values], dtype=np.float64)
    return np.array([None if value is None else text_of(value) for value in values], dtype=object)


def _answered(column: NDArray[Any], problems: Mapping[int, str]) -> Scores:
    """One output as the answer."""
    if column.dtype != object:
        missing = {int(row): "the output has no value" for row in np.flatnonzero(~np.isfinite(column))}
        return Scores(column, {**missing, **problems})
    missing = {row: "the output has no value" for row, value in enumerate(column) if value is None}
    return Scores(np.full(len(column), np.nan), {**missing, **problems}, column)


def _spread(scores: Scores, rows: Sequence[int], count: int, problems: Mapping[int, str]) -> Scores:
    """The scores of some rows as those of all, with the others' problems."""
    if len(rows) == count:
        return scores
    indices = np.asarray(rows, dtype=np.intp)
    merged = {**problems, **{rows[row]: reason for row, reason in scores.problems.items()}}
    return Scores(
        _scatter(scores.values, indices, count),
        dict(sorted(merged.items())),
        None if scores.labels is None else _scatter(scores.labels, indices, count),
        {name: _scatter(column, indices, count) for name, column in scores.outputs.items()},
    )


def _scatter(column: NDArray[Any], indices: NDArray[np.intp], count: int) -> NDArray[Any]:
    spread = np.full(count, None if column.dtype == object else np.nan, dtype=column.dtype)
    spread[indices] = column
    return spread
