"""A service on loopback that answers as it is told, and remembers what it was asked."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Answer = Callable[[str, dict[str, Any]], tuple[int, object]]


class Service:
    """Answers each request with what a function says: a status and an object.

    Args:
        answer: takes the path and the object that came.
        port: to listen at; 0: any.
    """

    def __init__(self, answer: Answer, port: int = 0) -> None:
        self.asked: list[tuple[str, dict[str, Any]]] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                service.asked.append((self.path, content))
                status, said = answer(self.path, content)
                body = json.dumps(said).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quietly."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def sum_v2(_path: str, asked: dict[str, Any]) -> tuple[int, object]:
    """Answers the sum of each record's numbers; refuses a batch with a number above 100."""
    columns = [tensor["data"] for tensor in asked["inputs"]]
    if any(value > 100 for column in columns for value in column):
        return 400, {"error": "a number above 100"}
    sums = [sum(row) for row in zip(*columns, strict=True)]
    return 200, {"outputs": [{"name": "predict", "shape": [len(sums)], "datatype": "FP64", "data": sums}]}
