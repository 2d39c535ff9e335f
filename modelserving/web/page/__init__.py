"""The page at ``/`` of every server: what it does now, and how that changes, without anything from another host.

::

    state.py ─▶ live.py     what is shown, in one shape for all servers; asked once a second, however many look
    index.html · page.css · page.js
"""

from modelserving.web.page.live import add_page
from modelserving.web.page.state import PageState, Shares, Table, show_server

__all__ = ["PageState", "Shares", "Table", "add_page", "show_server"]
