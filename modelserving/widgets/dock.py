"""The newest live view in a panel beside the notebook, so that a cell that breaks something happens beside its effect.

Only where JupyterLab shows the notebook, and has the panel's extension; elsewhere a view is where its cell is.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from modelserving.config import in_jupyter_session

__all__ = ["dock"]

_TITLE = "Live view"
# The side panel is made for a list of files; a picture gets more, and at most not quite half of a small screen.
_WIDE = "<style>#jp-right-stack { min-width: min(600px, 45vw) !important; }</style>"
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
