"""What a monitor sees, as Prometheus reads it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from modelserving.monitoring.monitor.server import Monitor
from modelserving.monitoring.truth.quality import Quality

_COLUMN = ("data_type", "column")
_MODEL = ("data_type", "model", "version", "digest")
_SHORT = 12
_QUALITY: tuple[tuple[str, str, Callable[[Quality], float]], ...] = (
    ("modelserving_quality_pairs", "Answers whose truth is known.", lambda one: one.pairs),
    ("modelserving_quality_mean_absolute_error", "The mean absolute error.", lambda one: one.mean_absolute_error),
    ("modelserving_quality_mean_error", "By how much numbers are too high.", lambda one: one.mean_error),
    ("modelserving_quality_accuracy_ratio", "The share of right answers.", lambda one: one.accuracy),
    ("modelserving_quality_calibration_slope", "1: calibrated.", lambda one: one.calibration_slope),
)


class MonitorCollector(Collector):
    """Asks a monitor when Prometheus asks.

    Args:
        monitor: whom.
    """

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor

    def collect(self) -> Iterator[Metric]:
        """All that it sees now."""
        yield from self._drift()
        for name, told, value in _QUALITY:
            family = GaugeMetricFamily(name, told, labels=_MODEL)
            for model, found in self._monitor.quality().items():
                if not math.isnan(number := value(found)):
                    family.add_metric([*model[:3], model.digest[:_SHORT]], number)
            yield family
        yield from self._shadows()
        passed = CounterMetricFamily(
            "modelserving_monitor_passed_over", "Messages that were too many to be watched.", labels=["topic"]
        )
        for topic, count in self._monitor.tail.passed_over.items():
            passed.add_metric([topic], count)
        yield passed
        unreadable = CounterMetricFamily(
            "modelserving_monitor_unreadable", "Messages and batches that could not be read.", labels=["topic"]
        )
        for topic, count in self._monitor.unreadable.items():
            unreadable.add_metric([topic], count)
        yield unreadable
        if (influx := self._monitor.influx) is not None:
            yield CounterMetricFamily("modelserving_influx_lines_written", "Lines that InfluxDB took.", influx.written)
            yield CounterMetricFamily("modelserving_influx_lines_lost", "Lines that it did not.", influx.lost)

    def _shadows(self) -> Iterator[Metric]:
        """On the same records as what was served."""
        pairs = GaugeMetricFamily("modelserving_shadow_quality_pairs", "Records with a truth, asked.", labels=_MODEL)
        error = GaugeMetricFamily(
            "modelserving_shadow_quality_mean_absolute_error", "The shadow's mean absolute error.", labels=_MODEL
        )
        gain = GaugeMetricFamily(
            "modelserving_shadow_quality_gain", "By how much it is nearer to the truth than what served.", labels=_MODEL
        )
        for model, found in self._monitor.shadows.found().items():
            labels = [*model[:3], model.digest[:_SHORT]]
            pairs.add_metric(labels, found.quality.pairs)
            if found.quality.pairs:
                error.add_metric(labels, found.quality.mean_absolute_error)
                gain.add_metric(labels, found.improvement.gain)
        yield from (pairs, error, gain)

    def _drift(self) -> Iterator[Metric]:
        alarm = GaugeMetricFamily("modelserving_drift_alarm", "1 while a column drifts.", labels=_COLUMN)
        for name, drifted in self._monitor.drift.alarms().items():
            alarm.add_metric(name, float(drifted is not None))
        values = CounterMetricFamily("modelserving_drift_values", "Values that were watched.", labels=_COLUMN)
        alarms = CounterMetricFamily("modelserving_drift_alarms", "Alarms so far.", labels=_COLUMN)
        for name, (seen, count) in self._monitor.drift.counts().items():
            values.add_metric(name, seen)
            alarms.add_metric(name, count)
        yield from (alarm, values, alarms)
