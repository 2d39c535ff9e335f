"""A state store beside its changelog: each change is an entry, and the last one of a key is what the store has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelserving.errors import ConfigError
from modelserving.svg import Markup, document, element, join, label, shorten
from modelserving.widgets.colours import FAINT, INK, SERIES
from modelserving.workshop.display.diagrams import Diagram

_WIDTH, _ROW, _TOP = 600, 30, 44  # so wide, it fits beside a live view
_KEY, _VALUE, _STORE = 50, 156, 370
_SHOWN = 12

Entry = tuple[int, str, object]
"""Offset, key and value; no value is a tombstone."""


def beside_changelog(entries: Sequence[Entry], store: Mapping[str, object]) -> Diagram:
    """Draw the last entries of a changelog, oldest first, and beside them what the store has.

    An entry that a later one of its key has replaced is faint: compaction may take it away.

    Args:
        entries: the changelog.
        store: what is in the store.

    Raises:
        ConfigError: both are empty.
    """
    if not entries and not store:
        raise ConfigError("there is nothing to draw: the changelog and the store are empty.")
    last = {key: offset for offset, key, _ in entries}
    keys = list(dict.fromkeys([key for _, key, _ in entries] + list(store)))
    shown = list(entries)[-_SHOWN:]
    height = _TOP + _ROW * max(len(shown), len(store), 1) + 6
    alt = _sentence(entries, store, last)
    rows = (_entry(one, keys, _TOP + _ROW * n, newest=last[one[1]] == one[0]) for n, one in enumerate(shown))
    stored = (_stored(key, store[key], keys, _TOP + _ROW * n) for n, key in enumerate(store))
    tops = {key: _TOP + _ROW * n for n, key in enumerate(store)}
    ways = (
        _way(_TOP + _ROW * n, tops[key])
        for n, (offset, key, _) in enumerate(shown)
        if last[key] == offset and key in tops
    )
    style = f"width:100%;max-width:{_WIDTH}px;height:auto;display:block;font:12px system-ui, sans-serif"
    more = f", the last {_SHOWN} of {len(entries)}" if len(entries) > _SHOWN else ""
    heads = (
        label(0, 16, f"changelog, a topic on the broker{more}", fill=INK, font_weight="600"),
        label(0, 34, "offset", fill=INK),
        label(_STORE, 16, "store, at this instance", fill=INK, font_weight="600"),
    )
    return Diagram(document(_WIDTH, height, alt, *heads, *rows, *ways, *stored, style=style), alt)


def _sentence(entries: Sequence[Entry], store: Mapping[str, object], last: Mapping[str, int]) -> str:
    has = ", ".join(f"{key} {value}" for key, value in store.items()) or "nothing"
    old = len(entries) - len(last)
    return f"The changelog has {len(entries)} entries, of which {old} are replaced by later ones. The store has {has}."


def _entry(entry: Entry, keys: list[str], y: float, *, newest: bool) -> Markup:
    offset, key, value = entry
    drawn = (
        label(38, y + 16, offset, text_anchor="end", fill=INK),
        _box(_KEY, y, 102, shorten(key, 12), keys.index(key), faint=not newest),
        _box(
            _VALUE, y, 112, "deleted" if value is None else shorten(str(value), 13), keys.index(key), faint=not newest
        ),
    )
    return join(drawn)


def _stored(key: str, value: object, keys: list[str], y: float) -> Markup:
    return join(
        (
            _box(_STORE, y, 102, shorten(key, 12), keys.index(key), faint=False),
            _box(_STORE + 106, y, 122, shorten(str(value), 15), keys.index(key), faint=False),
        )
    )


def _box(x: float, y: float, width: float, words: str, series: int, *, faint: bool) -> Markup:
    colour = FAINT if faint else SERIES[series % len(SERIES)]
    look: dict[str, str | float] = {"fill": "none", "stroke_dasharray": "2 3"} if faint else {"fill": colour}
    frame = element("rect", x=x, y=y, width=width, height=24, rx=4, stroke=colour, fill_opacity=0.3, **look)
    return join((frame, label(x + 8, y + 16, words, fill=INK)))


def _way(start: float, end: float) -> Markup:
    x = _VALUE + 118
    path = f"M{x},{start + 12}C{x + 50},{start + 12} {_STORE - 58},{end + 12} {_STORE - 8},{end + 12}m-5,-4l5,4l-5,4"
    return element("path", d=path, stroke=INK, fill="none", stroke_width=1.3)
