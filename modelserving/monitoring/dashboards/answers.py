"""The dashboard of the answers themselves: what ``modelserving serve monitor --influx`` writes."""

from __future__ import annotations

from modelserving.monitoring.dashboards.panels import Dashboard, Panel, PanelKind, Query, Source

_MODEL = "$tag_data_type: $tag_model $tag_version"
_BY_MODEL = 'GROUP BY time($__interval), "data_type", "model", "version"'
_BY_PARTITION = 'GROUP BY time($__interval), "data_type", "partition"'


def _scored(what: str, by: str = _BY_MODEL) -> str:
    return f'SELECT {what} FROM "scored" WHERE $timeFilter {by} fill(none)'  # noqa: S608


ANSWERS = Dashboard(
    uid="modelserving-answers",
    title="Answers",
    about="Each answer, as it was given: by which model, how high, how fast, and when columns drifted.",
    source=Source.INFLUXDB,
    panels=(
        Panel(
            "Answers",
            "In the time that is shown.",
            (Query('SELECT count("offset") FROM "scored" WHERE $timeFilter'),),
            PanelKind.NUMBER,
            width=8,
        ),
        Panel(
            "Alarms",
            "Columns that began to drift, in the time that is shown.",
            (Query('SELECT count("alarm") FROM "drift" WHERE $timeFilter'),),
            PanelKind.NUMBER,
            width=8,
        ),
        Panel(
            "Time to score a record",
            "99th percentile of the models' own time, in the time that is shown.",
            (Query('SELECT percentile("scoring_ns", 99) FROM "scored" WHERE $timeFilter'),),
            PanelKind.NUMBER,
            unit="ns",
            width=8,
        ),
        Panel(
            "Score over time",
            "The mean of the answers, a line for each model: where one ends and another begins, models were swapped.",
            (Query(_scored('mean("prediction")'), _MODEL),),
            width=24,
        ),
        Panel(
            "Spread of the scores",
            "The lowest and the highest answer.",
            (
                Query(_scored('min("prediction")'), f"{_MODEL}, lowest"),
                Query(_scored('max("prediction")'), f"{_MODEL}, highest"),
            ),
        ),
        Panel("Answers by model", "How many.", (Query(_scored('count("offset")'), _MODEL),)),
        Panel(
            "Time to score a record, by model",
            "Median and 99th percentile of the model's own time.",
            (
                Query(_scored('median("scoring_ns")'), f"{_MODEL}, median"),
                Query(_scored('percentile("scoring_ns", 99)'), f"{_MODEL}, 99th"),
            ),
            unit="ns",
        ),
        Panel(
            "Answers by partition",
            "How records are spread.",
            (Query(_scored('count("offset")', _BY_PARTITION), "$tag_data_type: partition $tag_partition"),),
        ),
        Panel(
            "Drift",
            "What the monitor said.",
            (Query('SELECT "text", "column" FROM "drift" WHERE $timeFilter ORDER BY time DESC LIMIT 50'),),
            PanelKind.TABLE,
            width=24,
        ),
    ),
)
"""All that is asked of InfluxDB."""
