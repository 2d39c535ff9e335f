"""From records to the tensors of an engine that takes tensors: one matrix, or one input per column, of any type.

What an engine would answer with nonsense is kept from it, row by row: a value that is missing where the model has no
treatment of missing values, a fraction for a whole number, a number that is too large.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from modelserving.errors import ModelInputError, ScoringError, UnnamedColumns
from modelserving.models.formats.inputs import ColumnReader, FieldReader
from modelserving.models.model import INPUTS, Records, Scores
from modelserving.records import FEATURES, Column, ColumnType
from modelserving.records.schema import spell

Tensors: TypeAlias = list[NDArray[Any]]
"""What is fed: an array for each input, all with one row for each record."""

_KINDS = {"f4": ColumnType.FLOAT, "i8": ColumnType.INT64, "b1": ColumnType.BOOLEAN, "O8": ColumnType.STRING}
_HOW_TO_SAY = f"Say which fields all columns are: --inputs a,b,c, or the descriptor's parameter {INPUTS!r}."
_OTHERS = {"f": ColumnType.DOUBLE, "i": ColumnType.INT32, "u": ColumnType.INT64}


@dataclass(frozen=True, slots=True)
class Feed:
    """One input of an engine.

    Args:
        name: of the input.
        fields: names of the columns that it takes, in order.
        kind: of its elements; ``object`` for texts.
        flat: whether it takes one value for each record, shape ``(n,)``, rather than ``(n, len(fields))``.
        takes_missing: whether the model itself has a treatment of NaN here.
        sentinel: the text that stands for a missing one in this model; ``None`` if none does.
    """

    name: str
    fields: tuple[str, ...]
    kind: np.dtype[Any]
    flat: bool = False
    takes_missing: bool = False
    sentinel: str | None = None

    @property
    def type(self) -> ColumnType:
        """What its columns hold."""
        return _KINDS.get(f"{self.kind.kind}{self.kind.itemsize}") or _OTHERS[self.kind.kind]

    @property
    def columns(self) -> tuple[Column, ...]:
        """What it takes, as columns of records."""
        nullable = self.takes_missing or self.sentinel is not None
        return tuple(Column(field, self.type, nullable) for field in self.fields)


class FeedReader:
    """Reads records into the tensors of some feeds.

    Args:
        feeds: of one model, in the order in which it wants them.
    """

    def __init__(self, feeds: Sequence[Feed]) -> None:
        self.feeds = tuple(feeds)
        self.fields = tuple(field for feed in feeds for field in feed.fields)
        self.columns = tuple(column for feed in feeds for column in feed.columns)
        self._columns = ColumnReader(self.columns)
        self._numbers = self._plain_numbers()

    @property
    def is_guess(self) -> bool:
        """Whether its columns are the default records' because the model names none; or says these very ones."""
        return len(self.feeds) == 1 and self.fields == FEATURES

    def score(self, records: Records, run: Callable[[Tensors], Scores]) -> Scores:
        """Score a batch, without the rows that no engine should see.

        If the engine fails, the batch is halved until the rows are found that it fails on.

        Args:
            records: the batch.
            run: the engine; gets at least one row.

        Raises:
            ModelInputError: the records lack columns, or have them in a type that does not fit.
        """
        tensors, problems = self.read(records)
        answers = _Answers(run, problems)
        rows = np.arange(len(records), dtype=np.intp)
        if problems:
            rows = np.delete(rows, list(problems))
            tensors = [tensor[rows] for tensor in tensors]
        if len(rows):
            answers.add(tensors, rows)
        return answers.collect(len(records))

    def samples(self, count: int) -> Tensors:
        """Some rows of ones, to try an engine with."""
        return [
            np.full(
                count if feed.flat else (count, len(feed.fields)),
                (feed.sentinel or "1") if feed.type is ColumnType.STRING else 1,
                feed.kind,
            )
            for feed in self.feeds
        ]

    def _plain_numbers(self) -> FieldReader | None:
        """The quick way where all that is read are floating-point numbers."""
        if not all(feed.type.is_floating and not feed.takes_missing for feed in self.feeds):
            return None
        return FieldReader(self.fields, min(float(np.finfo(feed.kind).max) for feed in self.feeds))

    def read(self, records: Records) -> tuple[Tensors, dict[int, str]]:
        """What is fed for a batch, and why a row of it must not be."""
        if self._numbers is not None:
            matrix = self._numbers.read(records)
            problems = dict(self._numbers.problems(matrix))
            if not problems or not isinstance(records, pa.RecordBatch):
                return self._split(matrix), problems
        found: dict[int, str] = {}
        values = [_Reading(feed, found) for feed in self.feeds for _ in feed.fields]
        arrays = [
            reading.read(field, array)
            for reading, field, array in zip(values, self.fields, self._columns.read(records), strict=True)
        ]
        return self._join(arrays), found

    def _split(self, matrix: NDArray[np.float64]) -> Tensors:
        """The columns of each feed; what is too large for one has been found already."""
        tensors, start = [], 0
        for feed in self.feeds:
            stop = start + len(feed.fields)
            with np.errstate(over="ignore"):
                part = matrix[:, start] if feed.flat else matrix[:, start:stop]
                tensors.append(part.astype(feed.kind, order="C"))
            start = stop
        return tensors

    def _join(self, arrays: Sequence[NDArray[Any]]) -> Tensors:
        tensors, start = [], 0
        for feed in self.feeds:
            stop = start + len(feed.fields)
            tensors.append(arrays[start] if feed.flat else np.stack(arrays[start:stop], axis=1))
            start = stop
        return tensors


class _Reading:
    """How a column becomes an array of its feed's kind; complains row by row in ``problems``."""

    def __init__(self, feed: Feed, problems: dict[int, str]) -> None:
        self._feed = feed
        self._problems = problems

    def read(self, field: str, column: Any) -> NDArray[Any]:
        """The values of a ``pyarrow.Array``; where there is a problem, anything."""
        array = column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
        if self._feed.type is ColumnType.STRING:
            return self._read_texts(field, array.cast(pa.string()))
        if self._feed.type.is_floating:
            return self._read_numbers(field, array.to_numpy(zero_copy_only=False).astype(np.float64))
        missing = _nulls(array)
        self._complain(missing, field, _untreated)
        filled = array.fill_null(False if pa.types.is_boolean(array.type) else 0) if missing.any() else array
        values = filled.to_numpy(zero_copy_only=False)
        return values.astype(self._feed.kind) if values.dtype.kind == "b" else self._read_whole(field, values, missing)

    def _read_texts(self, field: str, array: Any) -> NDArray[Any]:
        missing = _nulls(array)
        if self._feed.sentinel is None:
            self._complain(missing, field, _untreated)
        values: NDArray[Any] = array.fill_null(self._feed.sentinel or "").to_numpy(zero_copy_only=False)
        return values.astype(object)

    def _read_numbers(self, field: str, values: NDArray[np.float64]) -> NDArray[Any]:
        missing = np.isnan(values)
        if not self._feed.takes_missing:
            self._complain(missing, field, _untreated)
        self._complain(np.isinf(values), field, lambda row: f"{values[row]}, not a finite number")
        large = np.isfinite(values) & (np.abs(values) > float(np.finfo(self._feed.kind).max))
        self._complain(large, field, lambda row: f"{values[row]}, too large for this model")
        with np.errstate(over="ignore"):
            return values.astype(self._feed.kind)

    def _read_whole(self, field: str, values: NDArray[Any], missing: NDArray[np.bool_]) -> NDArray[Any]:
        if values.dtype.kind == "f":
            lost = ~missing & np.isnan(values)
            self._complain(lost, field, _untreated)
            values = np.where(np.isnan(values), 0.0, values)
            split = values != np.trunc(values)
            self._complain(split, field, lambda row: f"{values[row]}, and this model takes whole numbers only")
        limits = np.iinfo(self._feed.kind)
        with np.errstate(invalid="ignore"):
            whole = values.astype(self._feed.kind)
        fit = (values >= limits.min) & (values <= limits.max) & ((values < 2.0**63) | (values.dtype.kind != "f"))
        self._complain(~fit, field, lambda row: f"{values[row]}, too large for this model")
        return whole

    def _complain(self, wrong: NDArray[np.bool_], field: str, why: Callable[[int], str]) -> None:
        for row in np.flatnonzero(wrong).tolist():
            self._problems.setdefault(row, f"{field} is {why(row)}")


def deal_columns(widths: Mapping[str, int | None], parameters: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Which columns of records go into which input of a model.

    An input of one column is named after it. A single input of eleven columns, or of unknown width, takes the
    default records' columns, in their order. Any other has to be told, by the descriptor's parameter ``inputs``: names
    with commas, which are dealt to the inputs in order.

    Args:
        widths: of each input, in the model's order; ``None`` where the model does not say.
        parameters: of the descriptor.

    Raises:
        ModelInputError: it is not clear.
    """
    dealt = _deal(widths, tuple(name.strip() for name in parameters.get(INPUTS, "").split(",") if name.strip()))
    return {name: tuple(map(_measurement, fields)) for name, fields in dealt.items()}


def _measurement(name: str) -> str:
    """A column of the default records as these call it, whatever the exporter wrote; any other name as it is."""
    spelt = spell(name)
    return spelt if spelt in FEATURES else name


def _deal(widths: Mapping[str, int | None], named: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
    if len(widths) == 1:
        [(name, width)] = widths.items()
        fields = named or ((name,) if width == 1 else FEATURES)
        if width is not None and width != len(fields):
            has = f"the model's input {name!r} has {width} columns, and"
            if named:
                raise ModelInputError(f"{has} {len(named)} are named. {_HOW_TO_SAY}")
            raise UnnamedColumns(f"{has} the model does not name them. {_HOW_TO_SAY}", width)
        return {name: fields}
    wide = [
        f"input {name!r} of {len(widths)} has {width} columns"
        for name, width in widths.items()
        if width not in {1, None}
    ]
    if not named:
        if wide:
            raise ModelInputError(f"{wide[0]}; one field was expected. {_HOW_TO_SAY}")
        return {name: (name,) for name in widths}
    total = sum(width or 1 for width in widths.values())
    if total != len(named):
        raise ModelInputError(
            f"the model has {len(widths)} inputs with {total} columns in all, and the parameter {INPUTS!r} names "
            f"{len(named)}."
        )
    rest = iter(named)
    return {name: tuple(next(rest) for _ in range(width or 1)) for name, width in widths.items()}


@dataclass(slots=True)
class _Answers:
    """What an engine answers to a batch, and why to some rows it does not."""

    run: Callable[[Tensors], Scores]
    problems: dict[int, str]
    parts: list[tuple[NDArray[np.intp], Scores]] = field(default_factory=list)

    def add(self, tensors: Tensors, rows: NDArray[np.intp]) -> None:
        """Score some rows; where the engine fails, halve them until those are found that it fails on."""
        try:
            self.parts.append((rows, self.run(tensors)))
        except ScoringError as error:
            if len(rows) == 1:
                self.problems[int(rows[0])] = str(error)
                return
            middle = len(rows) // 2
            self.add([tensor[:middle] for tensor in tensors], rows[:middle])
            self.add([tensor[middle:] for tensor in tensors], rows[middle:])

    def collect(self, count: int) -> Scores:
        """The answers as those of the whole batch."""
        if len(self.parts) == 1 and len(self.parts[0][0]) == count:
            return self.parts[0][1]
        for rows, scores in self.parts:
            self.problems.update({int(rows[row]): reason for row, reason in scores.problems.items()})
        values = self._spread(count, [(rows, scores.values) for rows, scores in self.parts], np.empty(0))
        labels = [(rows, scores.labels) for rows, scores in self.parts if scores.labels is not None]
        names = self.parts[0][1].outputs if self.parts else ()
        outputs = {
            name: self._spread(count, [(rows, scores.outputs[name]) for rows, scores in self.parts]) for name in names
        }
        problems = dict(sorted(self.problems.items()))
        return Scores(values, problems, self._spread(count, labels) if labels else None, outputs)

    @staticmethod
    def _spread(
        count: int, parts: Sequence[tuple[NDArray[np.intp], NDArray[Any]]], like: NDArray[Any] | None = None
    ) -> NDArray[Any]:
        like = parts[0][1] if parts else like
        assert like is not None
        texts = like.dtype.kind in "OSU"
        whole = np.full((count, *like.shape[1:]), None if texts else np.nan, object if texts else np.float64)
        for rows, array in parts:
            whole[rows] = array
        return whole


def _untreated(_row: int) -> str:
    return "missing, and this model has no treatment of missing values"


def _nulls(array: Any) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = array.is_null().to_numpy(zero_copy_only=False)
    return found
