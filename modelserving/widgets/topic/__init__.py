"""The live view of a topic: partitions, records, bookmarks, owners, transactions.

::

    view.py ── feed.py ──▶ snapshot.py ──▶ chart.py
               looks        values          the picture
"""

from modelserving.widgets.topic.snapshot import Lane, RecordState, SeenRecord, TopicSnapshot
from modelserving.widgets.topic.view import TopicView

__all__ = ["Lane", "RecordState", "SeenRecord", "TopicSnapshot", "TopicView"]
