"""Checks of single fields that arrive from outside."""

from __future__ import annotations

import re
from functools import lru_cache

from modelserving.errors import FieldError

_DIGEST = re.compile(r"[0-9a-f]{64}")
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


def check_digest(digest: str) -> str:
    """Return a SHA-256 in lower case if it is one, or none at all.

    Raises:
        FieldError: it is neither empty nor 64 hexadecimal digits.
    """
    lowered = digest.lower()
    if not lowered or _DIGEST.fullmatch(lowered):
        return lowered
    raise FieldError(f"{digest[:80]!r} is no SHA-256: 64 hexadecimal digits were expected.")


def check_length(what: str, text: str, longest: int) -> str:
    """Return a text that others will carry along, if it is no longer than that.

    Raises:
        FieldError: it is longer, in letters.
    """
    if len(text) <= longest:
        return text
    raise FieldError(f"the {what} has {len(text)} letters, and begins with {text[:40]!r}: {longest} are allowed.")


def check_percent(percent: float) -> float:
    """Return a share in percent if there can be such a share.

    Raises:
        FieldError: it is not from 0 to 100.
    """
    if 0 <= percent <= 100:
        return percent
    raise FieldError(f"{percent:g} % of the records: give 0 to 100.")
