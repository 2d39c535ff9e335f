"""The HTTP face of a server: what it serves with, and how it is doing. For people, scripts and widgets."""

from __future__ import annotations

from typing import Annotated, Protocol

import swagger_ui_bundle
from fastapi import APIRouter, FastAPI, HTTPException, Path, Request
from fastapi.exception_handlers import http_exception_handler
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException as StarletteHTTPException

from modelserving import __version__
from modelserving.errors import FieldError
from modelserving.models.served import ModelIdentity
from modelserving.models.shadow import ShadowComparison
from modelserving.models.state import ServingState
from modelserving.records import check_data_type
from modelserving.stage import Counts
from modelserving.stage import Health as ServerHealth

__all__ = ["Health", "ModelNames", "ModelState", "ServerView", "make_app"]

_NS_PER_MS = 1e6
_ASSETS = "/docs-assets"


class ServerView(Protocol):
    """What the face needs to know of a server, wherever its models live."""

    @property
    def counts(self) -> Counts:
        """What became of the records."""
        ...

    @property
    def models_refused(self) -> int:
        """How many messages about models could not be followed: no model fit to serve, or no command that can be."""
        ...

    @property
    def data_types(self) -> tuple[str, ...]:
        """The data types that have a model, in alphabetical order."""
        ...

    @property
    def latest(self) -> str | None:
        """The data type whose model changed last, or ``None`` before any model."""
        ...

    def describe(self, data_type: str) -> ServingState | None:
        """How the models of a data type are doing, or ``None`` when it has none."""
        ...

    def health(self) -> ServerHealth:
        """Whether it serves."""
        ...


class ModelName(BaseModel):
    """Who a model is."""

    name: str = Field(description="name of the model")
    description: str = Field(description="one line about the model")
    type: str = Field(description="its format")
    version: str = Field(description="its version")
    digest: str = Field(description="SHA-256 of its bytes")


class ShadowState(ModelName):
    """A model that scores some of the records beside the one in use, and whose answers nobody sees."""

    percent: float = Field(description="how much of the records it scores")
    compared: int = Field(description="records that both models answered")
    equal: int = Field(description="of these, answers that are the same to within a millionth")
    mean_difference: float = Field(description="mean absolute difference of the two answers")
    max_difference: float = Field(description="the largest difference")
    errors: int = Field(description="records that the shadow could not score")
    mean_ns: float = Field(description="its mean score, nanoseconds")
    p99_ns: int = Field(description="99 in 100 of its scores took at most this, nanoseconds")


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
    models_refused: int = Field(0, description="models that are not fit to serve, and commands that cannot be followed")
    previous: ModelName | None = Field(None, description="the model that a rollback brings back")
    shadow: ShadowState | None = Field(None, description="the model that scores beside it, and how the two compare")


class ModelNames(BaseModel):
    """The data types that have a model."""

    models: list[str]


class Health(BaseModel):
    """Whether the server serves."""

    status: str = Field(description='"ok" when it serves')
    phase: str = Field(description="what it is doing")
    details: list[str] = Field(description="what else is worth knowing")


class Problem(BaseModel):
    """Why there is no answer."""

    detail: str


def make_app(server: ServerView, *routers: APIRouter) -> FastAPI:
    """Make the application.

    Args:
        server: what it shows.
        routers: paths of this kind of server alone.
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

    # These may have to ask an actor, or a store: not `async`, so that they wait in threads of their own.
    @app.get("/state", summary="The model that was put in its place last")
    def state() -> ModelState:
        latest = server.latest
        return _state(server, server.describe(latest) if latest is not None else None)

    @app.get("/state/{data_type}", summary="The model of one data type", responses=_PROBLEMS)
    def state_of(data_type: Annotated[str, Path(examples=["wine"])]) -> ModelState:
        try:
            check_data_type(data_type)
        except FieldError as error:
            raise HTTPException(400, str(error)) from error
        found = server.describe(data_type)
        if found is None:
            known = ", ".join(server.data_types) or "none yet"
            raise HTTPException(404, f"no model for data type {data_type!r}. Data types with a model: {known}.")
        return _state(server, found)

    @app.get("/models", summary="The data types that have a model")
    def models() -> ModelNames:
        return ModelNames(models=list(server.data_types))

    @app.get("/healthz", summary="Whether the server serves", responses={503: {"model": Health}})
    def healthz(response: Response) -> Health:
        health = server.health()
        response.status_code = 200 if health.ok else 503
        return Health(status="ok" if health.ok else "unavailable", phase=health.phase, details=list(health.details))

    for router in routers:
        app.include_router(router)
    return app


_PROBLEMS: dict[int | str, dict[str, object]] = {
    400: {"model": Problem, "description": "The data type is not allowed"},
    404: {"model": Problem, "description": "No model for this data type"},
}


def _state(server: ServerView, found: ServingState | None) -> ModelState:
    counts = server.counts
    state = ModelState(
        scored=counts.scored,
        skipped=counts.skipped,
        dead_lettered=counts.dead_lettered,
        models_refused=server.models_refused,
    )
    if found is None:
        return state
    beside = {"swaps": found.swaps, "previous": _name(found.previous), "shadow": _shadow(found.shadow)}
    served, seen = found.identity, found.statistics
    if served is None:
        return state.model_copy(update=beside)
    return state.model_copy(
        update={
            **beside,
            "name": served.name,
            "description": served.description,
            "since": found.since_ms,
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
        }
    )


def _name(model: ModelIdentity | None) -> ModelName | None:
    return None if model is None else ModelName(**_identity(model))


def _shadow(found: ShadowComparison | None) -> ShadowState | None:
    if found is None:
        return None
    return ShadowState(
        **_identity(found.identity),
        percent=found.percent,
        compared=found.compared,
        equal=found.equal,
        mean_difference=found.mean_difference,
        max_difference=found.max_difference,
        errors=found.errors,
        mean_ns=found.statistics.mean_ns,
        p99_ns=found.statistics.p99_ns,
    )


def _identity(model: ModelIdentity) -> dict[str, str]:
    return {
        "name": model.name,
        "description": model.description,
        "type": model.type.slug,
        "version": model.version,
        "digest": model.digest,
    }


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
