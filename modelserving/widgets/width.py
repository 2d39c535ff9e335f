"""How wide a live view is drawn: as wide as it is on the screen, so that its letters are never scaled down."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anywidget
import traitlets

WIDEST, NARROW, NARROWEST = 760, 560, 300
"""Pixels: what a picture is where nobody says how wide it is shown; below which what stood beside a chart stands above
it; and the least that it is drawn for (in less it is scaled)."""

_TELL = """
function render({ model, el }) {
  const seen = new ResizeObserver(([one]) => {
    const width = Math.floor(one.contentRect.width / 10) * 10;
    if (width && width !== model.get("width")) { model.set("width", width); model.save_changes(); }
  });
  seen.observe(el);
  return () => seen.disconnect();
}
export default { render };
"""


def is_narrow(width: int) -> bool:
    """Whether a picture of this width has no room for words beside its charts."""
    return width < NARROW


class _WidthWidget(anywidget.AnyWidget):  # type: ignore[misc]  # anywidget is not checked
    """Nothing that can be seen: the browser says how wide it is there."""

    _esm = _TELL
    width = traitlets.Int(WIDEST).tag(sync=True)


class ShownWidth:
    """How many pixels a view has on the screen, from left to right.

    Args:
        changed: is called when it has become another one.
    """

    _last = WIDEST

    def __init__(self, changed: Callable[[], object]) -> None:
        # A view begins as wide as the last one was: it takes the panel of that one.
        self.widget = _WidthWidget(width=ShownWidth._last, layout={"width": "calc(100% - 4px)", "height": "0"})
        self._changed = changed
        self.widget.observe(self._heard, names="width")

    @property
    def width(self) -> int:
        """Pixels to draw for."""
        return min(max(int(self.widget.width), NARROWEST), WIDEST)

    def _heard(self, _: Any) -> None:
        ShownWidth._last = self.width
        self._changed()
