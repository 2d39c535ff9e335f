"""The newest live view in a panel beside the notebook, so that a cell that breaks something happens beside its effect.

Only where JupyterLab shows the notebook, and has the panel's extension; elsewhere a view is where its cell is.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from modelserving.config import in_jupyter_session

_TITLE = "Live view"
_NARROW = 1500
"""Pixels of a window that has no room for files, lesson and picture."""
# The side panel is made for a list of files; a picture gets more, but the lesson keeps what it needs to be read beside
# the list of files. A picture is as wide as its panel, so that its right end, where the newest is, is always seen; so
# are whole sentences. What is said below it is in sight however tall it is: the rest is scrolled.
_WIDE = (
    "<style class='modelserving-panel'>"
    "#jp-right-stack { min-width: clamp(320px, 100vw - 780px, 600px) !important; } "
    ".jp-SideArea:has(#jp-right-stack) { max-width: max(360px, 100vw - 660px) !important; } "
    ".jupyterlab-sidecar:has(.modelserving-panel) { display: block; overflow: hidden auto; } "
    ".jupyterlab-sidecar > .jp-OutputArea-child:has(.modelserving-panel) { display: none; } "
    ".jupyterlab-sidecar > .jp-OutputArea-child:has(.modelserving-below) { position: sticky; bottom: 0; "
    "max-height: 45%; overflow: hidden auto; background: var(--jp-layout-color0); } "
    ".jp-OutputArea-child:has(.modelserving-below > .widget-html-content:empty) { display: none; } "
    # What is moved stays in sight when a tall picture is scrolled; a box that scrolls itself would take it along.
    ".jupyterlab-sidecar :is(.jp-OutputArea-child, .jp-OutputArea-output):has(.modelserving-controls), "
    ".jupyterlab-sidecar .modelserving-view { overflow: visible; } "
    ".jupyterlab-sidecar .modelserving-controls { position: sticky; top: 0; z-index: 1; "
    "background: var(--jp-layout-color1); } "
    ".modelserving-live, .modelserving-live > * { min-width: 0; max-width: 100%; overflow-wrap: break-word; } "
    ".modelserving-live svg { width: 100%; height: auto; }</style>"
)
# JupyterLab asks for these limits when a panel comes, not when the window becomes narrower, nor where they come after
# it, as in a tab opened again: it would leave a sliver. Where `modelserving lab` runs it, it can be told.
# In a narrow window the list of files is closed once: the lesson would have a third of the window.
_FIT = (
    "<script>{ const fit = () => { "
    "for (const one of window.jupyterapp?.shell.widgets('right') ?? []) one.parent?.fit(); }; "
    "if (!window.modelservingFits) { window.modelservingFits = true; "
    f"if (window.innerWidth < {_NARROW} && window.jupyterapp) {{ window.jupyterapp.shell.collapseLeft(); "
    "document.body.classList.add('modelserving-narrow'); } "
    "window.addEventListener('resize', fit); } "
    "window.requestAnimationFrame(fit); }</script>"
)
FOLDED = (
    "<style>body:not(.modelserving-narrow) .modelserving-folded { display: none; } "
    f"@media (min-width: {_NARROW}px) {{ .modelserving-folded {{ display: none; }} }}</style>"
    "<span class='modelserving-folded'> The list of files has made room; the folder at the left opens it.</span>"
)
"""A sentence for the cell whose view is in the panel, seen where it is so."""
_panels: list[Any] = []
_below: list[Any] = []


def dock(widget: Any) -> bool:
    """Show a widget in the panel beside the notebook, in place of the one before.

    Returns:
        Whether there is a panel to show it in.
    """
    if not in_jupyter_session() or find_spec("sidecar") is None:
        return False
    from IPython.display import HTML, display
    from sidecar import Sidecar

    _below.clear()
    while _panels:
        _panels.pop().close()
    panel = Sidecar(title=_TITLE, anchor="right")
    _panels.append(panel)
    with panel:  # all of it, so that it comes again with the panel when the tab is closed and opened
        display(HTML(_WIDE + _FIT))
        display(widget)
    return True


def show_below(html: str) -> None:
    """Say something below the view in the panel, in place of what was said there; where there is no panel, nothing.

    Args:
        html: what a check found, say; it stands below its own cell, too, which may be far from what it is about.
            Empty: nothing is said any more.
    """
    if _below:
        _below[0].value = html
    elif _panels and html:
        import ipywidgets
        from IPython.display import display

        _below.append(ipywidgets.HTML(html).add_class("modelserving-live").add_class("modelserving-below"))
        with _panels[0]:
            display(_below[0])
