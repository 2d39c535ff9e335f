"""Checks of single fields that arrive from outside."""

from __future__ import annotations

import re
from functools import lru_cache

from modelserving.errors import FieldError

__all__ = ["check_data_type"]

_DATA_TYPE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


@lru_cache(maxsize=256)  # a stream has few data types and many records
def check_data_type(data_type: str) -> str:
    """Return ``data_type`` if it may name a model, a topic key, a URL segment and a file.

    A data type comes from strangers and ends in URLs and file names, so only 1 to 64 letters, digits, ``_`` and ``-``
    are allowed, the first a letter or a digit. That leaves no empty name, no ``..`` and no separator.

    Raises:
        FieldError: it is empty, too long, or has another character.
    """
    if _DATA_TYPE.fullmatch(data_type):
        return data_type
    shown = repr(data_type if len(data_type) <= 40 else data_type[:40] + "…")
    raise FieldError(
        f"data type {shown} is not allowed: use 1 to 64 letters, digits, '_' or '-', the first a letter or a digit."
    )
