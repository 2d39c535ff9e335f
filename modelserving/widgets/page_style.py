"""Rules for JupyterLab's page around a lesson: plain output is broken between words, and errors can be read."""

from __future__ import annotations

from modelserving.config import in_jupyter_session

_WORDS = ".jp-OutputArea .jp-OutputArea-output pre { word-break: normal; overflow-wrap: anywhere; }"
# JupyterLab's own have a contrast of 1.6 to 2.7 to 1 on the red ground of an error; these have 4.5 on it and on white.
ON_LIGHT = {"red": "#b3261e", "green": "#00693a", "yellow": "#7a4f00", "blue": "#1a4fa0", "cyan": "#006470"}
"""Colours of errors in the light theme, by their names in a terminal."""
_HIDDEN = ".jp-OutputArea-child:has(.modelserving-page) { display: none; }"


def page_style() -> str:
    """The rules, as an element that takes no room."""
    light = "".join(
        f'[data-jp-theme-light="true"] .jp-OutputArea-output pre .ansi-{name}-fg {{ color: {colour}; }} '
        for name, colour in ON_LIGHT.items()
    )
    return f'<style class="modelserving-page">{_WORDS} {light}{_HIDDEN}</style>'


def style_page() -> None:
    """Give the page its rules, as an output of the cell that runs; where no JupyterLab shows it, nothing."""
    if in_jupyter_session():
        from IPython.display import display

        display({"text/html": page_style(), "text/plain": ""}, raw=True)
