"""The schemas that servers read by where nobody says otherwise."""

from __future__ import annotations

from functools import cache

from modelserving.config import data_folder
from modelserving.records import RecordSchema
from modelserving.records.schema_files import read_schema

_DEFAULT = "wine.json"


@cache
def default_schemas() -> tuple[RecordSchema, ...]:
    """The schema of the workbook's main records.

    Raises:
        ConfigError: there is no data folder.
        RecordError: it has no such schema.
    """
    return (read_schema(data_folder() / "schemas" / _DEFAULT),)
