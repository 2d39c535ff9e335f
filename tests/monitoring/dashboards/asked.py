"""The queries of a dashboard, as Grafana would send them."""

from __future__ import annotations

from modelserving.monitoring.dashboards import Dashboard

_SET = {"$__rate_interval": "10s", "$timeFilter": "time > now() - 1h", "$__interval": "1s"}


def queries(dashboard: Dashboard) -> dict[str, str]:
    """What is asked, by panel and number, with Grafana's words replaced by what it would put there."""
    found = {}
    for panel in dashboard.panels:
        for number, query in enumerate(panel.queries):
            text = query.text
            for word, meaning in _SET.items():
                text = text.replace(word, meaning)
            found[f"{panel.title} {number}"] = text
    return found
