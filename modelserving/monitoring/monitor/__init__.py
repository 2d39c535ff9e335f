"""A server that only looks: it follows a pipeline's topics, and scores nothing.

::

    tail.py ─▶ server.py ◀─ rollback.py      what comes by; drift and quality of it; what an alarm may do
                │  └─▶ metrics.py            as Prometheus reads it
                └─▶ shadows.py               shadows, on the records whose truth has come
"""

from modelserving.monitoring.monitor.metrics import MonitorCollector
from modelserving.monitoring.monitor.server import Monitor, MonitorOptions

__all__ = ["Monitor", "MonitorCollector", "MonitorOptions"]
