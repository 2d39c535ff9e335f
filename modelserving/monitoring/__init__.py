"""Seeing it run: what servers count, and what the topics tell beside that. Nothing here stands in the way of a record.

::

    server_metrics.py · java_metrics.py ─▶ exposition.py     one server, as Prometheus reads it
    window.py · answers.py ─▶ backtest.py                    a log, scored again
"""

from modelserving.monitoring.exposition import Exposition
from modelserving.monitoring.java_metrics import EngineCollector, HasEngine, JavaCollector
from modelserving.monitoring.server_metrics import ServerCollector

__all__ = ["EngineCollector", "Exposition", "HasEngine", "JavaCollector", "ServerCollector"]
