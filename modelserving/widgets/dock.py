"""The newest live view in a panel beside the notebook, so that a cell that breaks something happens beside its effect.

Only where JupyterLab shows the notebook, and has the panel's extension; elsewhere a view is where its cell is.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from modelserving.config import in_jupyter_session

__all__ = ["dock"]

_TITLE = "Live view"
# The side panel is made for a list of files; a picture gets more, but the lesson keeps what it needs to be read beside
# the list of files. On a small screen a picture is moved sideways, rather than drawn too small to be read.
_WIDE = (
    "<style>#jp-right-stack { min-width: clamp(260px, 100vw - 780px, 600px) !important; } "
    ".modelserving-live { overflow-x: auto; } .modelserving-live svg { min-width: 500px; }</style>"
)
_panels: list[Any] = []


def dock(widget: Any) -> bool:
    """Show a widget in the panel beside the notebook, in place of the one before.

    Returns:
        Whether there is a panel to show it in.
    """
    if not in_jupyter_session() or find_spec("sidecar") is None:
        return False
    from IPython.display import HTML, display
    from sidecar import Sidecar

    while _panels:
        _panels.pop().close()
    display(HTML(_WIDE))
    panel = Sidecar(title=_TITLE, anchor="right")
    _panels.append(panel)
    with panel:
        display(widget)
    return True
