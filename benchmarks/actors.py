"""What actors cost, and what they bring: beside the custom stage, beside bare pykka, and with several workers.

    python benchmarks/actors.py            200,000 preloaded records
    python benchmarks/actors.py --quick    20,000
    python benchmarks/actors.py --json     one object with figures and ratios

Three measurements, each beside its limit, in one process and in turn; the ratios are those of the medians.

- The actor server beside the custom stage and the bare loop, on one broker, with the same records and the same model.
- ``ask`` round trips, beside the same with pykka alone, which has neither bounded mailboxes nor supervision.
- A farm with 1, 2 and 4 workers, for a model that leaves the interpreter to others while it scores (a random forest in
  Java) and one that does not (the same work in plain Python). More workers than processors bring nothing to either.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import numpy as np
import pykka
from report import Report, arguments, show
from stage import preload, run_bare_loop, run_server, run_stage

from modelserving.actors import ActorServer, PykkaRuntime, Ref, ServingSettings, WorkerPool
from modelserving.actors.dispatch import resolve
from modelserving.actors.messages import ScoreBatch, SetSlots
from modelserving.broker import EmbeddedKafka
from modelserving.client import load_dataset
from modelserving.commands.threads import share_fairly
from modelserving.config import data_folder
from modelserving.kafka import Connection, create_topics
from modelserving.kafka.messages import Message
from modelserving.models.formats import factory
from modelserving.models.formats.inputs import to_batch
from modelserving.models.info import LoadedModel, Slots
from modelserving.models.lifecycle.build import build_candidate
from modelserving.models.model import Model, Records, Scores
from modelserving.records import Topics, encode_wine
from modelserving.serving.options import ServerOptions

_WORKERS = (1, 2, 4)
_BATCH = 2_000
_FOREST = "wine-random-forest"


def main() -> None:
    """Measure, and print."""
    options = arguments(__doc__ or "")
    rounds = 1 if options.quick else 3
    factory.preload()  # all then run in the same process with the same libraries loaded
    gc.collect()
    gc.freeze()
    share_fairly()
    with TemporaryDirectory() as home:
        asks = measure_asks(Path(home), 5_000 if options.quick else 20_000, rounds)
        farms = measure_farms(Path(home), 4 if options.quick else 10, rounds)
        with EmbeddedKafka(home=Path(home), port=0) as kafka:
            servers = measure_servers(kafka.connection, Path(home), 20_000 if options.quick else 200_000, rounds)
    reports = (servers, asks, farms)
    show(
        Report(
            figures={name: value for report in reports for name, value in report.figures.items()},
            ratios={name: value for report in reports for name, value in report.ratios.items()},
        ),
        options,
    )


def measure_servers(connection: Connection, home: Path, records: int, rounds: int) -> Report:
    """The bare loop, the stage and the actors over the same records."""
    topics = Topics().prefixed("bench")
    create_topics(connection, topics)
    preload(connection, topics, load_dataset(data_folder()), records)
    bare: list[float] = []
    stage: list[float] = []
    actors: list[float] = []
    for number in range(rounds):
        bare.append(run_bare_loop(connection, topics, records))
        stage.append(anyio.run(run_stage, connection, topics, records, f"stage-{number}").records_per_s)
        settings = ServingSettings(home / f"state-{number}")
        server = ActorServer(connection, ServerOptions(topics, f"actors-{number}"), settings, PykkaRuntime)
        actors.append(anyio.run(run_server, server, records).records_per_s)
    return Report(
        figures={
            "records": records,
            "bare_loop_records_per_s": round(median(bare)),
            "stage_records_per_s": round(median(stage)),
            "actors_records_per_s": round(median(actors)),
        },
        ratios={
            "actors_over_stage": round(median(actors) / median(stage), 3),
            "actors_over_bare_loop": round(median(actors) / median(bare), 3),
        },
    )


class _Echo:
    """A plain class that answers what it is sent."""

    def receive(self, message: object, /) -> object:
        return message


class _BareEcho(pykka.ThreadingActor):
    """The same with pykka alone."""

    use_daemon_thread = True

    def on_receive(self, message: object) -> object:
        return message


def measure_asks(home: Path, asks: int, rounds: int) -> Report:
    """Round trips from one thread to another and back."""
    del home
    bare = _BareEcho.start()
    ours: list[float] = []
    theirs: list[float] = []
    with PykkaRuntime() as runtime:
        echo = runtime.spawn(_Echo, name="echo")
        for _ in range(2 * rounds + 1):
            theirs.append(_per_second(bare.ask, asks))
            ours.append(_per_second(echo.ask, asks))
    bare.stop()
    return Report(
        figures={
            "bare_pykka_asks_per_s": round(median(theirs)),
            "asks_per_s": round(median(ours)),
        },
        ratios={"ask_over_bare_pykka": round(median(ours) / median(theirs), 3)},
    )


def _per_second(ask: Callable[[object], object], asks: int) -> float:
    started = time.perf_counter()
    for number in range(asks):
        ask(number)
    return asks / (time.perf_counter() - started)


class PythonForest:
    """A model in plain Python: it holds the interpreter as long as it scores."""

    inputs = ("alcohol", "sulphates")

    def score(self, records: Records) -> Scores:
        """A few microseconds of arithmetic for each record."""
        columns = (to_batch(records).column(name).to_pylist() for name in self.inputs)
        return Scores(np.array([self._score(*values) for values in zip(*columns, strict=True)]))

    def _score(self, alcohol: float, sulphates: float) -> float:
        value = 0.0
        for tree in range(60):
            value += alcohol if sulphates * tree > value else sulphates
        return value

    def to_bytes(self) -> bytes:
        """No bytes make this model."""
        return b""

    def close(self) -> None:
        """Nothing to give back."""


class _Lent:
    """A model that somebody else will close."""

    def __init__(self, model: Model) -> None:
        self._model = model

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    def close(self) -> None:
        """Leave it open."""


def measure_farms(home: Path, batches: int, rounds: int) -> Report:
    """Records per second with several workers, decoding included."""
    supply = load_dataset(data_folder())
    forest = next(model for model in supply.models if model.name == _FOREST)
    served = build_candidate(forest)
    models = {"java": served, "python": LoadedModel(PythonForest(), replace(served.info, digest="none"))}
    messages = _messages([encode_wine(record) for record in supply.records])
    found: dict[str, float] = {}
    for kind, model in models.items():
        for workers in _WORKERS:
            seen = [_run_farm(home / f"{kind}-{workers}-{n}", model, workers, messages, batches) for n in range(rounds)]
            found[f"farm_{kind}_{workers}"] = median(seen)
    return Report(
        figures={f"{name}_workers_records_per_s": round(value) for name, value in found.items()},
        ratios={
            f"farm_{kind}_{workers}_over_1": round(found[f"farm_{kind}_{workers}"] / found[f"farm_{kind}_1"], 3)
            for kind in models
            for workers in _WORKERS[1:]
        },
    )


def _run_farm(folder: Path, served: LoadedModel, workers: int, messages: tuple[Message, ...], batches: int) -> float:
    settings = ServingSettings(folder, workers=workers)
    with PykkaRuntime() as runtime:
        farm = runtime.spawn(WorkerPool, runtime, "wine", settings, name="farm")
        # A farm closes its model at its end, and this one is needed again.
        lent = replace(served, model=_Lent(served.model), _once=threading.Lock())
        resolve(farm.request(SetSlots(Slots(lent))), 60)
        _score(farm, messages)
        started = time.perf_counter()
        for _ in range(batches):
            _score(farm, messages)
        return batches * len(messages) / (time.perf_counter() - started)


def _score(farm: Ref, messages: tuple[Message, ...]) -> None:
    for part in farm.ask(ScoreBatch(messages)).parts:
        assert part.reply.result(60).scored


def _messages(values: Sequence[bytes]) -> tuple[Message, ...]:
    from kafka.consumer.fetcher import ConsumerRecord

    made = []
    for offset in range(_BATCH):
        fields = dict.fromkeys(ConsumerRecord._fields)
        made.append(
            ConsumerRecord(
                **{
                    **fields,
                    "topic": "records",
                    "partition": 0,
                    "offset": offset,
                    "timestamp": 0,
                    "value": values[offset % len(values)],
                }
            )
        )
    return tuple(made)


if __name__ == "__main__":
    main()
