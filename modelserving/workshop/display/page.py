"""The page of a server, shown where a lesson is: in the panel beside the notebook, or below the cell."""

from __future__ import annotations

import html
from dataclasses import dataclass
from typing import TYPE_CHECKING

from modelserving.widgets.dock import dock
from modelserving.workshop.display.boxes import Box

if TYPE_CHECKING:
    from modelserving.workshop.processes.process import ServerProcess


@dataclass(frozen=True, slots=True)
class ServerPage:
    """A frame with the page that a server has at ``/``.

    Args:
        url: of the server, on this machine: it lets no other page show its own.
    """

    url: str

    def _repr_html_(self) -> str:
        url = html.escape(self.url)
        return (
            f'<iframe src="{url}" title="The page of the server at {url}" loading="lazy" '
            'style="width:100%;height:78vh;min-height:420px;border:1px solid #7a828c;border-radius:6px"></iframe>'
            f'<div><a href="{url}" target="_blank" rel="noopener">{url}</a>, in a window of its own</div>'
        )

    def __repr__(self) -> str:
        return f"The page of the server: {self.url}"


def server_page(server: ServerProcess) -> ServerPage | Box:
    """Show the page of a server beside the notebook; where there is no panel for it, below the cell."""
    page = ServerPage(f"{server.url}/")
    if dock(page):
        return Box("In the panel beside", f"The page of the server, {page.url}. It goes on with the cells.")
    return page
