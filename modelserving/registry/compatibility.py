"""Whether readers and writers of two schemas understand each other; where not, which column is in the way."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from modelserving.errors import SchemaError
from modelserving.records.codecs import AvroCodec, Codec
from modelserving.records.schema import ColumnType
from modelserving.registry.definition import Definition, SchemaField
from modelserving.system.nesting import read_json

_INT32, _INT64, _FLOAT, _DOUBLE = ColumnType.INT32, ColumnType.INT64, ColumnType.FLOAT, ColumnType.DOUBLE
_VALUES = {
    (_INT32, _INT64),
    (_INT32, _FLOAT),
    (_INT32, _DOUBLE),
    (_INT64, _FLOAT),
    (_INT64, _DOUBLE),
    (_FLOAT, _DOUBLE),
}
_WIDER = {"avro": _VALUES, "json": _VALUES, "protobuf": {(_INT32, _INT64)}}
"""From what was written to what may be read, beside the same. Protocol Buffers write float and double differently."""


class Rule(StrEnum):
    """What a new version of a schema must keep; the names are those of Confluent's registry, in small letters."""

    NONE = "none"
    BACKWARD = "backward"
    BACKWARD_TRANSITIVE = "backward_transitive"
    FORWARD = "forward"
    FORWARD_TRANSITIVE = "forward_transitive"
    FULL = "full"
    FULL_TRANSITIVE = "full_transitive"

    @property
    def is_backward(self) -> bool:
        """Whether readers of the new version must read records of the old ones."""
        return self.value.startswith(("backward", "full"))

    @property
    def is_forward(self) -> bool:
        """Whether readers of old versions must read records of the new one."""
        return self.value.startswith(("forward", "full"))

    @property
    def is_transitive(self) -> bool:
        """Whether all old versions count, and not the last one alone."""
        return self.value.endswith("transitive")


def check_compatible(rule: Rule, subject: str, new: Definition, versions: Sequence[tuple[int, Definition]]) -> None:
    """Hold a new version of a schema against those before it.

    Args:
        rule: what must be kept.
        subject: whose versions they are.
        new: the new one.
        versions: number and definition of those that are there, oldest first.

    Raises:
        SchemaError: it breaks the rule; with the columns that do, and what to do.
    """
    for number, old in versions if rule.is_transitive else versions[-1:]:
        if new.problem or old.problem:
            continue  # not flat: there are no columns to compare
        problems: list[str] = []
        if rule.is_backward:
            problems += [f"readers of the new version: {one}" for one in unreadable(new, old)]
        if rule.is_forward:
            problems += [f"readers of version {number}: {one}" for one in unreadable(old, new)]
        if problems:
            raise SchemaError(
                f"the schema is not {rule}-compatible with version {number} of {subject!r}: {'; '.join(problems)}. "
                "Give new columns another name and let them be missing (nullable), or register under another subject."
            )


def unreadable(reader: Definition, writer: Definition) -> list[str]:
    """Why a reader of one schema would not, or not rightly, read records of another; each reason names a column.

    A value that would silently become 0 or empty counts as not read: Protocol Buffers alone would let that pass.
    """
    if reader.encoding != writer.encoding:
        return [f"records were {writer.encoding}, and now {reader.encoding} is read"]
    return list(_problems(reader, writer))


def reading_codec(writer: Definition, reader: Definition) -> Codec:
    """Reads what one schema wrote as the columns of another.

    Args:
        writer: with which records were written.
        reader: what is wanted.

    Raises:
        SchemaError: they are of different encodings; or of Protocol Buffers, and a column would be read as another, or
            as 0 where it is missing. JSON and Avro say so themselves, record by record.
    """
    if writer.problem:
        raise SchemaError(writer.problem)
    if writer.encoding != reader.encoding:
        raise SchemaError(f"records were written as {writer.encoding}, and {reader.encoding} is read here.")
    if writer.encoding == "avro":
        return AvroCodec(read_json(writer.text), read_json(reader.text))
    if writer.encoding == "protobuf" and (problems := unreadable(reader, writer)):
        raise SchemaError(f"its writer's schema cannot be read as {reader.name!r}: {'; '.join(problems)}.")
    return reader.codec()


def _problems(reader: Definition, writer: Definition) -> Iterator[str]:
    written = {one.column.name: one for one in writer.fields}
    numbers = {one.number: one for one in writer.fields if one.number}
    known = {one.column.name for one in reader.fields}
    for wanted in reader.fields:
        name = wanted.column.name
        found = numbers.get(wanted.number) if wanted.number else _find(written, name, *wanted.aliases)
        by_name = written.get(name)
        if wanted.number and by_name is not None and by_name.number != wanted.number:
            yield f"column {name!r} has number {wanted.number}, and was written with number {by_name.number}"
        elif found is None:
            if not wanted.column.nullable and not wanted.has_default:
                yield f"column {name!r} is not written, and may not be missing{_renamed(wanted, reader, writer)}"
        elif found.column.name != name and found.column.name in known:
            yield f"column {name!r} has the number of {found.column.name!r}"
        else:
            yield from _type_problems(reader.encoding, wanted, found)


def _find(written: Mapping[str, SchemaField], *names: str) -> SchemaField | None:
    return next((written[name] for name in names if name in written), None)


def _type_problems(encoding: str, wanted: SchemaField, found: SchemaField) -> Iterator[str]:
    ours, theirs = wanted.column, found.column
    if ours.type is not theirs.type and (theirs.type, ours.type) not in _WIDER[encoding]:
        yield f"column {ours.name!r} is {ours.type}, and was written as {theirs.type}"
    elif wanted.wire != found.wire and not {wanted.wire, found.wire} <= _VARINTS:
        yield f"column {ours.name!r} is encoded in another way than it was written"
    elif theirs.nullable and not ours.nullable:
        yield f"column {ours.name!r} may be missing where it is written, and may not be where it is read"


def _renamed(wanted: SchemaField, reader: Definition, writer: Definition) -> str:
    """A guess at what happened, where one column went and one of its type came."""
    known = {one.column.name for one in reader.fields}
    gone = [one.column for one in writer.fields if one.column.name not in known]
    alike = [column.name for column in gone if column.type is wanted.column.type]
    return f" (was {alike[0]!r} renamed?)" if len(alike) == 1 else ""


_VARINTS = {"3", "5", "13", "4"}
"""int64, int32, uint32, uint64 of Protocol Buffers: the same bytes for numbers that fit both."""
