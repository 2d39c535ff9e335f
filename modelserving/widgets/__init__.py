"""Live views for notebooks.

::

    live.py            LiveView: one picture, kept up to date in place, from threads
    stage_view.py      StageView: scores, model in use, swaps, latency of a stage
    back_pressure.py   BackPressureView: a producer, a buffer, a consumer
    svg.py colours.py  what they are drawn with
"""

from modelserving.widgets.back_pressure import BackPressureSnapshot, BackPressureView, FlowSample, render_back_pressure
from modelserving.widgets.live import Frame, LiveView, Source
from modelserving.widgets.score_feed import ScoreFeed
from modelserving.widgets.stage_chart import render_stage
from modelserving.widgets.stage_snapshot import Condition, ModelSeen, ScorePoint, ServerReport, StageSnapshot, Swap
from modelserving.widgets.stage_view import StageView

__all__ = [
    "BackPressureSnapshot",
    "BackPressureView",
    "Condition",
    "FlowSample",
    "Frame",
    "LiveView",
    "ModelSeen",
    "ScoreFeed",
    "ScorePoint",
    "ServerReport",
    "Source",
    "StageSnapshot",
    "StageView",
    "Swap",
    "render_back_pressure",
    "render_stage",
]
