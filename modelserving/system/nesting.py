"""JSON that somebody else wrote, read no deeper than the stack goes."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

_DEEPEST = 200
_PARTS = re.compile(r'"(?:[^"\\]|\\.?)*(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)
"""Texts, which end where the whole does if nothing else ends them, and brackets."""


def read_json(text: str | bytes, decode: Callable[[str], Any] = json.loads) -> Any:
    """Read JSON that comes from outside.

    Python's reader goes down the stack with each bracket, and from Python 3.12 on it gives up only after thousands.
    A thread of Java's has no room for that many, nor has the main thread as soon as Java knows it: ``[[[[...`` in one
    message would end the process.

    Args:
        text: in UTF-8, 16 or 32 if it is bytes.
        decode: what reads it.

    Raises:
        ValueError: it is no JSON, or lists and objects are nested in it more than 200 deep.
    """
    if isinstance(text, bytes):
        text = text.decode(json.detect_encoding(text))
    if text.count("[") + text.count("{") > _DEEPEST and _depth(text) > _DEEPEST:
        raise ValueError(f"lists and objects are nested more than {_DEEPEST} deep")
    return decode(text)


def _depth(text: str) -> int:
    depth = deepest = 0
    for part in _PARTS.finditer(text):
        start = part[0][0]
        depth += (start in "[{") - (start in "]}")
        deepest = max(deepest, depth)
    return deepest
