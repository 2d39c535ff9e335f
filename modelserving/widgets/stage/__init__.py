"""The live view of a stage server: scores, model in use, swaps, latency.

::

    view.py ── feed.py ──▶ tally.py ──▶ snapshot.py ──▶ chart.py
     │         topic, HTTP  kept, counted  values         the picture
     └─── models.py   the server's models, with buttons for commands about them
"""

from modelserving.widgets.stage.chart import render_stage
from modelserving.widgets.stage.feed import ScoreFeed
from modelserving.widgets.stage.snapshot import Condition, ModelSeen, ScorePoint, ServerReport, StageSnapshot, Swap
from modelserving.widgets.stage.view import StageView

__all__ = [
    "Condition",
    "ModelSeen",
    "ScoreFeed",
    "ScorePoint",
    "ServerReport",
    "StageSnapshot",
    "StageView",
    "Swap",
    "render_stage",
]
