"""What records are made of: typed columns with names. A batch of records is an Arrow record batch."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import pyarrow as pa

from modelserving.errors import RecordError


class ColumnType(StrEnum):
    """What the values of a column are."""

    DOUBLE = "double"
    FLOAT = "float"
    INT32 = "int32"
    INT64 = "int64"
    BOOLEAN = "boolean"
    STRING = "string"

    @property
    def arrow(self) -> Any:
        """The type of Arrow that such a column has when this package makes it."""
        return _ARROW[self]

    @property
    def is_whole(self) -> bool:
        """Whether its values are whole numbers."""
        return self in {ColumnType.INT32, ColumnType.INT64}

    @property
    def is_floating(self) -> bool:
        """Whether its values are numbers with a fraction."""
        return self in {ColumnType.DOUBLE, ColumnType.FLOAT}

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.is_whole or self.is_floating


_ARROW = {
    ColumnType.DOUBLE: pa.float64(),
    ColumnType.FLOAT: pa.float32(),
    ColumnType.INT32: pa.int32(),
    ColumnType.INT64: pa.int64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.STRING: pa.string(),
}
_FROM_ARROW = {
    **{arrow: kind for kind, arrow in _ARROW.items()},
    **dict.fromkeys((pa.int8(), pa.int16(), pa.uint8(), pa.uint16()), ColumnType.INT32),
    **dict.fromkeys((pa.uint32(), pa.uint64()), ColumnType.INT64),
    pa.float16(): ColumnType.FLOAT,
    **dict.fromkeys((pa.large_string(), pa.string_view()), ColumnType.STRING),
}


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Args:
        name: of the field.
        type: of its values.
        nullable: whether a value may be missing: null, or NaN in a column of floating-point numbers.
        examples: usual values, with which a model is tried that brings no golden records.
    """

    name: str
    type: ColumnType = ColumnType.DOUBLE
    nullable: bool = True
    examples: tuple[Any, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        return f"{self.name} ({self.type})"


@dataclass(frozen=True, slots=True)
class RecordSchema:
    """The columns of a kind of record, how such a record travels, and whose models score it.

    Args:
        name: of the kind, for example ``income``.
        columns: in order; no two of one name.
        encoding: how such a record travels: ``protobuf``, ``avro`` or ``json``.
        subject: under which name a registry keeps it; empty for none.
        definition: a .proto text, the bytes of a ``FileDescriptorSet``, or Avro's JSON; empty: what the columns say,
            in Protocol Buffers numbered from 1.
        message: of a definition with several messages, the full name of the one.
        data_types: whose models score each record, one answer by each; none: the one of the schema's name.
        data_type_from: where a record itself says its data type: ``column NAME``, ``header NAME`` or ``key``; empty: it
            does not, and ``data_types`` hold for all.

    Raises:
        RecordError: two columns have one name, nothing is of the form of ``data_type_from``, or its column is no text.
    """

    name: str
    columns: tuple[Column, ...]
    encoding: str = "protobuf"
    subject: str = ""
    definition: str | bytes = ""
    message: str = ""
    data_types: tuple[str, ...] = ()
    data_type_from: str = ""
    _arrow: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        fields = [pa.field(column.name, column.type.arrow, column.nullable) for column in self.columns]
        object.__setattr__(self, "_arrow", pa.schema(fields))
        twice = sorted({name for name in self.names if self.names.count(name) > 1})
        if twice:
            raise RecordError(f"schema {self.name!r} has several columns of one name: {', '.join(twice)}.")
        where, _, name = self.data_type_from.partition(" ")
        if where not in {"", "key", "column", "header"} or bool(name) is not (where in {"column", "header"}):
            raise RecordError(
                f"schema {self.name!r}: data_type_from is {self.data_type_from!r}; 'column NAME', 'header NAME' or "
                "'key' was expected."
            )
        if where == "column" and name not in self.names:
            raise RecordError(f"schema {self.name!r} has no column {name!r}, which is to say the data type.")
        if where == "column" and (kind := self.columns[self.names.index(name)].type) is not ColumnType.STRING:
            raise RecordError(
                f"schema {self.name!r}: column {name!r} is {kind}, and is to say the data type, which is a text."
            )

    def may_be_of(self, data_type: str) -> bool:
        """Whether a record of this schema can be one that this data type's model scores."""
        return bool(self.data_type_from) or data_type in (self.data_types or (self.name,))

    @property
    def names(self) -> tuple[str, ...]:
        """Of the columns, in order."""
        return tuple(column.name for column in self.columns)

    def to_arrow(self) -> Any:
        """The ``pyarrow.Schema`` of its batches."""
        return self._arrow


def spell(name: str) -> str:
    """A name as all its spellings have it: exporters write ``mass (g)`` as ``mass__g_``, and R as ``mass..g.``.

    What begins with a digit gets something before it: of ``2nd try`` scikit-learn's ONNX makes ``_2nd_try``, and R
    ``X2nd.try``. Capitals count: a model that asks for ``PH`` does not mean ``pH``.
    """
    return re.sub(r"^(X|_)?(?=\d)", "_", re.sub(r"[\W_]+", "_", name.strip()))


def match_names(wanted: Iterable[str], known: Iterable[str]) -> dict[str, str]:
    """Which of the known columns is meant by each wanted name: the one of that name, or the only one spelt alike.

    Two that both have signs in them are never alike: neither ``C++`` and ``C#``, nor ``age<30`` and ``age>=30``.

    Args:
        wanted: names, as whoever asks writes them.
        known: names that there are.

    Returns:
        The known name by the wanted one; one that nothing is meant by is absent.
    """
    there, asked = dict.fromkeys(known), dict.fromkeys(wanted)
    found = {name: name for name in asked if name in there}
    rest, open_ = [name for name in there if name not in found], [name for name in asked if name not in found]
    times, times_asked = Counter(map(spell, rest)), Counter(map(spell, open_))
    alike = {spell(name): name for name in rest if times[spell(name)] == 1}
    for name in open_:
        other = alike.get(spell(name))
        if other is not None and (_is_plain(name) or (_is_plain(other) and times_asked[spell(name)] == 1)):
            found[name] = other
    return found


def _is_plain(name: str) -> bool:
    """Whether a name may be what an exporter made of another one."""
    return re.fullmatch(r"[\w .]+", name) is not None


def type_of(arrow: Any) -> ColumnType | None:
    """What the values of an Arrow type are, or ``None``; a dictionary is what it holds."""
    return _FROM_ARROW.get(arrow.value_type if pa.types.is_dictionary(arrow) else arrow)
