"""InfluxDB's line protocol. Names come from whoever publishes a model: none may end a tag, or a line."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

_CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")
_SPECIAL = re.compile(r"([,= ])")
_WHOLE = 2**63


def to_line(
    measurement: str, tags: Mapping[str, str], fields: Mapping[str, float | int | str], time_ns: int
) -> str | None:
    """A line; ``None`` where no field has a value that InfluxDB takes (it knows neither NaN nor infinity).

    Args:
        measurement: its name.
        tags: what is asked by; an empty one is left out. The protocol cannot write a backslash in them so that it is
            read as one: it becomes a slash. Control characters become spaces, there and in texts.
        fields: what is measured: numbers, or texts.
        time_ns: when, nanoseconds since 1970.
    """
    written = {name: text for name, value in fields.items() if (text := _field(value)) is not None}
    if not written:
        return None
    labels = "".join(f",{_name(name)}={_name(value)}" for name, value in sorted(tags.items()) if value)
    values = ",".join(f"{_name(name)}={text}" for name, text in written.items())
    return f"{_name(measurement)}{labels} {values} {time_ns}"


def _name(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", _CONTROL.sub(" ", text).replace("\\", "/"))


def _field(value: float | str) -> str | None:
    if isinstance(value, str):
        text = _CONTROL.sub(" ", value).replace("\\", "\\\\").replace('"', '\\"')
        return f'"{text}"'
    if isinstance(value, int):
        return f"{value}i" if -_WHOLE <= value < _WHOLE else None
    return repr(float(value)) if math.isfinite(value) else None
