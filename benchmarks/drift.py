"""How often chance is taken for drift, how soon drift is seen, and what watching costs.

    .venv/bin/python benchmarks/drift.py [--quick] [--json]

The workbook's own wines, drawn by chance anew for each seed, as a client that never ends would send them. False alarms:
nothing changes. Delay: alcohol goes up by half its spread after 3,000 records. Cost: a record with its eleven columns.
"""

from __future__ import annotations

import math
import statistics
import time

import numpy as np
from report import Report, arguments, show

from modelserving.datasets import RED_WINES, draw_wines
from modelserving.monitoring.drift.columns import DriftWatch
from modelserving.records import FEATURES

RECORDS, CHANGE, BATCH = 10_000, 3_000, 500


def watch(seed: int, shift: float = 0.0) -> tuple[int | None, float]:
    """The record after which the first alarm came (``None``: none came), and microseconds a record."""
    table = draw_wines(RED_WINES.statistics, RECORDS, seed)[:, : len(FEATURES)]
    alcohol = FEATURES.index("alcohol")
    table[CHANGE:, alcohol] += shift * float(np.std(table[:, alcohol]))
    alarms: list[int] = []
    watching = DriftWatch(on_alarm=lambda alarm: alarms.append(alarm.shift.at))
    started = time.perf_counter()
    for begin in range(0, RECORDS, BATCH):
        chunk = table[begin : begin + BATCH]
        watching.add_records("wine", {name: chunk[:, number].tolist() for number, name in enumerate(FEATURES)})
    return (min(alarms) if alarms else None), (time.perf_counter() - started) / RECORDS * 1e6


def main() -> None:
    """Measure, and print."""
    options = arguments(__doc__ or "")
    seeds = 20 if options.quick else 100
    still = [watch(seed) for seed in range(seeds)]
    moved = [watch(seed, 0.5)[0] for seed in range(seeds)]
    seen = [at - CHANGE for at in moved if at is not None and at > CHANGE]
    figures: dict[str, float] = {
        "seeds": seeds,
        "records": RECORDS,
        "columns": len(FEATURES),
        "runs_with_a_false_alarm": sum(at is not None for at, _ in still),
        "seen_of_drifts": len(seen),
        "median_delay_records": statistics.median(seen) if seen else math.nan,
        "longest_delay_records": max(seen, default=math.nan),
        "microseconds_a_record": round(statistics.median(cost for _, cost in still), 2),
    }
    ratios = {"seen_over_drifts": len(seen) / seeds, "false_over_runs": figures["runs_with_a_false_alarm"] / seeds}
    show(Report(figures, ratios), options)


if __name__ == "__main__":
    main()
