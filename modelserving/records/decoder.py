"""From messages to columns, and to whose models they go: all that a server has to know of the records it scores."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import numpy as np
import pyarrow as pa

from modelserving.errors import DecodeError, FieldError, RecordError
from modelserving.records.codecs.factory import make_codec
from modelserving.records.codecs.written import SCHEMA_ID_HEADER, WriterCodecs, WrittenCodec
from modelserving.records.fields import check_data_type
from modelserving.records.schema import RecordSchema

SCHEMA_HEADER = "schema"
"""Header of a message that names its schema, where a topic has records of several."""


class Envelope(Protocol):
    """A message, as far as it says what is in it; it may have ``headers``, pairs of a name and bytes."""

    @property
    def key(self) -> bytes | None:
        """Its key, if it has one."""
        ...

    @property
    def value(self) -> bytes | None:
        """Its bytes."""
        ...


EnvelopeT = TypeVar("EnvelopeT", bound=Envelope)


@dataclass(frozen=True, slots=True)
class RecordGroup:
    """Records that one data type's model scores.

    Args:
        data_type: whose.
        rows: for each of them, the number of its message, ascending.
        records: a ``pyarrow.RecordBatch`` of them, in the same order.
    """

    data_type: str
    rows: Sequence[int]
    records: Any


@dataclass(frozen=True, slots=True)
class SortedRecords:
    """What some messages hold.

    Args:
        groups: the records, by who scores them. A record that several models score is in several of them.
        problems: why a message is no record, by its number.
    """

    groups: tuple[RecordGroup, ...] = ()
    problems: Mapping[int, RecordError] = field(default_factory=dict)


class RecordDecoder:
    """Reads messages as records of some schemas; one that is no record costs the others nothing.

    Where there are several schemas, a message says by its header ``schema`` which it is of; or by its key, if that is a
    data type of one of them. It can be sent to another process.

    Args:
        schemas: of the records, at least one.
        only: the one data type whose records are wanted; empty: all.
        writers: knows the schemas that messages name by number; ``None``: all were written with ``schemas``.

    Raises:
        RecordError: there is none, two have one name, or one cannot be read by.
    """

    def __init__(self, schemas: Sequence[RecordSchema], only: str = "", writers: WriterCodecs | None = None) -> None:
        self.schemas = tuple(schemas)
        self._wanted = only
        self._writers = writers
        self._kinds = {schema.name: _Kind(schema, writers) for schema in self.schemas}
        if not self.schemas or len(self._kinds) < len(self.schemas):
            raise RecordError(f"one schema or more, each of its own name, was expected: {[*self._kinds]}.")
        self._only = next(iter(self._kinds.values())) if len(self._kinds) == 1 else None
        self._owners = {name: kind for kind in self._kinds.values() for name in kind.data_types}

    def __reduce__(self) -> tuple[Any, ...]:
        return RecordDecoder, (self.schemas, self._wanted, self._writers)

    @property
    def reads_frames(self) -> bool:
        """Whether each message is to begin with Confluent's framing."""
        return self._writers is not None and self._writers.framed

    @property
    def reads_headers(self) -> bool:
        """Whether headers say anything that it asks for; where they cost something, they need not come otherwise."""
        named = self._writers is not None and not self.reads_frames
        return named or self._only is None or self._only.reads_headers

    def decode(self, messages: Sequence[Envelope]) -> SortedRecords:
        """Read messages, and sort them by the data type that scores them."""
        problems: dict[int, RecordError] = {}
        if self._only is not None:
            groups = tuple(self._only.read(messages, range(len(messages)), problems))
        else:
            kinds: dict[str, list[int]] = {}
            for row, message in enumerate(messages):
                try:
                    kinds.setdefault(self._find(message).schema.name, []).append(row)
                except RecordError as error:
                    problems[row] = error
            groups = tuple(
                group
                for name, rows in kinds.items()
                for group in self._kinds[name].read(_take(messages, rows), rows, problems)
            )
        if self._wanted:
            groups = tuple(group for group in groups if group.data_type == self._wanted)
        return SortedRecords(groups, dict(sorted(problems.items())) if problems else {})

    def sort(self, messages: Sequence[EnvelopeT]) -> dict[str, list[EnvelopeT]]:
        """Messages by the data type that scores them, each group in its order; what is no record has none: ``""``.

        A message that several models score is in several groups.
        """
        found = self.decode(messages)
        rows: dict[str, list[int]] = {"": list(found.problems)} if found.problems else {}
        for group in found.groups:  # of several schemas, or versions of one, may be scored by the same model
            rows.setdefault(group.data_type, []).extend(group.rows)
        return {name: [messages[row] for row in sorted(chosen)] for name, chosen in rows.items()}

    def _find(self, message: Envelope) -> _Kind:
        said = _header(message, SCHEMA_HEADER)
        if said is not None:
            if said not in self._kinds:
                raise DecodeError(
                    f"the message is of schema {said[:80]!r}, which this server does not know: {self._known}."
                )
            return self._kinds[said]
        kind = self._owners.get((message.key or b"").decode("utf-8", "replace"))
        if kind is None:
            raise DecodeError(
                f"the message does not say of which schema it is ({self._known}): neither by a header "
                f"{SCHEMA_HEADER!r} nor by its key."
            )
        return kind

    @property
    def _known(self) -> str:
        return ", ".join(self._kinds)


class _Kind:
    """Records of one schema."""

    def __init__(self, schema: RecordSchema, writers: WriterCodecs | None) -> None:
        self.schema = schema
        self._codec = make_codec(schema)
        self._written = None if writers is None else WrittenCodec(schema, self._codec, writers)
        self._from, _, self._name = schema.data_type_from.partition(" ")
        self.data_types = schema.data_types or ((schema.name,) if not self._from else ())
        self.reads_headers = self._from == "header"
        self._fixed = () if self._from else tuple(map(check_data_type, self.data_types))
        self._column = -1
        if self._from == "column":
            names = self._codec.schema.names
            if self._name not in names:
                raise RecordError(
                    f"schema {schema.name!r} has no column {self._name!r}, which is to say the data type."
                )
            self._column = names.index(self._name)

    def read(
        self, messages: Sequence[Envelope], rows: Sequence[int], problems: dict[int, RecordError]
    ) -> Iterator[RecordGroup]:
        """The records of some messages; what is none goes to ``problems``, by the number that it has in ``rows``."""
        # Where a record itself says its data type, an empty message is none.
        values = _values(messages, allow_empty=self._from != "column")
        if self._written is None:
            found = self._codec.decode(values)
        else:
            found = self._written.decode(values, [_last_header(message, SCHEMA_ID_HEADER) for message in messages])
        for index, error in found.problems.items():
            problems[rows[index]] = error
        if not len(found.batch):
            return
        where = found.rows if rows == range(len(messages)) else [rows[index] for index in found.rows]
        if self._fixed:
            for data_type in self._fixed:
                yield RecordGroup(data_type, where, found.batch)
            return
        batch = found.batch
        if self._from == "column":
            types = _by_value(batch.column(self._column))
            batch = batch.remove_column(self._column)
        else:
            types = _by_name([self._said(messages[index]) for index in found.rows])
        for said, indices in types:
            chosen = where if indices is None else [where[index] for index in indices.tolist()]
            try:
                data_type = check_data_type(said or "")
            except FieldError as error:
                problems.update(dict.fromkeys(chosen, error))
            else:
                yield RecordGroup(data_type, chosen, batch if indices is None else batch.take(pa.array(indices)))

    def _said(self, message: Envelope) -> str | None:
        if self._from == "header":
            return _header(message, self._name)
        return None if message.key is None else message.key.decode("utf-8", "replace")


def _by_value(column: Any) -> Iterable[tuple[str | None, Any]]:
    """The values of a column in the order in which they appear, and in which rows; ``None`` for all of them."""
    if len(column) == 1:
        return [(column[0].as_py(), None)]
    encoded = column.dictionary_encode("encode")
    names = encoded.dictionary.to_pylist()
    if len(names) == 1:
        return [(names[0], None)]
    codes = encoded.indices.to_numpy(zero_copy_only=False)
    return [(name, np.flatnonzero(codes == code)) for code, name in enumerate(names)]


def _by_name(names: Sequence[str | None]) -> Iterable[tuple[str | None, Any]]:
    found: dict[str | None, list[int]] = {}
    for row, name in enumerate(names):
        found.setdefault(name, []).append(row)
    if len(found) == 1:
        return [(names[0], None)]
    return [(name, np.array(rows)) for name, rows in found.items()]


def _values(messages: Sequence[Envelope], *, allow_empty: bool) -> Sequence[bytes | None]:
    """What messages hold; where they come as columns, that is one of them."""
    found: Sequence[bytes | None] | None = getattr(messages, "values", None)
    if found is None:
        found = [message.value for message in messages]
    return found if allow_empty or b"" not in found else [value or None for value in found]


def _take(messages: Sequence[Envelope], rows: Sequence[int]) -> Sequence[Envelope]:
    """Some of the messages; of columns, columns."""
    take: Callable[[Sequence[int]], Sequence[Envelope]] | None = getattr(messages, "take", None)
    return [messages[row] for row in rows] if take is None else take(rows)


def _header(message: Envelope, name: str) -> str | None:
    """The last header of that name, as text."""
    value = _last_header(message, name)
    return None if value is None else value.decode("utf-8", "replace")


def _last_header(message: Envelope, name: str) -> bytes | None:
    for found, value in reversed(getattr(message, "headers", None) or ()):
        if found == name and value is not None:
            return bytes(value)
    return None
