"""The HTTP face of a server: what it serves with, and how it is doing. For people, scripts and widgets."""

from __future__ import annotations

import json
from typing import Any

import swagger_ui_bundle
from fastapi import APIRouter, FastAPI, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException as StarletteHTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from modelserving import __version__
from modelserving.monitoring.metrics import EngineCollector, Exposition, HasEngine, JavaCollector, ServerCollector
from modelserving.serving import ServerView
from modelserving.web.page import add_page, show_server
from modelserving.web.schemas import (
    ONE_TYPE,
    PROBLEMS,
    DataTypePath,
    HealthState,
    ModelNames,
    ModelState,
    find_state,
    show_health,
    show_state,
)

_ASSETS = "/docs-assets"


class _ReadableJson(JSONResponse):
    """JSON as a person reads it, a field on each line; to programs it is the same."""

    def render(self, content: object) -> bytes:
        return (json.dumps(content, ensure_ascii=False, allow_nan=False, indent=2) + "\n").encode()


def make_app(server: ServerView, *routers: APIRouter) -> FastAPI:
    """Make the application.

    Args:
        server: what it shows.
        routers: paths of this kind of server alone.
    """
    app = begin_app(
        "Model server",
        description="Which model scores now, and how it does. Models arrive by Kafka, not here: this face only looks.",
        default_response_class=_ReadableJson,
    )
    add_errors(app)

    for router in routers:  # before the paths that are the same everywhere: the first one that fits is taken
        app.include_router(router)

    # These may have to ask an actor, or a store: not `async`, so that they wait in threads of their own.
    @app.get("/state", summary="The model that was put in its place last")
    def state() -> ModelState:
        latest = server.latest
        return show_state(server, server.describe(latest) if latest is not None else None)

    if not any(getattr(route, "path", "") == ONE_TYPE for router in routers for route in router.routes):

        @app.get(ONE_TYPE, summary="The model of one data type", responses=PROBLEMS)
        def state_of(data_type: DataTypePath) -> ModelState:
            return show_state(server, find_state(server, data_type))

    @app.get("/models", summary="The data types that have a model")
    def models() -> ModelNames:
        return ModelNames(models=list(server.data_types))

    @app.get("/healthz", summary="Whether the server serves", responses={503: {"model": HealthState}})
    def healthz(response: Response) -> HealthState:
        return show_health(server.health(), response)

    engine = (EngineCollector(lambda: server.streams),) if isinstance(server, HasEngine) else ()
    add_page(app, lambda: show_server(server))
    add_metrics(app, Exposition(ServerCollector(server), JavaCollector(), *engine))
    return app


def add_metrics(app: FastAPI, exposition: Exposition) -> None:
    """What is counted, for Prometheus. It may have to ask an actor, or Java: not `async`, as the others."""

    @app.get("/metrics", summary="What is counted, as Prometheus reads it", response_class=PlainTextResponse)
    def metrics(request: Request) -> Response:
        page, media_type = exposition.render(request.headers.get("accept", ""))
        return Response(page, media_type=media_type)


class _Head:
    """Answers ``HEAD`` as ``GET``, without the body: balancers and probes ask so."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] != "HEAD":
            await self._app(scope, receive, send)
            return

        async def send_head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        await self._app({**scope, "method": "GET"}, receive, send_head)


def begin_app(title: str, **more: Any) -> FastAPI:
    """An application with its OpenAPI page, from files on this machine: a workshop room may have no network.

    Args:
        title: what it is of.
        more: as ``FastAPI`` takes it.
    """
    app = FastAPI(title=title, version=__version__, docs_url=None, redoc_url=None, **more)
    app.add_middleware(_Head)
    app.openapi_version = "3.0.3"  # the newest that the bundled page can show
    app.mount(_ASSETS, StaticFiles(directory=swagger_ui_bundle.swagger_ui_path))

    @app.get("/docs", include_in_schema=False)
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(
            openapi_url="/openapi.json",
            title=f"{app.title}: its API",
            swagger_js_url=f"{_ASSETS}/swagger-ui-bundle.js",
            swagger_css_url=f"{_ASSETS}/swagger-ui.css",
            swagger_favicon_url=f"{_ASSETS}/favicon-32x32.png",
        )

    return app


def add_errors(app: FastAPI) -> None:
    """A wrong address is told the right ones."""

    @app.exception_handler(StarletteHTTPException)
    async def not_found(request: Request, error: StarletteHTTPException) -> Response:
        if error.status_code == 404 and error.detail == "Not Found":
            paths = ", ".join(app.openapi()["paths"])
            return JSONResponse({"detail": f"nothing at {request.url.path}. Try: {paths}, /docs."}, 404)
        return await http_exception_handler(request, error)
