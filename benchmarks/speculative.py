"""Several models, one answer in time: what it costs, what it buys, and how late an answer leaves.

    python benchmarks/speculative.py              100,000 preloaded records
    python benchmarks/speculative.py --quick      20,000
    python benchmarks/speculative.py --json       one object with figures and ratios
    python benchmarks/speculative.py --picture F  the curve as SVG: share of the forest's answers and error, by deadline

One server with one, three and five copies of the workbook's linear model, beside the stage with that model; all in this
process, in turn, on one broker. Then the smart model sleeps, and it is measured how long after its arrival each record
was decided. Last, a forest of 400 deep trees beside the linear model, in batches of 1,000 wines that
neither has learned from, for a row of deadlines: how many answers were the forest's, and how wrong the answers were.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import anyio
import numpy as np
from report import Report, arguments, show
from stage import preload, run_server, run_stage

from modelserving.actors import PykkaRuntime
from modelserving.broker import EmbeddedKafka
from modelserving.client import load_dataset
from modelserving.commands.threads import share_fairly
from modelserving.config import data_folder
from modelserving.datasets import default_schemas
from modelserving.kafka import Connection, create_topics, make_producer, read_topic
from modelserving.kafka.messages import MessageRow
from modelserving.models.formats import factory
from modelserving.models.info import LoadedModel
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.models.training.onnx import export_onnx
from modelserving.models.training.sample import Sample, load_sample
from modelserving.records import ModelDescriptor, ModelType, Topics, encode_descriptor, encode_wine
from modelserving.records.decoder import RecordDecoder
from modelserving.serving.messages import Batch
from modelserving.serving.options import ServerOptions
from modelserving.speculative.control import create_settings_topic, send_settings
from modelserving.speculative.outcome import read_account
from modelserving.speculative.server import SpeculativeServer
from modelserving.speculative.settings import ParticipantSettings, SpeculativeSettings
from modelserving.speculative.starter import Starter

COUNTS = (1, 3, 5)
DEADLINE_MS = 100.0
DEADLINES_MS = (2.0, 5.0, 10.0, 20.0, 40.0, 80.0, 160.0)
BATCH = 1_000
WINES = "wine_red.csv"


def main() -> None:
    """Measure, and print."""
    picture = _take_picture()
    options = arguments(__doc__ or "")
    records = 20_000 if options.quick else 100_000
    with TemporaryDirectory() as home, EmbeddedKafka(home=Path(home), port=0) as kafka:
        costs = measure_costs(kafka.connection, records, rounds=1 if options.quick else 3)
    curve = measure_curve(batches=3 if options.quick else 10)
    if picture is not None:
        picture.write_text(draw(curve), encoding="utf-8")
    figures = {f"{name}_at_{point.deadline_ms:g}_ms": value for point in curve for name, value in point.figures.items()}
    bought = {"error_first_over_last_deadline": round(curve[0].error / curve[-1].error, 3)}
    figures["error_less_per_ms"] = round((curve[0].error - curve[-1].error) / _half(curve), 5)
    show(Report({**costs.figures, **figures}, {**costs.ratios, **bought}), options)


def _take_picture() -> Path | None:
    """``--picture FILE``, which only this benchmark takes."""
    if "--picture" not in sys.argv:
        return None
    at = sys.argv.index("--picture")
    path = Path(sys.argv[at + 1])
    del sys.argv[at : at + 2]
    return path


def measure_costs(connection: Connection, records: int, rounds: int) -> Report:
    """Preload the records, then run the stage and the speculative server with one, three and five models, in turn."""
    topics = Topics().prefixed("bench")
    create_topics(connection, topics)
    create_settings_topic(connection, topics)
    dataset = load_dataset(data_folder())
    preload(connection, topics, dataset, records)
    with make_producer(connection) as producer:
        for name in _names(max(COUNTS)):
            copy = replace(dataset.models[0], data_type=name)
            producer.send(topics.models, key=name.encode(), value=encode_descriptor(copy))
        producer.flush()
    factory.preload()
    gc.collect()
    gc.freeze()
    share_fairly()
    runs: dict[str, list[float]] = {"stage": [], **{_label(count): [] for count in COUNTS}}
    anyio.run(run_stage, connection, topics, records, "warm-up")  # whoever is first would pay for all
    for number in range(rounds):
        runs["stage"].append(anyio.run(run_stage, connection, topics, records, f"stage-{number}").records_per_s)
        for count in COUNTS:
            decider = "best" if count == 1 else "consensus"
            send_settings(connection, topics, "wine", _settings(_names(count), 0.0, decider=decider))
            run = anyio.run(run_speculative, connection, topics, records, f"{_label(count)}-{number}")
            runs[_label(count)].append(run)
    middle = {name: median(found) for name, found in runs.items()}
    late = measure_lateness(connection, topics)
    return Report(
        figures={
            "records": records,
            **{f"{name}_records_per_s": round(found) for name, found in middle.items()},
            "deadline_ms": DEADLINE_MS,
            **{f"decided_{name}_ms": round(found, 1) for name, found in late.items()},
        },
        ratios={
            "one_over_stage": round(middle["one"] / middle["stage"], 3),
            "three_over_one": round(middle["three"] / middle["one"], 3),
            "five_over_one": round(middle["five"] / middle["one"], 3),
            "late_over_deadline_p99": round(late["p99"] / DEADLINE_MS, 3),
        },
    )


def _label(count: int) -> str:
    return {1: "one", 3: "three", 5: "five"}[count]


def _names(count: int) -> Sequence[str]:
    return [f"copy-{number}" for number in range(count)]


def _settings(names: Sequence[str], deadline_ms: float, **more: str | float) -> SpeculativeSettings:
    participants = tuple(ParticipantSettings(name) for name in names)
    made = SpeculativeSettings("wine", participants, deadline_ms, patience=1_000_000)
    return replace(made, **more)  # type: ignore[arg-type]


async def run_speculative(connection: Connection, topics: Topics, records: int, group: str) -> float:
    """Run the server over all records; records per second."""
    return (await run_server(SpeculativeServer(connection, ServerOptions(topics, group=group)), records)).records_per_s


def measure_lateness(connection: Connection, topics: Topics) -> dict[str, float]:
    """The smart model sleeps four deadlines long; how long after its arrival each record was decided, milliseconds."""
    own = replace(topics, scored=f"{topics.scored}-late", records=f"{topics.records}-late")
    create_topics(connection, own)
    participants = (ParticipantSettings("copy-0", slowed_ms=4 * DEADLINE_MS), ParticipantSettings("copy-1"))
    wanted = SpeculativeSettings("wine", participants, DEADLINE_MS, patience=1_000_000)
    send_settings(connection, topics, "wine", wanted)
    wines = load_dataset(data_folder()).records
    with make_producer(connection) as producer:
        for number in range(2_000):
            producer.send(own.records, value=encode_wine(wines[number % len(wines)]))
        producer.flush()
    server = SpeculativeServer(connection, ServerOptions(own, group="late", max_records=20))
    anyio.run(run_server, server, 2_000)
    accounts = [read_account(message.headers) for message in read_topic(connection, own.scored)]
    after = np.array([account.after_ms for account in accounts if account is not None])
    return {"p50": float(np.percentile(after, 50)), "p99": float(np.percentile(after, 99)), "max": float(after.max())}


@dataclass(frozen=True, slots=True)
class Point:
    """What one deadline brought.

    Args:
        deadline_ms: milliseconds.
        share: of the answers, 0 to 1, those that were the forest's.
        error: mean absolute difference between the answers and the wines' quality.
    """

    deadline_ms: float
    share: float
    error: float

    @property
    def figures(self) -> dict[str, float]:
        """By name."""
        return {"smart_share": round(self.share, 3), "error": round(self.error, 4)}


def measure_curve(batches: int) -> list[Point]:
    """A big forest beside the linear model: how many answers are the forest's, and how wrong they are, by deadline."""
    sample = load_sample(data_folder() / WINES, "wine")
    rows = np.flatnonzero(sample.held_out)[:BATCH]
    wines, quality = [sample.records[row] for row in rows], sample.quality[rows]
    slots = ModelSlots()
    slots.swap(big_forest(sample))
    slots.swap(build_candidate(replace(load_dataset(data_folder()).models[0], data_type="linear")))
    batch = Batch([MessageRow("records", 0, row, 0, None, encode_wine(wine)) for row, wine in enumerate(wines)])
    points = []
    with PykkaRuntime() as runtime:
        starter = Starter(runtime, RecordDecoder(default_schemas()))
        for deadline_ms in (50.0, *DEADLINES_MS):  # the first one warms up
            wanted = _settings(("forest", "linear"), deadline_ms, fallback=float(np.median(sample.answers)))
            starter.configure("wine", wanted)
            answers = [one for _ in range(batches) for one in starter.score(batch, slots).scored]
            share = sum(one.model_name == "forest" for one in answers) / len(answers)
            error = float(np.mean([abs(one.prediction - quality[one.offset]) for one in answers]))
            points.append(Point(deadline_ms, share, error))
    slots.close()
    return points[1:]


def big_forest(sample: Sample) -> LoadedModel:
    """A forest of 400 deep trees, as ONNX: much slower than the linear model, and better."""
    from sklearn.ensemble import RandomForestRegressor

    forest = RandomForestRegressor(400, min_samples_leaf=5, random_state=3, n_jobs=-1)
    forest.fit(sample.lessons, sample.answers)
    data = export_onnx(forest)
    return build_candidate(ModelDescriptor("forest", "400 trees", "forest", ModelType.ONNX, data))


def _half(curve: Sequence[Point]) -> float:
    """The shortest deadline with which at least half of the answers are the forest's, or the longest there is."""
    return next((point.deadline_ms for point in curve if point.share >= 0.5), curve[-1].deadline_ms)


def draw(points: Sequence[Point]) -> str:
    """The curve as a picture: the share of the forest's answers and the mean error, by deadline, as SVG."""
    from io import StringIO

    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4), layout="constrained")
    shares = figure.subplots()
    deadlines = [point.deadline_ms for point in points]
    shares.plot(deadlines, [100 * point.share for point in points], "o-", color="#0072b2")
    shares.set(xscale="log", xlabel="deadline, ms", ylabel="answers by the forest, %", ylim=(-3, 103))
    errors = shares.twinx()
    errors.plot(deadlines, [point.error for point in points], "s--", color="#d55e00")
    errors.set_ylabel("mean error (dashed)")
    target = StringIO()
    figure.savefig(target, format="svg")
    return target.getvalue()


if __name__ == "__main__":
    main()
