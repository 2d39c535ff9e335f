"""Live views for notebooks.

::

    live.py            LiveView: one picture, kept up to date in place, from threads
    dock.py            the newest of them in a panel beside the notebook
    page_style.py      rules for the page around: where plain output is broken, colours of errors
    width.py           how wide that is, said by the browser: a view is drawn for it
    stage/             StageView: scores, model in use, swaps, latency of a stage
    back_pressure.py   BackPressureView: a producer, a buffer, a consumer
    heater/            HeaterView: rooms, what is wanted in them, what their heaters are told; with sliders
    topic/             TopicView: partitions, records, bookmarks, owners, transactions of a topic
    speculative/       AnswersView: whose answers leave in time; with sliders
    feed.py            the threads behind them
    sliders.py         what is sent when one is moved, and what came of it
    colours.py         what they are drawn with, through ``modelserving.svg``

Each name is imported when it is first used: ``waiting.py`` alone is needed by whoever waits for something.
"""

from typing import TYPE_CHECKING

from modelserving.system.lazy import lazy_imports

if TYPE_CHECKING:
    from modelserving.widgets.back_pressure import (
        BackPressureSnapshot,
        BackPressureView,
        FlowSample,
        render_back_pressure,
    )
    from modelserving.widgets.live import Frame, FrameSource, LiveView
    from modelserving.widgets.stage import (
        Condition,
        ModelSeen,
        ScoreFeed,
        ScorePoint,
        ServerReport,
        StageSnapshot,
        StageView,
        Swap,
        render_stage,
    )
    from modelserving.widgets.topic import Lane, RecordState, SeenRecord, TopicSnapshot, TopicView

__all__ = [
    "BackPressureSnapshot",
    "BackPressureView",
    "Condition",
    "FlowSample",
    "Frame",
    "FrameSource",
    "Lane",
    "LiveView",
    "ModelSeen",
    "RecordState",
    "ScoreFeed",
    "ScorePoint",
    "SeenRecord",
    "ServerReport",
    "StageSnapshot",
    "StageView",
    "Swap",
    "TopicSnapshot",
    "TopicView",
    "render_back_pressure",
    "render_stage",
]

__getattr__ = lazy_imports(
    __name__,
    {
        "back_pressure": ("BackPressureSnapshot", "BackPressureView", "FlowSample", "render_back_pressure"),
        "live": ("Frame", "FrameSource", "LiveView"),
        "stage": (
            "Condition",
            "ModelSeen",
            "ScoreFeed",
            "ScorePoint",
            "ServerReport",
            "StageSnapshot",
            "StageView",
            "Swap",
            "render_stage",
        ),
        "topic": ("Lane", "RecordState", "SeenRecord", "TopicSnapshot", "TopicView"),
    },
)
