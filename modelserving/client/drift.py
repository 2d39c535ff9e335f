"""Drift on purpose: from some record on, a column is not spread any more as it was."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from modelserving.errors import ConfigError
from modelserving.records import FEATURES
from modelserving.records.defaults import DefaultRecord

_SAID = re.compile(r"\s*([A-Za-z_ ]+?)\s*([+-]\d+(?:\.\d+)?)\s*(?:@(\d+))?\s*")


@dataclass(frozen=True, slots=True)
class Drift:
    """What changes.

    Args:
        column: which field of the records.
        by: what is added to it.
        after: how many records are left as they are, first.
    """

    column: str
    by: float
    after: int = 0

    def apply(self, record: DefaultRecord, number: int) -> DefaultRecord:
        """The record with this number, counted from 0, as it is to be published."""
        if number < self.after:
            return record
        return replace(record, **{self.column: getattr(record, self.column) + self.by})


def parse_drift(text: str) -> Drift:
    """Read ``alcohol+1.5@2000``: from the 2,000th record on, alcohol is higher by 1.5; at once without ``@``.

    Raises:
        ConfigError: it is none, or the records have no such column.
    """
    found = _SAID.fullmatch(text)
    if found is None:
        raise ConfigError(f"{text!r} is no drift. Say which column, by how much and after how many: alcohol+1.5@2000.")
    column = found[1].replace(" ", "_")
    if column not in (known := [name.replace(" ", "_") for name in FEATURES]):
        raise ConfigError(f"the records have no column {column!r} that could drift. They have: {', '.join(known)}.")
    return Drift(column, float(found[2]), int(found[3] or 0))
