"""One server, as Prometheus reads it.

::

    server_metrics.py · java_metrics.py ─▶ exposition.py      files/alerts.yml: when to wake somebody
"""

from modelserving.monitoring.metrics.exposition import Exposition
from modelserving.monitoring.metrics.java_metrics import EngineCollector, HasEngine, JavaCollector
from modelserving.monitoring.metrics.server_metrics import ServerCollector

__all__ = ["EngineCollector", "Exposition", "HasEngine", "JavaCollector", "ServerCollector"]
