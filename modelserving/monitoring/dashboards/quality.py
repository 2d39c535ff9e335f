"""The dashboard of what ``modelserving serve monitor`` sees: drift, and quality as the truth comes in."""

from __future__ import annotations

from modelserving.monitoring.dashboards.panels import Dashboard, Panel, PanelKind, Query, Source

_MODEL = "{{data_type}}: {{model}} {{version}}"
_COLUMN = "{{data_type}}: {{column}}"
_BY_MODEL = "max by (data_type, model, version)"


QUALITY = Dashboard(
    uid="modelserving-quality",
    title="Drift and quality",
    about="Whether records and answers are spread as they were, and who was right.",
    source=Source.PROMETHEUS,
    panels=(
        Panel(
            "Columns that drift now",
            "A column that drifts says that the model sees what it was not trained for.",
            (Query("sum(modelserving_drift_alarm) or vector(0)"),),
            PanelKind.NUMBER,
            width=6,
        ),
        Panel(
            "Values watched a second",
            "Of records and answers.",
            (Query("sum(rate(modelserving_drift_values_total[$__rate_interval]))"),),
            PanelKind.NUMBER,
            width=6,
        ),
        Panel(
            "Answers whose truth is known",
            "The more there are, the surer is what stands below.",
            (Query("sum(modelserving_quality_pairs)"),),
            PanelKind.NUMBER,
            width=6,
        ),
        Panel(
            "Lines that InfluxDB did not take",
            "It was away, slow or full for too long, or it refused them: the monitor's log says why.",
            (Query("sum(modelserving_influx_lines_lost_total) or vector(0)"),),
            PanelKind.NUMBER,
            width=6,
        ),
        Panel(
            "Drift",
            "A band for each column; it is 1 while the column drifts.",
            (Query("max by (data_type, column) (modelserving_drift_alarm)", _COLUMN),),
            PanelKind.BANDS,
            width=24,
        ),
        Panel(
            "Mean absolute error",
            "Of the answers that have met their truth.",
            (Query(f"{_BY_MODEL} (modelserving_quality_mean_absolute_error)", _MODEL),),
        ),
        Panel(
            "Right answers",
            "Labels that are the same, numbers that round to the truth.",
            (Query(f"{_BY_MODEL} (modelserving_quality_accuracy_ratio)", _MODEL),),
            unit="percentunit",
        ),
        Panel(
            "Mean error",
            "By how much numbers are too high.",
            (Query(f"{_BY_MODEL} (modelserving_quality_mean_error)", _MODEL),),
        ),
        Panel(
            "Lines in InfluxDB a second",
            "Written, and lost.",
            (
                Query("sum(rate(modelserving_influx_lines_written_total[$__rate_interval]))", "written"),
                Query("sum(rate(modelserving_influx_lines_lost_total[$__rate_interval]))", "lost"),
            ),
            unit="ops",
        ),
    ),
)
"""All that is asked of Prometheus about a monitor."""
