"""The HTTP face of a server: what it serves with, and how it is doing. For people, scripts and widgets."""

from __future__ import annotations

from typing import Annotated, Protocol

import swagger_ui_bundle
from fastapi import FastAPI, HTTPException, Path, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from modelserving import __version__
from modelserving.errors import FieldError
from modelserving.models.slot import ModelSlot, ModelSlots
from modelserving.records import check_data_type
from modelserving.stage import Counts, Phase

__all__ = ["Health", "ModelNames", "ModelState", "ServerView", "make_app"]

_NS_PER_MS = 1e6
_ASSETS = "/docs-assets"


class ServerView(Protocol):
    """What the face needs to know of a server."""

    slots: ModelSlots
    counts: Counts
    phase: Phase

    @property
    def models_refused(self) -> int:
        """How many messages of the models topic were no model fit to serve."""
        ...


class ModelState(BaseModel):
    """The model in use and its statistics. The first seven fields are those of the JVM tutorial."""

    name: str = Field("None", description='name of the model; "None" while there is none')
    description: str = Field("None", description="one line about the model")
    since: int = Field(0, description="when it began to serve, milliseconds since 1970")
    usage: int = Field(0, description="how many records it scored")
    duration: float = Field(0.0, description="how long it scored, all records together, milliseconds")
    min: float = Field(0, description="the shortest score, milliseconds")
    max: float = Field(0, description="the longest score, milliseconds")
    data_type: str = Field("", description="the records that it scores")
    type: str = Field("", description="its format")
    version: str = Field("", description="its version")
    digest: str = Field("", description="SHA-256 of its bytes")
    mean_ns: float = Field(0.0, description="the mean score, nanoseconds")
    p50_ns: int = Field(0, description="half of the scores took at most this, nanoseconds")
    p90_ns: int = Field(0, description="nine in ten scores took at most this, nanoseconds")
    p99_ns: int = Field(0, description="99 in 100 scores took at most this, nanoseconds")
    swaps: int = Field(0, description="how many models were put in this place so far")
    scored: int = Field(0, description="records that this server answered, with any model")
    skipped: int = Field(0, description="records of a data type that has no model")
    dead_lettered: int = Field(0, description="records that could not be decoded or scored")
    models_refused: int = Field(0, description="messages of the models topic that were no model fit to serve")


class ModelNames(BaseModel):
    """The data types that have a model."""

    models: list[str]


class Health(BaseModel):
    """Whether the server serves."""

    status: str = Field(description='"ok" when it serves')
    phase: str = Field(description="what it is doing")


class Problem(BaseModel):
    """Why there is no answer."""

    detail: str


def make_app(server: ServerView) -> FastAPI:
    """Make the application.

    Args:
        server: what it shows.
    """
    app = FastAPI(
        title="Model server",
        version=__version__,
        docs_url=None,
        redoc_url=None,
        description="Which model scores now, and how it does. Models arrive by Kafka, not here: this face only looks.",
    )
    app.openapi_version = "3.0.3"  # the newest that the bundled page can show
    _add_docs(app)
    _add_errors(app)

    @app.get("/state", summary="The model that was put in its place last")
    async def state() -> ModelState:
        return _state(server, server.slots.latest)

    @app.get("/state/{data_type}", summary="The model of one data type", responses=_PROBLEMS)
    async def state_of(data_type: Annotated[str, Path(examples=["wine"])]) -> ModelState:
        try:
            check_data_type(data_type)
        except FieldError as error:
            raise HTTPException(400, str(error)) from error
        slot = server.slots.get(data_type)
        if slot is None:
            known = ", ".join(server.slots.data_types) or "none yet"
            raise HTTPException(404, f"no model for data type {data_type!r}. Data types with a model: {known}.")
        return _state(server, slot)

    @app.get("/models", summary="The data types that have a model")
    async def models() -> ModelNames:
        return ModelNames(models=list(server.slots.data_types))

    @app.get("/healthz", summary="Whether the server serves", responses={503: {"model": Health}})
    async def healthz(response: Response) -> Health:
        serving = server.phase is Phase.SERVING
        response.status_code = 200 if serving else 503
        return Health(status="ok" if serving else "unavailable", phase=server.phase)

    return app


_PROBLEMS: dict[int | str, dict[str, object]] = {
    400: {"model": Problem, "description": "The data type is not allowed"},
    404: {"model": Problem, "description": "No model for this data type"},
}


def _state(server: ServerView, slot: ModelSlot | None) -> ModelState:
    counts = server.counts
    state = ModelState(
        scored=counts.scored,
        skipped=counts.skipped,
        dead_lettered=counts.dead_lettered,
        models_refused=server.models_refused,
    )
    served = slot.current if slot else None
    if slot is None or served is None:
        return state
    seen = served.statistics.snapshot()
    return state.model_copy(
        update={
            "name": served.name,
            "description": served.description,
            "since": slot.since_ms,
            "usage": seen.count,
            "duration": seen.sum_ns / _NS_PER_MS,
            "min": seen.min_ns / _NS_PER_MS,
            "max": seen.max_ns / _NS_PER_MS,
            "data_type": served.data_type,
            "type": served.type.slug,
            "version": served.version,
            "digest": served.digest,
            "mean_ns": seen.mean_ns,
            "p50_ns": seen.p50_ns,
            "p90_ns": seen.p90_ns,
            "p99_ns": seen.p99_ns,
            "swaps": slot.swaps,
        }
    )


def _add_docs(app: FastAPI) -> None:
    """The OpenAPI page, from files on this machine: a workshop room may have no network."""
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

    @app.get("/", include_in_schema=False)
    async def root() -> RedirectResponse:
        return RedirectResponse("/docs")


def _add_errors(app: FastAPI) -> None:
    """A wrong address is told the right ones."""

    @app.exception_handler(StarletteHTTPException)
    async def not_found(request: Request, error: StarletteHTTPException) -> Response:
        if error.status_code == 404 and error.detail == "Not Found":
            paths = ", ".join(app.openapi()["paths"])
            return JSONResponse({"detail": f"nothing at {request.url.path}. Try: {paths}, /docs."}, 404)
        return await http_exception_handler(request, error)
