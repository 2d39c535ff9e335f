"""Shows the slides from an address of this machine: a server lets such a page, and no file, show its own in a frame."""

from __future__ import annotations

import webbrowser
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        """Say nothing of each file that is asked for."""


def folder_server(folder: Path) -> ThreadingHTTPServer:
    """A server of the slides on a free port of 127.0.0.1, which does not serve yet."""
    return ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))


def serve_folder(folder: Path, say: Callable[[str], None], *, browser: bool) -> None:
    """Serve the slides on a free port of 127.0.0.1 until Ctrl-C.

    Args:
        folder: with ``index.html``.
        say: told the address.
        browser: whether to open it.
    """
    with folder_server(folder) as server:
        url = f"http://127.0.0.1:{server.server_port}/"
        opened = browser and webbrowser.open(f"{url}?presenter")
        by_hand = "" if opened else "Open it in a browser. "
        say(f"{url}?presenter   {by_hand}The first key opens the notes. Ctrl-C ends it.")
        with suppress(KeyboardInterrupt):
            server.serve_forever()
