"""The page of a server, in a lesson."""

from __future__ import annotations

from modelserving.workshop.display.page import ServerPage


def test_a_page_is_a_frame_with_a_title_and_a_link() -> None:
    """A screen reader hears what it is; where frames are not shown, the link is."""
    shown = ServerPage("http://127.0.0.1:5900/")._repr_html_()
    assert '<iframe src="http://127.0.0.1:5900/" title="The page of the server' in shown
    assert '<a href="http://127.0.0.1:5900/" target="_blank"' in shown


def test_an_address_does_not_leave_its_attribute() -> None:
    """Whatever it is."""
    assert "<script>" not in ServerPage('http://x/"><script>')._repr_html_()
