"""What is counted and written, drawn by Grafana: three dashboards, and all that a Grafana needs to show them.

::

    panels.py ─▶ servers.py · quality.py · answers.py     what is asked, and how it is drawn
                   └─▶ grafana.py ─▶ folder.py            as Grafana reads it; a folder with all files
                                        └─▶ docker.py     Grafana, Prometheus and InfluxDB, started from it
"""

from modelserving.monitoring.dashboards.answers import ANSWERS
from modelserving.monitoring.dashboards.docker import start_containers, stop_containers
from modelserving.monitoring.dashboards.folder import DashboardFiles, write_folder
from modelserving.monitoring.dashboards.panels import Dashboard, Panel, Query
from modelserving.monitoring.dashboards.quality import QUALITY
from modelserving.monitoring.dashboards.servers import SERVERS

__all__ = [
    "ANSWERS",
    "QUALITY",
    "SERVERS",
    "Dashboard",
    "DashboardFiles",
    "Panel",
    "Query",
    "start_containers",
    "stop_containers",
    "write_folder",
]
