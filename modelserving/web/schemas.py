"""What the HTTP faces answer, and how it is made of what a server says of itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import HTTPException, Path, Response
from pydantic import BaseModel, Field

from modelserving.errors import FieldError
from modelserving.models.info import ModelInfo
from modelserving.models.lifecycle.shadow import ShadowComparison
from modelserving.models.lifecycle.state import ServingState
from modelserving.models.store.codec import write_info
from modelserving.records import check_data_type
from modelserving.serving import Health, ServerView
from modelserving.statistics import StatisticsSnapshot

_NS_PER_MS = 1e6


_UNITS = {"since": "milliseconds since 1970", "duration": "ms", "min": "ms", "max": "ms"}


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
    absent: str = Field("", description="the model that a command names and that is nowhere, so that another serves")
    lost: dict[int, int] = Field({}, description="records that the broker let go before they were scored, by partition")
    serving: bool = Field(False, description="whether the server serves now; if not, its counts are the last known")
    since_utc: str | None = Field(None, description="when it began to serve, as a date and a time in UTC")
    current: ModelName | None = Field(None, description="the model in use; null while there is none")
    previous: ModelName | None = Field(None, description="the model that a rollback brings back")
    shadow: ShadowState | None = Field(None, description="the model that scores beside it, and how the two compare")
    units: dict[str, str] = Field(_UNITS, description="units of the fields whose names do not say them")


class ModelNames(BaseModel):
    """The data types that have a model."""

    models: list[str]


class HealthState(BaseModel):
    """Whether the server serves."""

    status: str = Field(description='"ok" when it serves')
    phase: str = Field(description="what it is doing")
    details: list[str] = Field(description="what else is worth knowing")


class Problem(BaseModel):
    """Why there is no answer."""

    detail: str


AGAIN = {"Retry-After": "1"}
"""Told with each 503: most of what hinders is over in a moment."""


def show_health(health: Health, response: Response) -> HealthState:
    """Whether a server serves; where it does not, the response is a 503."""
    if not health.ok:
        response.status_code = 503
        response.headers.update(AGAIN)
    status = "ok" if health.ok else "unavailable"
    return HealthState(status=status, phase=health.phase, details=list(health.details))


ONE_TYPE = "/state/{data_type}"
"""A server whose state is elsewhere, too, answers this one by itself."""

DataTypePath = Annotated[str, Path(examples=["hire"])]

PROBLEMS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The data type is not allowed"},
    404: {"model": Problem, "description": "No model for this data type"},
}


def check_path(data_type: str) -> None:
    """See that a data type in a path can be one.

    Raises:
        HTTPException: 400, it cannot.
    """
    try:
        check_data_type(data_type)
    except FieldError as error:
        raise HTTPException(400, str(error)) from error


def find_state(server: ServerView, data_type: str) -> ServingState:
    """How the models of a data type are doing.

    Raises:
        HTTPException: 400, it is none; 404, it has no model.
    """
    check_path(data_type)
    found = server.describe(data_type)
    if found is None:
        raise no_model(server, data_type)
    return found


def no_model(server: ServerView, data_type: str) -> HTTPException:
    """What is answered where a data type has no model."""
    known = ", ".join(server.data_types) or "none yet"
    why = server.models_absent.get(data_type, "")
    return HTTPException(404, f"no model for data type {data_type!r}. Data types with a model: {known}. {why}".strip())


def show_state(server: ServerView, found: ServingState | None) -> ModelState:
    """What is shown of the models of a data type; ``None``: of none."""
    counts = server.counts
    state = ModelState(
        scored=counts.scored,
        skipped=counts.skipped,
        dead_lettered=counts.dead_lettered,
        models_refused=server.models_refused,
        lost=dict(server.lost),
        serving=server.health().ok,
    )
    if found is None:
        return state
    beside = {"swaps": found.swaps, "previous": _name(found.previous), "shadow": _shadow(found.shadow)}
    served = found.identity
    if served is None:
        return state.model_copy(update=beside)
    return state.model_copy(
        update={
            **beside,
            "absent": server.models_absent.get(served.data_type, ""),
            **write_info(served),
            "since": found.since_ms,
            "since_utc": datetime.fromtimestamp(found.since_ms / 1000, UTC).isoformat(timespec="milliseconds"),
            "current": _name(served),
            **show_statistics(found.statistics),
            "data_type": served.data_type,
        }
    )


def show_statistics(seen: StatisticsSnapshot) -> dict[str, float]:
    """The fields of ``ModelState`` that tell how long scoring takes."""
    return {
        "usage": seen.count,
        "duration": seen.sum_ns / _NS_PER_MS,
        "min": seen.min_ns / _NS_PER_MS,
        "max": seen.max_ns / _NS_PER_MS,
        "mean_ns": seen.mean_ns,
        "p50_ns": seen.p50_ns,
        "p90_ns": seen.p90_ns,
        "p99_ns": seen.p99_ns,
    }


def _name(model: ModelInfo | None) -> ModelName | None:
    return None if model is None else ModelName(**write_info(model))


def _shadow(found: ShadowComparison | None) -> ShadowState | None:
    if found is None:
        return None
    return ShadowState(
        **write_info(found.identity),
        percent=found.percent,
        compared=found.compared,
        equal=found.equal,
        mean_difference=found.mean_difference,
        max_difference=found.max_difference,
        errors=found.errors,
        mean_ns=found.statistics.mean_ns,
        p99_ns=found.statistics.p99_ns,
    )
