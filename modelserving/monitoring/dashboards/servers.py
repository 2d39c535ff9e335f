"""The dashboard of the model servers: what ``/metrics`` of each of them says."""

from __future__ import annotations

from modelserving.monitoring.dashboards.panels import Dashboard, Panel, PanelKind, Query, Source

_MODEL = "{{data_type}}: {{model}} {{version}}"
_BUCKETS = (
    "sum by (le, data_type, model, version) (rate(modelserving_scoring_duration_seconds_bucket[$__rate_interval]))"
)


def _number(title: str, about: str, text: str) -> Panel:
    return Panel(title, about, (Query(text),), PanelKind.NUMBER, width=4)


SERVERS = Dashboard(
    uid="modelserving-servers",
    title="Model servers",
    about="Whether they serve, what they serve with, how fast, and what waits or fails.",
    source=Source.PROMETHEUS,
    panels=(
        _number("Servers that serve", "Ask one that does not for /healthz.", "sum(modelserving_serving)"),
        _number(
            "Records a second",
            "Answered, by all servers together.",
            "sum(rate(modelserving_records_scored_total[$__rate_interval]))",
        ),
        _number(
            "Records that wait",
            "Published, and not dealt with yet, in all partitions. If it grows, start another server of the group.",
            "sum(max by (group, partition) (modelserving_group_lag_records))",
        ),
        _number(
            "Dead letters",
            "Since the servers began. `modelserving deadletters list` shows them.",
            "sum(modelserving_dead_letters_total) or vector(0)",
        ),
        _number(
            "Skipped",
            "Records of a data type that has no model.",
            "sum(modelserving_records_skipped_total)",
        ),
        _number(
            "Lost",
            "Records that the broker let go before they were scored: keep them for longer.",
            "sum(modelserving_records_lost_total) or vector(0)",
        ),
        Panel(
            "Records a second, by server",
            "How the work is shared.",
            (Query("sum by (instance) (rate(modelserving_records_scored_total[$__rate_interval]))", "{{instance}}"),),
            unit="ops",
        ),
        Panel(
            "Records that wait, by partition",
            "All members of a group say the same, so the largest is taken.",
            (Query("max by (group, partition) (modelserving_group_lag_records)", "{{group}} partition {{partition}}"),),
        ),
        Panel(
            "Models in use",
            "A band for each model, as long as it is the current one.",
            (Query('max by (data_type, model, version) (modelserving_model_place{place="current"})', _MODEL),),
            PanelKind.BANDS,
        ),
        Panel(
            "Models in their places",
            "Current, previous and shadow now.",
            (Query("max by (data_type, place, model, version, digest) (modelserving_model_place)"),),
            PanelKind.TABLE,
        ),
        Panel(
            "Time to score a record",
            "Median and 99th percentile of the model's own time, by model. Waiting and Kafka are not in it.",
            (
                Query(f"histogram_quantile(0.5, {_BUCKETS})", f"{_MODEL}, median"),
                Query(f"histogram_quantile(0.99, {_BUCKETS})", f"{_MODEL}, 99th"),
            ),
            unit="s",
        ),
        Panel(
            "Records a second, by model",
            "Which models do the work.",
            (
                Query(
                    "sum by (data_type, model, version) "
                    "(rate(modelserving_scoring_duration_seconds_count[$__rate_interval]))",
                    _MODEL,
                ),
            ),
            unit="ops",
        ),
        Panel(
            "Dead letters a second",
            "By what was tried, and the class of the error.",
            (
                Query(
                    "sum by (stage, error) (rate(modelserving_dead_letters_total[$__rate_interval]))",
                    "{{stage}}: {{error}}",
                ),
            ),
            unit="ops",
        ),
        Panel(
            "Changes of models",
            "How often a model was put in the place of the current one, and what was refused.",
            (
                Query("sum by (data_type) (modelserving_model_swaps_total)", "{{data_type}} swapped"),
                Query("sum(modelserving_models_refused_total)", "refused"),
            ),
        ),
        Panel(
            "Shadow, compared",
            "How many of the records that a shadow has scored, too, have the same answer.",
            (
                Query(
                    "sum by (data_type, model, version) (modelserving_shadow_equal_records) / "
                    "sum by (data_type, model, version) (modelserving_shadow_compared_records)",
                    _MODEL,
                ),
            ),
            unit="percentunit",
        ),
        Panel(
            "Shadow, how far off",
            "The mean absolute difference of the two answers.",
            (Query("max by (data_type, model, version) (modelserving_shadow_mean_difference)", _MODEL),),
        ),
        Panel(
            "Memory",
            "Of each server's process, and of the Java machine in it.",
            (
                Query("process_resident_memory_bytes", "{{instance}}"),
                Query('sum by (instance) (jvm_memory_used_bytes{area="heap"})', "{{instance}}, Java's heap"),
            ),
            unit="bytes",
        ),
        Panel(
            "Processor",
            "Cores that each server keeps busy.",
            (Query("rate(process_cpu_seconds_total[$__rate_interval])", "{{instance}}"),),
        ),
        Panel(
            "Kafka Streams: records consumed a second",
            "Of the servers on Kafka Streams, by topic.",
            (
                Query(
                    "sum by (topic) (rate(kafka_streams_topic_records_consumed_total[$__rate_interval]))", "{{topic}}"
                ),
            ),
            unit="ops",
        ),
        Panel(
            "Kafka Streams: threads",
            "Alive and failed.",
            (
                Query("sum(kafka_streams_threads_alive)", "alive"),
                Query("sum(kafka_streams_threads_failed)", "failed"),
            ),
        ),
    ),
)
"""All that is asked of Prometheus about servers."""
