"""What a dashboard is, whatever draws it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Source(StrEnum):
    """What is asked; the word is Grafana's."""

    PROMETHEUS = "prometheus"
    INFLUXDB = "influxdb"


class PanelKind(StrEnum):
    """How an answer is drawn; the word is Grafana's."""

    LINES = "timeseries"
    NUMBER = "stat"
    BANDS = "state-timeline"
    TABLE = "table"


@dataclass(frozen=True, slots=True)
class Query:
    """One question.

    Args:
        text: in PromQL, or InfluxQL.
        name: of each line of the answer: ``{{label}}`` for Prometheus, ``$tag_name`` for InfluxDB.
    """

    text: str
    name: str = ""


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture.

    Args:
        title: above it.
        about: what it tells, and what to do about it; shown where the title is pointed at.
        queries: at least one.
        kind: how it is drawn.
        unit: as Grafana names it: ``short``, ``s``, ``bytes``, ``percentunit``, ``ns``, ``ops``.
        width: of the 24 columns of the page.
    """

    title: str
    about: str
    queries: tuple[Query, ...]
    kind: PanelKind = PanelKind.LINES
    unit: str = "short"
    width: int = 12


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page.

    Args:
        uid: its name in addresses, the same for ever.
        title: its name for people.
        about: what it is for.
        source: what all of its panels ask.
        panels: in reading order.
    """

    uid: str
    title: str
    about: str
    source: Source
    panels: tuple[Panel, ...]
