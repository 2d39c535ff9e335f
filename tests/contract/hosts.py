"""HTTP hosts for models by reference."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

_PATIENCE_S = 30.0


class SlowHost:
    """A host on loopback that answers each request with ``data``, when it is told to."""

    def __init__(self) -> None:
        self.data = b""
        self._asked = threading.Event()
        self._go = threading.Event()
        host = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                host._asked.set()
                host._go.wait(_PATIENCE_S)
                self.send_response(200)
                self.send_header("Content-Length", str(len(host.data)))
                self.end_headers()
                self.wfile.write(host.data)

            def log_message(self, *_: object) -> None:
                """Quietly."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def address(self) -> str:
        """``host:port``."""
        return f"127.0.0.1:{self._server.server_port}"

    def wait_until_asked(self) -> None:
        """Wait for the first request."""
        assert self._asked.wait(_PATIENCE_S), "nobody asked"

    def answer(self) -> None:
        """Let the requests have their answers."""
        self._go.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._go.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(_PATIENCE_S)
