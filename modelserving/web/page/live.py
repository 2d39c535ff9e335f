"""The page, and the stream of what it shows: server-sent events, one a second."""

from __future__ import annotations

import threading
import time
from collections.abc import AsyncIterator, Callable
from importlib.resources import files

import anyio
from anyio.to_thread import run_sync
from fastapi import FastAPI, HTTPException
from fastapi.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from modelserving.web.page.state import PageState
from modelserving.web.schemas import AGAIN

_EVERY_S = 1.0
_MOST = 20
_FILES = {
    "/": ("index.html", "text/html"),
    "/page.css": ("page.css", "text/css"),
    "/page.js": ("page.js", "text/javascript"),
}
_HEADERS = {
    # Nothing comes from another host, no name of a model becomes a script, and only a lab on this machine frames it.
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self' http://127.0.0.1:* http://localhost:*",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",
}


class _Looked:
    """What was seen when somebody looked last; a second look within a second sees the same.

    Args:
        look: looks. It may wait for an actor or a store.
    """

    def __init__(self, look: Callable[[], PageState]) -> None:
        self._look = look
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._text = ""

    def __call__(self) -> str:
        with self._lock:
            if time.monotonic() - self._at >= _EVERY_S * 0.9:
                self._text = self._look().model_dump_json()
                self._at = time.monotonic()
            return self._text


def add_page(app: FastAPI, look: Callable[[], PageState]) -> Callable[[], PageState]:
    """Put the page at ``/``, what it shows at ``/snapshot``, and the stream of that at ``/live``.

    Args:
        app: of the server.
        look: what is shown now.

    Returns:
        Tells what the page shows.
    """
    looked, viewers = _Looked(look), anyio.Semaphore(_MOST)
    for path, (name, media_type) in _FILES.items():
        app.add_api_route(path, _serve_file(name, media_type), include_in_schema=False)

    @app.get("/snapshot", summary="What the page at / shows now")
    def snapshot() -> PageState:
        return PageState.model_validate_json(looked())

    @app.get("/live", include_in_schema=False)
    async def live() -> StreamingResponse:
        try:
            viewers.acquire_nowait()
        except anyio.WouldBlock:
            raise HTTPException(503, f"{_MOST} pages follow this server already. Close one.", dict(AGAIN)) from None
        return _EventStream(_events(looked, viewers), media_type="text/event-stream", headers=_HEADERS)

    return snapshot


class _EventStream(StreamingResponse):
    """An answer without an end, which ends well when the server does: uvicorn would print a traceback."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        except anyio.get_cancelled_exc_class():
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _events(looked: _Looked, viewers: anyio.Semaphore) -> AsyncIterator[str]:
    try:
        while True:
            yield f"data: {await run_sync(looked, abandon_on_cancel=True)}\n\n"
            await anyio.sleep(_EVERY_S)
    finally:
        viewers.release()


def _serve_file(name: str, media_type: str) -> Callable[[], Response]:
    content = (files(__package__ or "") / name).read_bytes()

    def serve() -> Response:
        return Response(content, media_type=media_type, headers=_HEADERS)

    return serve
