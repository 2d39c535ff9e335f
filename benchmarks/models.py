"""How near scoring comes to what the engines themselves can do, and what a swap costs those who wait for results.

For each model, batches of 1, 100 and 1,000 records are scored by ``Model.score`` and, in turn, by the engine alone,
whose input lies ready in the engine's own form: a loop inside the JVM for PMML, the callable of a TensorFlow session
(for frozen graphs and SavedModels alike), ``run`` of onnxruntime. The engine's answers are not even looked at.
``Model.score`` gets a ``WineBatch``, as in the servers; it finds the columns, checks the input, converts, and checks
the answers. A format's ratio is the smallest of its models', in batches of 1,000. Swaps: see ``swaps.py``.

    python benchmarks/models.py [--quick] [--json] [--rounds N] [--swaps N] [--model FILE ...]
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from report import Report, show
from swaps import measure_swaps

from modelserving import jvm
from modelserving.config import data_folder
from modelserving.models import factory
from modelserving.models.base import Model
from modelserving.models.catalog import read_catalog
from modelserving.models.score import guess_type
from modelserving.records import ModelDescriptor, ModelType, WineBatch, read_wines

SIZES = (1, 100, 1_000)
FORMATS = {
    ModelType.PMML: "pmml",
    ModelType.TENSORFLOW: "tensorflow",
    ModelType.TENSORFLOWSAVED: "tensorflow",
    ModelType.ONNX: "onnx",
}


def main() -> None:
    """Measure and print."""
    options = read_arguments()
    descriptors = read_models(options.model)
    wines = read_batch()
    figures: dict[str, float] = {}
    ratios: dict[str, float] = {}
    for descriptor in descriptors:
        for name, value in measure_scoring(descriptor, wines, options.rounds).items():
            (ratios if "_over_" in name else figures)[f"{descriptor.name}.{name}"] = value
    ratios |= worst_of_each_format(descriptors, ratios)
    ratios |= measure_swaps(descriptors, options.swaps, figures)
    show(Report(figures, ratios), options)


def read_arguments() -> argparse.Namespace:
    """What the user wants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="end in less than a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--rounds", type=int, metavar="N", help="how often each is timed, in turn; default 60")
    parser.add_argument("--swaps", type=int, metavar="N", help="default 100, and five times as many for memory")
    parser.add_argument("--model", type=Path, action="append", metavar="FILE", help="of your own; again for more")
    options = parser.parse_args()
    options.rounds = options.rounds or (15 if options.quick else 60)
    options.swaps = options.swaps or (20 if options.quick else 100)
    return options


def read_models(files: list[Path] | None) -> list[ModelDescriptor]:
    """The models to measure: the workbook's, for red wine, or the user's own."""
    if not files:
        return [model for model in read_catalog(data_folder() / "models") if model.data_type == "wine"]
    return [ModelDescriptor(file.stem, "", "wine", guess_type(file), file.read_bytes()) for file in files]


def read_batch() -> WineBatch:
    """The largest batch, of the workbook's own wines."""
    wines = [wine for wine, _ in itertools.islice(read_wines(data_folder() / "wine_red.csv"), max(SIZES))]
    return WineBatch.of(wines)


def measure_scoring(descriptor: ModelDescriptor, wines: WineBatch, rounds: int) -> dict[str, float]:
    """Microseconds a record, by the engine alone and by the model, and their ratio, for each size of batch."""
    found: dict[str, float] = {}
    model = factory.create(descriptor)
    try:
        for size in SIZES:
            batch = wines[:size]
            engine, ours = compare(bare_call(descriptor.type, model, batch), score_call(model, batch), size, rounds)
            found[f"engine_us_at_{size}"] = round(engine / size * 1e6, 3)
            found[f"model_us_at_{size}"] = round(ours / size * 1e6, 3)
            found[f"engine_over_model_at_{size}"] = round(engine / ours, 3)
    finally:
        model.close()
    return found


def score_call(model: Model, batch: WineBatch) -> Callable[[], object]:
    """What the servers do with a batch."""
    return lambda: model.score(batch)


def compare(one: Callable[[], object], other: Callable[[], object], size: int, rounds: int) -> tuple[float, float]:
    """Seconds of one call of each: the fastest tenth of the rounds. They take turns, so that noise disturbs both."""
    calls = max(1, 200 // size)
    for call in (one, other):
        end = time.perf_counter() + 0.5 + rounds / 60
        while time.perf_counter() < end:  # the engines compile while they run
            call()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(rounds):
        for call, seconds in zip((one, other), times, strict=True):
            started = time.perf_counter()
            for _ in range(calls):
                call()
            seconds.append((time.perf_counter() - started) / calls)
    return float(np.quantile(times[0], 0.1)), float(np.quantile(times[1], 0.1))


def bare_call(model_type: ModelType, model: Any, batch: WineBatch) -> Callable[[], object]:
    """One call of the engine alone, its input ready."""
    matrix = model._reader.read(batch)
    if model_type is ModelType.PMML:
        return bare_pmml(model._engine, matrix)
    if model_type is ModelType.ONNX:
        return bare_onnx(model, matrix)
    feeds = model._columns(matrix)
    return lambda: model._run(*feeds)


def bare_onnx(model: Any, matrix: np.ndarray[Any, np.dtype[np.float64]]) -> Callable[[], object]:
    """The ``run`` of onnxruntime with arrays of the right type."""
    ends = list(itertools.accumulate(len(feed.fields) for feed in model._feeds))
    columns = np.split(matrix, ends[:-1], axis=1)
    feeds = {
        feed.name: np.ascontiguousarray(part[:, 0] if feed.flat else part, dtype=feed.kind)
        for feed, part in zip(model._feeds, columns, strict=True)
    }
    return lambda: model._session.run([model._answer_name], feeds)


def bare_pmml(engine: Any, matrix: np.ndarray[Any, np.dtype[np.float64]]) -> Callable[[], object]:
    """A Java stream over ready ``double[]`` rows, mapped by the engine's own ``predict``; Python only starts it."""
    lookup = jvm.java_class("java.lang.invoke.MethodHandles").publicLookup()
    method_type = jvm.java_class("java.lang.invoke.MethodType")
    things, thing = jvm.java_class("java.lang.Object[]").class_, jvm.java_class("java.lang.Object").class_
    predict = lookup.findVirtual(
        jvm.java_class("org.pmml4s.model.Model").class_, "predict", method_type.methodType(things, [thing])
    ).bindTo(engine)
    proxies, function = (
        jvm.java_class("java.lang.invoke.MethodHandleProxies"),
        jvm.java_class("java.util.function.Function"),
    )
    call = proxies.asInterfaceInstance(function.class_, predict.asType(method_type.methodType(thing, [thing])))
    rows = jvm.java_class("double[][]")(matrix.tolist())
    arrays = jvm.java_class("java.util.Arrays")
    return lambda: arrays.stream(rows).map(call).toArray()


def worst_of_each_format(descriptors: list[ModelDescriptor], ratios: Mapping[str, float]) -> dict[str, float]:
    """The smallest ratio of each format, in the largest batches."""
    found: dict[str, float] = {}
    for descriptor in descriptors:
        name = f"{FORMATS[descriptor.type]}_batch_over_engine"
        found[name] = min(found.get(name, np.inf), ratios[f"{descriptor.name}.engine_over_model_at_{max(SIZES)}"])
    return found


if __name__ == "__main__":
    sys.setswitchinterval(0.0005)  # as the servers have it
    main()
