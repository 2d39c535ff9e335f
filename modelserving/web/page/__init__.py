"""The page at ``/`` of every server: what it does now, and how that changes, without anything from another host.

::

    picture.py ─▶ state.py ─▶ live.py    what is shown, in one shape for all; asked once a second, however many look
                  system.py              the picture of servers, topics and groups together
    index.html · page.css · page.js
"""

from modelserving.web.page.live import add_page
from modelserving.web.page.picture import Arrow, Mark, Picture, PictureBox
from modelserving.web.page.state import PageState, PageTable, Shares, Trend, show_server

__all__ = [
    "Arrow",
    "Mark",
    "PageState",
    "PageTable",
    "Picture",
    "PictureBox",
    "Shares",
    "Trend",
    "add_page",
    "show_server",
]
