"""What it costs to ask a service for a model's answers, in place of the model itself; on one machine, no network.

    python benchmarks/remote.py [--quick] [--json] [--rounds N]

The same random forest is embedded in this process, and served by `modelserving serve model` in another one. Both go
through the stage of the stage server, ``ModelServingStage``, in turn: messages are decoded, the model is leased and
asked in the scoring thread, and answers are put together, one batch at a time. Before it are batches of encoded wines,
after it is who takes the answers; the broker is left out, which would hide the difference behind its own time.

A batch takes from when the stage has it until its answers are taken; its latency is what its records wait for. For
batches of 1, 100 and 1,000: median, 95th and 99th percentile of that, and records per second of the stage, all batches.
``remote_over_embedded`` is records per second in batches of 1,000, remote by embedded: the median of the rounds' own
ratios. ``latency_remote_over_embedded`` is how many times as long one record alone takes, by the medians.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Sequence
from statistics import median

import anyio
import numpy as np
from report import Report, arguments, show

from modelserving.config import data_folder
from modelserving.kafka.messages import MessageColumns, MessageRow
from modelserving.models.formats.factory import create
from modelserving.models.info import LoadedModel, ModelInfo, SlotsUpdate
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.models.store.bundled import read_catalog
from modelserving.records import TOPICS, ModelDescriptor, ModelType, encode_wine, read_wines
from modelserving.serving.messages import Batch, ScoredBatch
from modelserving.serving.running.worker_thread import WorkerThread
from modelserving.stage import ModelServingStage
from modelserving.workshop.processes.process import ServerProcess

MODEL = "wine-random-forest-onnx"
SIZES = (1, 100, 1_000)
BATCHES = 20
"""Of one model, one after the other, before it is the other's turn."""


def main() -> None:
    """Measure, and print."""
    options = arguments(__doc__ or "", rounds=20)
    rounds = 4 if options.quick else options.rounds
    catalog = {model.name: model for model in read_catalog(data_folder() / "models")}
    with ServerProcess.start("model", "", (MODEL, "--port", "0")) as service:
        said = json.dumps({"remote": service.url, "model": MODEL}).encode()
        far = ModelDescriptor("far", "", "wine", ModelType.REMOTE, said)
        embedded, remote = slots_with(catalog[MODEL]), slots_with(far)
        try:
            show(measure(embedded, remote, rounds), options)
        finally:
            embedded.close()
            remote.close()


def slots_with(descriptor: ModelDescriptor) -> ModelSlots:
    """The model in its slot."""
    slots = ModelSlots()
    slots.swap(LoadedModel(create(descriptor), ModelInfo.of(descriptor)))
    return slots


def measure(embedded: ModelSlots, remote: ModelSlots, rounds: int) -> Report:
    """Both in turn, for each size of a batch; the first round is not counted."""
    values = [encode_wine(wine) for wine, _ in read_wines(data_folder() / "wine_red.csv")][: SIZES[-1]]
    figures: dict[str, float] = {"rounds": rounds, "batches_of_a_round": BATCHES}
    ratios: dict[int, float] = {}
    with WorkerThread("scoring") as lane:
        for size in SIZES:
            batch = make_batch(values[:size])
            turns = [
                tuple(anyio.run(run_stage, slots, lane, batch) for slots in (embedded, remote))
                for _ in range(rounds + 1)
            ][1:]
            for name, side in zip(("embedded", "remote"), zip(*turns, strict=True), strict=True):
                figures |= describe(f"{name}_{size}", size, np.concatenate(side))
            ratios[size] = median(sum(near) / sum(far) for near, far in turns)
    one = figures["remote_1_ms_p50"] / figures["embedded_1_ms_p50"]
    return Report(
        figures,
        {
            "remote_over_embedded": round(ratios[SIZES[-1]], 5),
            **{f"remote_over_embedded_{size}": round(ratios[size], 5) for size in SIZES[:-1]},
            "latency_remote_over_embedded": round(one, 1),
        },
    )


def describe(name: str, size: int, seconds: np.ndarray[tuple[int], np.dtype[np.float64]]) -> dict[str, float]:
    """Percentiles of what batches of a size took, and throughput."""
    found = {f"{name}_ms_p{at}": round(float(np.percentile(seconds, at)) * 1e3, 3) for at in (50, 95, 99)}
    return found | {f"{name}_records_per_s": round(size * len(seconds) / float(seconds.sum()))}


def make_batch(values: Sequence[bytes]) -> Batch:
    """As one poll returns it."""
    rows = [MessageRow(TOPICS.records, 0, at, 0, None, value) for at, value in enumerate(values)]
    return Batch(MessageColumns.of(rows))


async def run_stage(slots: ModelSlots, lane: WorkerThread, batch: Batch) -> list[float]:
    """Seconds that each of some equal batches takes through the stage."""
    began: list[float] = []
    took: list[float] = []

    async def data() -> AsyncIterator[Batch]:
        for _ in range(BATCHES):
            began.append(time.perf_counter())
            yield batch

    send_models, models = anyio.create_memory_object_stream[SlotsUpdate](0)
    outlet, results = anyio.create_memory_object_stream[ScoredBatch](0)
    async with send_models, models, results, anyio.create_task_group() as tasks:
        tasks.start_soon(ModelServingStage(slots, lane).run, data(), models, outlet)
        async for scored in results:
            took.append(time.perf_counter() - began[len(took)])
            assert len(scored.scored) == len(batch.messages), scored.dead[:1]
    return took


if __name__ == "__main__":
    main()
