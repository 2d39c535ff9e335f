"""The live view of heaters: how warm rooms are, how warm they should be, what their heaters are told.

::

    view.py ── feed.py ──▶ tally.py ──▶ snapshot.py ──▶ chart.py
    sliders    the topics   kept, counted  values         the picture
"""

from modelserving.widgets.heater.snapshot import Band, HeaterSnapshot, Reading, RoomSeen, SentCommand
from modelserving.widgets.heater.view import HeaterView

__all__ = ["Band", "HeaterSnapshot", "HeaterView", "Reading", "RoomSeen", "SentCommand"]
