"""What any server says of itself, as Prometheus names it: base units, counters that end in ``_total``."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from modelserving.models.info import ModelInfo
from modelserving.models.lifecycle.state import ServingState
from modelserving.serving.report.meter import BUCKETS_S, Durations, ModelKey
from modelserving.serving.report.view import ServerView

_MODEL = ("data_type", "model", "version", "digest")
_SHORT = 12


class ServerCollector(Collector):
    """Asks a server when Prometheus asks. Whatever it says stands as it was said: labels are escaped at the end.

    Args:
        server: whom.
    """

    def __init__(self, server: ServerView) -> None:
        self._server = server

    def collect(self) -> Iterator[Metric]:
        """All that it says now."""
        yield from self._serving()
        yield from self._records()
        yield from self._scoring()
        yield from self._models()

    def _serving(self) -> Iterator[Metric]:
        health = self._server.health()
        serving = GaugeMetricFamily(
            "modelserving_serving",
            "1 while the server serves, 0 while it does not; and what it is doing.",
            labels=["phase"],
        )
        serving.add_metric([str(health.phase)], float(health.ok))
        yield serving
        lag = GaugeMetricFamily(
            "modelserving_group_lag_records",
            "Records that the group of this server has not dealt with yet. All its members say the same.",
            labels=["partition"],
        )
        _add_all(lag, self._server.lag)
        yield lag

    def _records(self) -> Iterator[Metric]:
        counts = self._server.counts
        yield CounterMetricFamily("modelserving_records_scored", "Records that were answered.", counts.scored)
        yield CounterMetricFamily(
            "modelserving_records_skipped", "Records of a data type that had no model.", counts.skipped
        )
        dead = CounterMetricFamily(
            "modelserving_dead_letters",
            "Records that became dead letters: what was tried with them, and the class of the error.",
            labels=["stage", "error"],
        )
        for reason, count in self._server.meter.dead_letters().items():
            dead.add_metric(reason, count)
        yield dead
        lost = CounterMetricFamily(
            "modelserving_records_lost", "Records that the broker let go before they were scored.", labels=["partition"]
        )
        _add_all(lost, self._server.lost)
        yield lost

    def _scoring(self) -> Iterator[Metric]:
        found = HistogramMetricFamily(
            "modelserving_scoring_duration_seconds",
            "How long a model took for a record: the time of its batch, divided by the batch's records.",
            labels=_MODEL,
        )
        for model, durations in self._server.meter.durations().items():
            found.add_metric(_labels(model), _buckets(durations), durations.sum_s)
        yield found

    def _models(self) -> Iterator[Metric]:
        yield CounterMetricFamily(
            "modelserving_models_refused",
            "Models that were not fit to serve, and commands that could not be followed.",
            self._server.models_refused,
        )
        absent = GaugeMetricFamily(
            "modelserving_model_absent", "1 for a data type whose model is nowhere to be found.", labels=["data_type"]
        )
        _add_all(absent, dict.fromkeys(self._server.models_absent, 1))
        yield absent
        yield from _slots({name: self._server.describe(name) for name in self._server.data_types})


def _slots(states: dict[str, ServingState | None]) -> Iterator[Metric]:
    swaps = CounterMetricFamily(
        "modelserving_model_swaps", "Models that were put in the place of the current one.", labels=["data_type"]
    )
    info = GaugeMetricFamily(
        "modelserving_model_place",
        "1 for each model that is in use, and the place that it has.",
        labels=[*_MODEL, "place"],
    )
    since = GaugeMetricFamily(
        "modelserving_model_since_timestamp_seconds", "When the current model began to serve.", labels=["data_type"]
    )
    shadow = _ShadowFamilies()
    for data_type, state in states.items():
        if state is None:
            continue
        swaps.add_metric([data_type], state.swaps)
        beside = state.shadow.identity if state.shadow else None
        for slot, model in (("current", state.identity), ("previous", state.previous), ("shadow", beside)):
            if model is not None:
                info.add_metric([*_labels(_key(model)), slot], 1)
        if state.identity is not None:
            since.add_metric([data_type], state.since_ms / 1000)
        shadow.add(state)
    yield from (swaps, info, since, *shadow.families)


class _ShadowFamilies:
    """How the shadow compares with the model that serves."""

    def __init__(self) -> None:
        self._compared = GaugeMetricFamily(
            "modelserving_shadow_compared_records", "Records that the shadow has answered, too.", labels=_MODEL
        )
        self._equal = GaugeMetricFamily(
            "modelserving_shadow_equal_records",
            "Of these, those with the same answer to within a millionth.",
            labels=_MODEL,
        )
        self._difference = GaugeMetricFamily(
            "modelserving_shadow_mean_difference", "The mean absolute difference of the two answers.", labels=_MODEL
        )
        self.families: tuple[Metric, ...] = (self._compared, self._equal, self._difference)

    def add(self, state: ServingState) -> None:
        """Add what one data type's shadow has shown, if there is one."""
        if (found := state.shadow) is None:
            return
        labels = _labels(_key(found.identity))
        self._compared.add_metric(labels, found.compared)
        self._equal.add_metric(labels, found.equal)
        self._difference.add_metric(labels, found.mean_difference)


def _add_all(family: GaugeMetricFamily | CounterMetricFamily, values: object) -> None:
    """A sample for each entry of a mapping, its key as the label."""
    assert hasattr(values, "items")
    for name, value in values.items():
        family.add_metric([str(name)], value)


def _key(model: ModelInfo) -> ModelKey:
    return ModelKey(model.data_type, model.name, model.version, model.digest)


def _labels(model: ModelKey) -> list[str]:
    return [model.data_type, model.name, model.version, model.digest[:_SHORT]]


def _buckets(durations: Durations) -> list[tuple[str, float]]:
    limits = [f"{limit:g}" for limit in BUCKETS_S]
    return [*zip(limits, durations.cumulative, strict=True), ("+Inf", durations.count)]
