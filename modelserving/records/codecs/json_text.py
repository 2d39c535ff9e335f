"""JSON: one object a message, its members found by name."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any, NoReturn

from modelserving.errors import DecodeError, RecordError
from modelserving.records.codecs.codec import DecodedRecords
from modelserving.records.codecs.columns import conform, read_each
from modelserving.records.schema import RecordSchema
from modelserving.system.nesting import read_json


class JsonCodec:
    """Reads and writes JSON.

    A member that is absent or ``null`` is a missing value, one that the schema does not know is passed over. A whole
    number may be written ``5.0``; a text is never taken for a number, nor a boolean.

    Args:
        schema: of the records.
    """

    def __init__(self, schema: RecordSchema) -> None:
        self.schema = schema
        self._read = json.JSONDecoder(parse_constant=_refuse_constant).decode

    def decode(self, values: Sequence[bytes | None]) -> DecodedRecords:
        """Read messages; as ``Codec``."""
        return read_each(self.schema, values, self._read_one)

    def encode(self, batch: Any) -> list[bytes]:
        """Write rows; NaN, which JSON does not have, becomes ``null``. As ``Codec``."""
        rows = conform(self.schema, batch).to_pylist()
        return [json.dumps(_without_nan(row), ensure_ascii=False, allow_nan=False).encode() for row in rows]

    def _read_one(self, value: bytes | None) -> dict[str, Any]:
        if not value:
            raise DecodeError("the message is empty; a JSON object was expected.")
        try:
            found = read_json(value.decode(), self._read)
        except ValueError as error:
            raise DecodeError(f"the message is no JSON: {str(error)[:200]}.") from error
        if not isinstance(found, dict):
            raise DecodeError(f"the message is JSON, but a {type(found).__name__} and not an object.")
        return found


def _without_nan(row: dict[str, Any]) -> dict[str, Any]:
    """The row as JSON can say it.

    Raises:
        RecordError: a number is infinite.
    """
    for name, value in row.items():
        if isinstance(value, float) and math.isinf(value):
            raise RecordError(f"{name} is {value}, which JSON cannot say.")
    return {name: None if isinstance(value, float) and math.isnan(value) else value for name, value in row.items()}


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")
