"""The live view of several models that are asked about each record: whose answers leave, and who is late.

::

    view.py ── feed.py ──▶ chart.py
    sliders    the server   the picture
"""

from modelserving.widgets.speculative.feed import Answered, AnswersSnapshot, ParticipantSeen
from modelserving.widgets.speculative.view import AnswersView

__all__ = ["Answered", "AnswersSnapshot", "AnswersView", "ParticipantSeen"]
