"""What a codec is: messages to a record batch, a bad one costing only itself, and back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from modelserving.errors import RecordError
from modelserving.records.schema import RecordSchema


@dataclass(frozen=True, slots=True)
class DecodedRecords:
    """What some messages hold.

    Args:
        batch: a ``pyarrow.RecordBatch`` of the messages that are records, in their order.
        rows: for each row of ``batch``, the number of its message.
        problems: why a message is no record, by its number.
    """

    batch: Any
    rows: Sequence[int]
    problems: Mapping[int, RecordError] = field(default_factory=dict)


class Codec(Protocol):
    """Reads and writes records of one schema."""

    @property
    def schema(self) -> RecordSchema:
        """The columns of its records."""
        ...

    def decode(self, values: Sequence[bytes | None]) -> DecodedRecords:
        """Read messages; one that is no record is a problem, and costs the others nothing."""
        ...

    def encode(self, batch: Any) -> list[bytes]:
        """Write the rows of a ``pyarrow.RecordBatch`` of this schema.

        Raises:
            RecordError: a column is absent or of another type, or a value is missing that may not be.
        """
        ...
