"""What the page shows of a server: a few numbers and tables, so that one page does for every kind of server."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import BaseModel, Field

from modelserving.models.info import ModelInfo
from modelserving.models.lifecycle.state import ServingState
from modelserving.serving import ServerView
from modelserving.serving.report.recent import RecentAnswers, percentile
from modelserving.web.page.picture import Picture

_NS_PER_US = 1_000
_SHORT = 12


class PageTable(BaseModel):
    """A table; cells are shown as they are, whatever is in them."""

    title: str
    columns: list[str]
    rows: list[list[str]]


class Shares(BaseModel):
    """Counts that grow, each a part of a whole: the page draws how the parts change."""

    title: str
    counts: dict[str, int]


class Trend(BaseModel):
    """Numbers that go up and down, drawn over time in one picture."""

    title: str
    lines: dict[str, float | None] = Field(description="the most important one first; null: not known now")
    from_zero: bool = Field(True, description="whether the picture begins at zero; else at the lowest value")
    ground: str = Field("", description="what holds now, such as the model in use: a band of its own colour")


class PageState(BaseModel):
    """A server at one moment."""

    title: str
    ok: bool
    phase: str
    details: list[str] = []
    numbers: dict[str, int] = Field({}, description="by what they count")
    rates: list[str] = Field([], description="which of the numbers grow, so that their growth is drawn")
    trends: list[Trend] = []
    shares: list[Shares] = []
    picture: Picture | None = None
    tables: list[PageTable] = []


def show_server(server: ServerView) -> PageState:
    """What is shown of a server of models. It may have to ask actors, or a store."""
    health, counts = server.health(), server.counts
    models = [row for name in server.data_types for row in _models(server.describe(name))]
    dead = [[stage, error, f"{count}"] for (stage, error), count in sorted(server.meter.dead_letters().items())]
    waiting = {"waiting": sum(server.lag.values())} if server.lag else {}
    recent = server.meter.recent.look()
    lost = {"lost": sum(server.lost.values())} if server.lost else {}
    return PageState(
        title="Model server",
        ok=health.ok,
        phase=str(health.phase),
        details=list(health.details),
        numbers={
            "scored": counts.scored,
            "skipped": counts.skipped,
            "dead letters": counts.dead_lettered,
            **waiting,
            **lost,
            "models refused": server.models_refused,
        },
        rates=["scored", "dead letters"],
        trends=[
            *(trend for name, found in recent.items() for trend in _trends(name, found)),
            *(Trend(title=f"{name} records", lines={name: count}) for name, count in waiting.items()),
        ],
        shares=[
            Shares(title=f"labels of {name}", counts=dict(one.labels)) for name, one in recent.items() if one.labels
        ],
        tables=[
            PageTable(title="Models", columns=_COLUMNS, rows=models),
            *(
                [PageTable(title="Dead letters", columns=["what was tried", "error", "how many"], rows=dead)]
                if dead
                else []
            ),
        ],
    )


def _trends(data_type: str, recent: RecentAnswers) -> Iterator[Trend]:
    """What was answered in the last seconds, and how long after its publishing."""
    if len(scores := recent.scores) or not recent.labels:
        told = (("mean", np.mean), ("highest", np.max), ("lowest", np.min))
        lines = {name: float(of(scores)) if len(scores) else None for name, of in told}
        yield Trend(title=f"scores of {data_type}", lines=lines, from_zero=False, ground=recent.model)
    waited = {"half within": 0.5, "99 of 100 within": 0.99}
    yield Trend(
        title=f"from publishing to answer, {data_type}, ms",
        lines={name: percentile(recent.latencies_ms, share) for name, share in waited.items()},
        ground=recent.model,
    )


_COLUMNS = ["data type", "place", "model", "version", "format", "digest", "scored", "p50", "p99", "compared"]


def _models(state: ServingState | None) -> Iterator[list[str]]:
    if state is None:
        return
    seen = state.statistics
    if state.identity is not None:
        yield [*_who(state.identity, "current"), f"{seen.count}", _us(seen.p50_ns), _us(seen.p99_ns), ""]
    if (beside := state.shadow) is not None:
        took = beside.statistics
        same = f"{beside.equal} of {beside.compared} the same" if beside.compared else "nothing yet"
        who = _who(beside.identity, f"shadow {beside.percent:g} %")
        yield [*who, f"{took.count}", _us(took.p50_ns), _us(took.p99_ns), same]
    if state.previous is not None:
        yield [*_who(state.previous, "previous"), "", "", "", ""]


def _who(model: ModelInfo, slot: str) -> list[str]:
    return [model.data_type, slot, model.name, model.version, model.type.slug, model.digest[:_SHORT]]


def _us(ns: int) -> str:
    us = ns / _NS_PER_US
    return f"{us:,.0f} µs" if us >= 1_000 else f"{us:.3g} µs" if ns else ""
