"""Many wine records at once: one matrix instead of many objects.

Protocol Buffers write a wine as eleven numbers, each a tag and eight bytes, and the data type behind them. A number
that is 0 is left out. So messages of one length mostly have one *layout*: it is found out from the first of them,
compared with all of them at once, and where it is the same, the numbers are read at once. Any other message is read by
itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from operator import attrgetter, itemgetter
from typing import Any, Self, overload

import numpy as np
from numpy.typing import NDArray

from modelserving.errors import RecordError
from modelserving.records.fields import check_data_type
from modelserving.records.wine import FEATURES, WineRecord, decode_wine

__all__ = ["DecodedWines", "WineBatch", "decode_wines"]

_LAYOUTS = 4
"""How many layouts are tried for messages of one length, before the rest is read one by one."""
_DATA_TYPE_TAG = 12 << 3 | 2
_read_numbers = attrgetter(*FEATURES)


class WineBatch(Sequence[WineRecord]):
    """Records of one data type, as a matrix. To everybody else it is a sequence of records.

    Args:
        matrix: shape ``(n, 11)``, float64; a column for each of ``FEATURES``, in their order.
        data_type: of all of them.
    """

    __slots__ = ("data_type", "matrix")

    def __init__(self, matrix: NDArray[np.float64], data_type: str) -> None:
        self.matrix = matrix
        self.data_type = data_type

    @classmethod
    def of(cls, records: Sequence[WineRecord]) -> Self:
        """The batch of some records.

        Raises:
            RecordError: they are of several data types, or none at all.
        """
        types = {record.data_type for record in records}
        if len(types) != 1:
            raise RecordError(f"a batch has records of one data type; these have {len(types)}: {sorted(types)}.")
        return cls(np.array([_read_numbers(record) for record in records], dtype=np.float64), types.pop())

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> WineBatch:
        """The batch of some rows, in the order of ``rows``."""
        return WineBatch(self.matrix[np.asarray(rows, dtype=np.intp)], self.data_type)

    def __len__(self) -> int:
        return len(self.matrix)

    @overload
    def __getitem__(self, row: int) -> WineRecord: ...
    @overload
    def __getitem__(self, row: slice) -> WineBatch: ...
    def __getitem__(self, row: int | slice) -> WineRecord | WineBatch:
        if isinstance(row, slice):
            return WineBatch(self.matrix[row], self.data_type)
        return _make(self.matrix[row].tolist(), self.data_type)

    def __iter__(self) -> Iterator[WineRecord]:
        for numbers in self.matrix.tolist():
            yield _make(numbers, self.data_type)

    def __repr__(self) -> str:
        return f"WineBatch({len(self)} records of {self.data_type!r})"


def _make(numbers: list[float], data_type: str) -> WineRecord:
    return WineRecord(**dict(zip(FEATURES, numbers, strict=True)), data_type=data_type)


@dataclass(frozen=True, slots=True)
class DecodedWines:
    """What some messages hold.

    Args:
        groups: for each data type, the numbers of its messages, ascending, and their records in the same order.
        problems: why a message is no record, by its number.
    """

    groups: Mapping[str, tuple[list[int], WineBatch]]
    problems: Mapping[int, RecordError] = field(default_factory=dict)


def decode_wines(values: Sequence[bytes | None]) -> DecodedWines:
    """Read many messages; each as ``decode_wine`` would, only faster.

    Args:
        values: the bytes of the messages.
    """
    lengths: dict[int, list[int]] = {}
    for row, value in enumerate(values):
        lengths.setdefault(len(value) if value else 0, []).append(row)
    pile = _Pile(values)
    for rows in lengths.values():
        pile.read(rows)
    return DecodedWines(pile.groups(), dict(sorted(pile.problems.items())))


class _Pile:
    """Messages that are being read."""

    def __init__(self, values: Sequence[bytes | None]) -> None:
        self._values = values
        self._parts: dict[str, list[tuple[NDArray[np.intp], NDArray[np.float64]]]] = {}
        self._single: dict[str, list[tuple[int, WineRecord]]] = {}
        self.problems: dict[int, RecordError] = {}

    def read(self, rows: list[int]) -> None:
        """Read messages that are equally long."""
        for _ in range(_LAYOUTS):
            layout = _find_layout(self._values[rows[0]]) if len(rows) > 1 else None
            if layout is None:
                break
            rows = self._read_alike(rows, layout)
            if not rows:
                return
        self._read_each(rows)

    def _read_alike(self, rows: list[int], layout: _Layout) -> list[int]:
        """Read those that have a layout; and the numbers of the others."""
        joined = b"".join(self._values[row] or b"" for row in rows)
        alike = layout.fits(joined)
        chosen = np.array(rows, dtype=np.intp)
        matrix = layout.numbers(joined)
        if not alike.all():
            others: list[int] = chosen[~alike].tolist()
            chosen, matrix = chosen[alike], matrix[alike]
        else:
            others = []
        try:
            self._parts.setdefault(check_data_type(layout.data_type), []).append((chosen, matrix))
        except RecordError as error:
            self.problems.update(dict.fromkeys(chosen.tolist(), error))
        return others

    def _read_each(self, rows: Iterable[int]) -> None:
        for row in rows:
            try:
                record = decode_wine(self._values[row])
            except RecordError as error:
                self.problems[row] = error
            else:
                self._single.setdefault(record.data_type, []).append((row, record))

    def groups(self) -> dict[str, tuple[list[int], WineBatch]]:
        """All that was read, by data type, in the order in which the types first appear."""
        for data_type, singles in self._single.items():
            singles.sort(key=itemgetter(0))  # they were read length by length
            matrix = np.array([_read_numbers(record) for _, record in singles], dtype=np.float64)
            part = np.array([row for row, _ in singles], dtype=np.intp), matrix
            self._parts.setdefault(data_type, []).append(part)
        found = [(data_type, *_merge(parts)) for data_type, parts in self._parts.items()]
        found.sort(key=lambda group: group[1][0])
        return {data_type: (rows, WineBatch(matrix, data_type)) for data_type, rows, matrix in found}


def _merge(parts: list[tuple[NDArray[np.intp], NDArray[np.float64]]]) -> tuple[list[int], NDArray[np.float64]]:
    """One part of several, in the order of the messages."""
    if len(parts) == 1:
        return parts[0][0].tolist(), parts[0][1]
    rows = np.concatenate([part for part, _ in parts])
    order = rows.argsort()
    return rows[order].tolist(), np.concatenate([matrix for _, matrix in parts])[order]


class _Layout:
    """Where a message of some length has its tags and numbers, and which data type it ends with."""

    def __init__(self, message: bytes, columns: list[int], data_type: str) -> None:
        self._columns = columns
        self.data_type = data_type
        end = 9 * len(columns)
        positions = [9 * place for place in range(len(columns))] + list(range(end, len(message)))
        self._fixed = np.array(positions, dtype=np.intp)
        self._expected = np.frombuffer(message, dtype=np.uint8)[self._fixed]
        self._length = len(message)
        self._numbers: Any = np.dtype(
            {
                "names": [FEATURES[column] for column in columns],
                "formats": ["<f8"] * len(columns),
                "offsets": [9 * place + 1 for place in range(len(columns))],
                "itemsize": len(message),
            }
        )

    def fits(self, joined: bytes) -> NDArray[np.bool_]:
        """For each of some messages, all in one, whether it has this layout."""
        table = np.frombuffer(joined, dtype=np.uint8).reshape(-1, self._length)
        same: NDArray[np.bool_] = (table[:, self._fixed] == self._expected).all(axis=1)
        return same

    def numbers(self, joined: bytes) -> NDArray[np.float64]:
        """Shape ``(n, 11)``: the numbers of messages that have this layout; 0 for what they leave out."""
        table = np.frombuffer(joined, dtype=self._numbers)
        matrix = np.zeros((len(table), len(FEATURES)))
        for column in self._columns:
            matrix[:, column] = table[FEATURES[column]]
        return matrix


def _find_layout(message: bytes | None) -> _Layout | None:
    """The layout of a message, or ``None`` if it is not written in the usual way: each field once, in order."""
    if not message:
        return None
    columns: list[int] = []
    place = 0
    while place < len(message) and message[place] != _DATA_TYPE_TAG:
        number, wire_type = message[place] >> 3, message[place] & 7
        last = columns[-1] if columns else -1
        if wire_type != 1 or not last + 1 < number <= len(FEATURES) or place + 9 > len(message):
            return None
        columns.append(number - 1)
        place += 9
    text = message[place + 2 :]
    if place < len(message) and (place + 1 == len(message) or message[place + 1] != len(text) or len(text) > 127):
        return None
    try:
        return _Layout(message, columns, text.decode("utf-8"))
    except UnicodeDecodeError:
        return None
