"""What it costs to ask a service for a model's answers, in place of the model itself; on one machine, no network.

    python benchmarks/remote.py [--quick] [--json] [--rounds N]

The same random forest is embedded in this process, and served by `modelserving serve model` in another one. Both score
the same wines by ``Model.score``, in turn, in batches of 1, 100 and 1,000; no Kafka is in it, which would hide the
difference behind its own time. Figures are medians of the rounds. ``remote_over_embedded`` is records per second in
batches of 1,000, remote by embedded: the median of the rounds' own ratios. ``latency_remote_over_embedded`` is how many
times as long one record alone takes.
"""

from __future__ import annotations

import json
import time
from statistics import median

from report import Report, arguments, show

from modelserving.config import data_folder
from modelserving.models.formats.factory import create
from modelserving.models.formats.inputs import to_batch
from modelserving.models.model import Model, Records
from modelserving.models.store.bundled import read_catalog
from modelserving.records import ModelDescriptor, ModelType, read_wines
from modelserving.workshop.processes.process import ServerProcess

MODEL = "wine-random-forest-onnx"
SIZES = (1, 100, 1_000)


def main() -> None:
    """Measure, and print."""
    options = arguments(__doc__ or "", rounds=100)
    rounds = 20 if options.quick else options.rounds
    catalog = {model.name: model for model in read_catalog(data_folder() / "models")}
    with ServerProcess.start("model", "", (MODEL, "--port", "0")) as service:
        said = json.dumps({"remote": service.url, "model": MODEL}).encode()
        models = create(catalog[MODEL]), create(ModelDescriptor("far", "", "wine", ModelType.REMOTE, said))
        try:
            show(measure(*models, rounds), options)
        finally:
            for model in models:
                model.close()


def measure(embedded: Model, remote: Model, rounds: int) -> Report:
    """Both in turn, for each size of a batch; the first round is not counted."""
    wines = [wine for wine, _ in read_wines(data_folder() / "wine_red.csv")][: SIZES[-1]]
    figures: dict[str, float] = {"rounds": rounds}
    ratios: dict[int, float] = {}
    for size in SIZES:
        batch = to_batch(wines[:size])
        pairs = [(seconds(embedded, batch), seconds(remote, batch)) for _ in range(rounds + 1)][1:]
        near, far = (median(side) for side in zip(*pairs, strict=True))
        ratios[size] = median(there / here for here, there in pairs)
        figures |= {f"embedded_ms_{size}": round(near * 1e3, 4), f"remote_ms_{size}": round(far * 1e3, 4)}
        figures |= {
            f"embedded_records_per_s_{size}": round(size / near),
            f"remote_records_per_s_{size}": round(size / far),
        }
    return Report(
        figures,
        {
            "remote_over_embedded": round(1 / ratios[SIZES[-1]], 5),
            "latency_remote_over_embedded": round(ratios[1], 1),
        },
    )


def seconds(model: Model, records: Records) -> float:
    """How long one batch takes."""
    started = time.perf_counter()
    model.score(records)
    return time.perf_counter() - started


if __name__ == "__main__":
    main()
