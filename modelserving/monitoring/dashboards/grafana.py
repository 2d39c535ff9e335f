"""A dashboard as Grafana reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelserving.monitoring.dashboards.panels import Dashboard, Panel, PanelKind, Query, Source

_SCHEMA_VERSION = 41
_COLUMNS = 24
_HEIGHTS = {PanelKind.NUMBER: 4, PanelKind.LINES: 8, PanelKind.BANDS: 8, PanelKind.TABLE: 8}
_LAST = {"calcs": ["lastNotNull"], "fields": "", "values": False}
_OPTIONS: Mapping[PanelKind, Mapping[str, Any]] = {
    PanelKind.NUMBER: {"reduceOptions": _LAST, "colorMode": "value", "graphMode": "area", "textMode": "auto"},
    PanelKind.LINES: {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    PanelKind.BANDS: {
        "mergeValues": True,
        "showValue": "never",
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": False, "calcs": []},
        "tooltip": {"mode": "single", "sort": "none"},
    },
    PanelKind.TABLE: {"showHeader": True, "cellHeight": "sm"},
}


def source_uid(source: Source) -> str:
    """What a data source is called in dashboards and in the file that provides it."""
    return f"modelserving-{source}"


def to_grafana(dashboard: Dashboard) -> dict[str, Any]:
    """As Grafana's files have it.

    Args:
        dashboard: what to show.
    """
    return {
        "uid": dashboard.uid,
        "title": dashboard.title,
        "description": dashboard.about,
        "tags": ["modelserving"],
        "schemaVersion": _SCHEMA_VERSION,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "5s",
        "timezone": "browser",
        "time": {"from": "now-15m", "to": "now"},
        "timepicker": {"refresh_intervals": ["5s", "10s", "30s", "1m", "5m"]},
        "templating": {"list": []},
        "annotations": {"list": []},
        "links": [_others()],
        "panels": list(_panels(dashboard)),
    }


def _others() -> dict[str, Any]:
    return {
        "title": "modelserving",
        "type": "dashboards",
        "icon": "dashboard",
        "tooltip": "The other dashboards",
        "url": "",
        "tags": ["modelserving"],
        "asDropdown": False,
        "targetBlank": False,
        "includeVars": False,
        "keepTime": True,
    }


def _panels(dashboard: Dashboard) -> Iterator[dict[str, Any]]:
    """Row by row, from left to right, as far as there is room."""
    left = top = tallest = 0
    for number, panel in enumerate(dashboard.panels, 1):
        height = _HEIGHTS[panel.kind]
        if left + panel.width > _COLUMNS:
            left, top, tallest = 0, top + tallest, 0
        grid = {"x": left, "y": top, "w": panel.width, "h": height}
        left, tallest = left + panel.width, max(tallest, height)
        yield _panel(panel, number, grid, dashboard.source)


def _panel(panel: Panel, number: int, grid: dict[str, int], source: Source) -> dict[str, Any]:
    asked = {"type": str(source), "uid": source_uid(source)}
    return {
        "id": number,
        "type": str(panel.kind),
        "title": panel.title,
        "description": panel.about,
        "datasource": asked,
        "gridPos": grid,
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": dict(_OPTIONS[panel.kind]),
        "targets": [
            {"refId": chr(ord("A") + at), "datasource": asked, **_TARGETS[source](query, panel.kind)}
            for at, query in enumerate(panel.queries)
        ],
    }


def _prometheus(query: Query, kind: PanelKind) -> dict[str, Any]:
    table = kind is PanelKind.TABLE
    return {
        "expr": query.text,
        "legendFormat": query.name or "__auto",
        "format": "table" if table else "time_series",
        "range": not table,
        "instant": table,
    }


def _influxdb(query: Query, kind: PanelKind) -> dict[str, Any]:
    return {
        "query": query.text,
        "rawQuery": True,
        "alias": query.name,
        "resultFormat": "table" if kind is PanelKind.TABLE else "time_series",
    }


_TARGETS = {Source.PROMETHEUS: _prometheus, Source.INFLUXDB: _influxdb}
