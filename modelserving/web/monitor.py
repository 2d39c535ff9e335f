"""The HTTP face of a monitor.

::

    /drift      which columns drift, and the last alarms
    /quality    how good the answers were that have met their truth, by model; and the shadow's, on the same records
    /healthz    whether it looks        /metrics    as Prometheus reads it
"""

from __future__ import annotations

import math

from fastapi import FastAPI, Response
from pydantic import BaseModel, Field

from modelserving.monitoring.metrics import EngineCollector, Exposition, JavaCollector
from modelserving.monitoring.monitor import Monitor, MonitorCollector
from modelserving.monitoring.monitor.shadows import ShadowQuality
from modelserving.monitoring.truth.quality import Quality
from modelserving.serving import ModelKey
from modelserving.web.app import add_errors, add_metrics, begin_app
from modelserving.web.page import PageState, PageTable, Shares, add_page
from modelserving.web.schemas import HealthState, show_health

_QUALITY = ["data type", "model", "version", "place", "pairs", "mean error", "right", "calibration", "gain"]


class DriftState(BaseModel):
    """What drifts."""

    drifting: list[str] = Field(description="a line for each column that drifts now")
    recent: list[str] = Field(description="the last alarms, the newest last")
    values: dict[str, int] = Field(description="how many values were watched, by data type and column")


class QualityState(BaseModel):
    """How good the answers of one model were."""

    data_type: str
    model: str
    version: str
    digest: str
    pairs: int = Field(description="answers whose truth is known")
    mean_absolute_error: float | None
    accuracy: float | None = Field(description="labels that are the same, numbers that round to the truth")
    mean_error: float | None = Field(description="by how much numbers are too high on the average")
    calibration_slope: float | None = Field(description="1: the truth grows as the answers do")
    place: str = Field("served", description="`shadow`: what it would have answered to the same records")
    gain: float | None = Field(None, description="of a shadow: by how much its mean error is smaller than that served")
    doubt: float | None = Field(None, description="95 times in 100 the gain is not further off than this")


def make_monitor_app(monitor: Monitor) -> FastAPI:
    """Make the application.

    Args:
        monitor: what it shows.
    """
    app = begin_app("Monitor")
    add_errors(app)

    @app.get("/drift", summary="What drifts")
    def drift() -> DriftState:
        return DriftState(
            drifting=[str(one) for one in monitor.drift.alarms().values() if one is not None],
            recent=[str(one) for one in monitor.recent],
            values={f"{of} {column}": seen for (of, column), (seen, _) in monitor.drift.counts().items()},
        )

    @app.get("/quality", summary="How good the answers were")
    def quality() -> list[QualityState]:
        served = [_quality(model, found) for model, found in monitor.quality().items()]
        return [*served, *(_beside(model, found) for model, found in monitor.shadows.found().items())]

    @app.get("/healthz", summary="Whether it looks", responses={503: {"model": HealthState}})
    def healthz(response: Response) -> HealthState:
        return show_health(monitor.health(), response)

    add_page(app, lambda: _show(monitor))
    add_metrics(app, Exposition(MonitorCollector(monitor), JavaCollector(), EngineCollector(lambda: monitor.streams)))
    return app


def _quality(model: ModelKey, found: Quality) -> QualityState:
    return QualityState(
        data_type=model.data_type,
        model=model.name,
        version=model.version,
        digest=model.digest,
        pairs=found.pairs,
        mean_absolute_error=_known(found.mean_absolute_error),
        accuracy=_known(found.accuracy),
        mean_error=_known(found.mean_error),
        calibration_slope=_known(found.calibration_slope),
    )


def _beside(model: ModelKey, found: ShadowQuality) -> QualityState:
    better = found.improvement
    told = {"place": "shadow", "gain": better.gain, "doubt": _known(better.doubt)}
    return _quality(model, found.quality).model_copy(update=told)


def _show(monitor: Monitor) -> PageState:
    """What the page shows of a monitor."""
    health, counts = monitor.health(), monitor.drift.counts()
    drift = [
        [*name, f"{counts.get(name, (0, 0))[0]}", "" if drifted is None else str(drifted)]
        for name, drifted in monitor.drift.alarms().items()
    ]
    quality = [_row(model, "served", one) for model, one in monitor.quality().items()]
    for model, beside in monitor.shadows.found().items():
        better = beside.improvement
        gain = f"{better.gain:+.3g} ± {better.doubt:.2g}" if better.pairs > 1 else ""
        quality.append([*_row(model, "shadow", beside.quality)[:-1], gain])
    return PageState(
        title="Monitor",
        ok=health.ok,
        phase=str(health.phase),
        details=list(health.details),
        numbers={
            "values watched": sum(seen for seen, _ in counts.values()),
            "drift alarms": sum(alarms for _, alarms in counts.values()),
            "answers judged": sum(one.pairs for one in monitor.quality().values()),
            "passed over": monitor.tail.passed_over.total(),
            "unreadable": monitor.unreadable.total(),
        },
        rates=["values watched"],
        shares=[
            Shares(title=f"{what} of {data_type}", counts=dict(counts))
            for (data_type, what), counts in list(monitor.answers.items())
        ],
        tables=[
            PageTable(title="Drift", columns=["data type", "column", "values", "alarm"], rows=drift),
            PageTable(
                title="Quality",
                columns=_QUALITY,
                rows=quality,
            ),
        ],
    )


def _row(model: ModelKey, place: str, one: Quality) -> list[str]:
    slope = "" if math.isnan(one.calibration_slope) else f"{one.calibration_slope:.3g}"
    measured = [f"{one.mean_absolute_error:.4g}", f"{one.accuracy:.1%}", slope]
    return [*model[:3], place, f"{one.pairs}", *(measured if one.pairs else [""] * 3), ""]


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None
