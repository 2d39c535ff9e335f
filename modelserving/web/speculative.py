"""The paths of the server that asks several models about each record: what is wanted, and how they do.

::

    /speculative           for each data type: what is wanted
    /speculative/<type>    what is wanted, and for each participant what became of its answers
"""

from __future__ import annotations

import time
from typing import Protocol

from fastapi import APIRouter
from pydantic import BaseModel, Field

from modelserving.serving import ServerView
from modelserving.speculative.health import ParticipantHealthSnapshot
from modelserving.speculative.settings import ParticipantSettings, SpeculativeSettings
from modelserving.speculative.starter import Starter
from modelserving.web.schemas import PROBLEMS, DataTypePath, no_model

_NS_PER_MS = 1e6


class SpeculativeView(ServerView, Protocol):
    """What is asked: a server that has a starter."""

    @property
    def starter(self) -> Starter:
        """Asks the models."""
        ...


class ParticipantState(BaseModel):
    """A model that is asked, and what became of its answers; counts are of records."""

    name: str = Field(description="the data type under which it is published")
    model: str = Field(description='the model in its place now; "None" while there is none')
    version: str = Field(description="its version")
    quality: float = Field(description="how good its answers are, as the settings say, 0 to 1")
    tracked_quality: float | None = Field(
        description="the same, moved by the truths that came; null while none of its answers has met its truth"
    )
    slowed_ms: float = Field(description="its answers are held back for so long, as the settings say")
    asked: int
    in_time: int = Field(description="answered before the deadline")
    chosen: int = Field(description="its answer was taken")
    late: int = Field(description="answered after the deadline, or had not begun by then")
    failed: int = Field(description="could not answer")
    left_out: int = Field(description="not asked, since it was late or failed too often")
    waits: bool = Field(description="whether it is left out now")
    took_p50_ms: float = Field(description="half of its answers came so long after the record")
    took_p99_ms: float = Field(description="99 in 100 of them did")
    late_p50_ms: float = Field(description="half of its late answers came so long after the deadline")
    late_max_ms: float = Field(description="the last of them did")


class SpeculativeState(BaseModel):
    """What is wanted of the records of one data type, and how those do who are asked about them."""

    data_type: str
    configured: bool = Field(description="whether somebody said what is wanted; else its one model answers")
    deadline_ms: float = Field(
        description="an answer leaves so long after its record has arrived; 0: all are waited for"
    )
    decider: str = Field(description="how one answer is made of several")
    fallback: float | str | None = Field(description="the answer when nobody answers in time")
    patience: int = Field(description="left out after so many batches in a row, late or failed")
    pause_ms: float = Field(description="for how long, the first time")
    participants: list[ParticipantState] = Field(description="the preferred one first")


def speculative_router(server: SpeculativeView) -> APIRouter:
    """The paths.

    Args:
        server: of whom they tell.
    """
    router = APIRouter()

    @router.get("/speculative", summary="What is wanted, for each data type")
    def all_types() -> list[SpeculativeState]:
        return [_show(server, settings) for _, settings in sorted(server.starter.configured.items())]

    @router.get("/speculative/{data_type}", summary="What is wanted of one data type", responses=PROBLEMS)
    def one_type(data_type: DataTypePath) -> SpeculativeState:
        settings = server.starter.settings_of(data_type)
        if data_type not in server.starter.configured and server.describe(data_type) is None:
            raise no_model(server, data_type)
        return _show(server, settings)

    return router


def _show(server: SpeculativeView, settings: SpeculativeSettings) -> SpeculativeState:
    data_type, starter = settings.data_type, server.starter
    now_ns = time.monotonic_ns()
    return SpeculativeState(
        data_type=data_type,
        configured=data_type in starter.configured,
        deadline_ms=settings.deadline_ms,
        decider=settings.decider,
        fallback=settings.fallback,
        patience=settings.patience,
        pause_ms=settings.pause_ms,
        participants=[
            _participant(server, data_type, one, starter.health(data_type, one.name).snapshot(now_ns))
            for one in settings.participants
        ],
    )


def _participant(
    server: SpeculativeView, data_type: str, one: ParticipantSettings, health: ParticipantHealthSnapshot
) -> ParticipantState:
    found = server.describe(one.name)
    info = found.identity if found else None
    return ParticipantState(
        name=one.name,
        model=info.name if info else "None",
        version=info.version if info else "",
        quality=one.quality,
        tracked_quality=server.starter.tracker.quality(data_type, info.digest, one.quality) if info else None,
        slowed_ms=one.slowed_ms,
        asked=health.asked,
        in_time=health.in_time,
        chosen=health.chosen,
        late=health.late,
        failed=health.failed,
        left_out=health.left_out,
        waits=health.waits,
        took_p50_ms=health.took.p50_ns / _NS_PER_MS,
        took_p99_ms=health.took.p99_ns / _NS_PER_MS,
        late_p50_ms=health.lateness.p50_ns / _NS_PER_MS,
        late_max_ms=health.lateness.max_ns / _NS_PER_MS,
    )
