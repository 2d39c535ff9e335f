"""How near scoring comes to what the engines themselves can do, and what a swap costs those who wait for results.

For each model, batches of 1, 100 and 1,000 records are scored by ``Model.score`` and, in turn, by the engine alone,
whose input lies ready in the engine's own form: a loop inside the JVM for PMML, the callable of a TensorFlow session
(for frozen graphs and SavedModels alike), ``run`` of onnxruntime. The engine's answers are not even looked at.
``Model.score`` gets columns, as in the servers; it finds the columns, checks the input, converts, and checks
the answers. Times are medians of the rounds, and a ratio is the median of the rounds' own, so that a pause of the
machine spoils one round. A format's ratio is the smallest of its models', in batches of 1,000. Swaps: see ``swaps.py``.

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
from numpy.typing import NDArray
from report import Report, show
from swaps import FORMATS, measure_swaps

from modelserving import jvm
from modelserving.config import data_folder
from modelserving.models.admin.loading import read_model
from modelserving.models.formats import factory
from modelserving.models.formats.inputs import to_batch
from modelserving.models.model import Model
from modelserving.models.store.bundled import read_catalog
from modelserving.records import ModelDescriptor, ModelType, read_wines

SIZES = (1, 100, 1_000)


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
    parser.add_argument("--quick", action="store_true", help="fewer rounds and swaps: about four minutes")
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
    return [ModelDescriptor(file.stem, "", "wine", *read_model(file)) for file in files]


def read_batch() -> Any:
    """The largest batch, of the workbook's own wines."""
    wines = [wine for wine, _ in itertools.islice(read_wines(data_folder() / "wine_red.csv"), max(SIZES))]
    return to_batch(wines)


def measure_scoring(descriptor: ModelDescriptor, wines: Any, rounds: int) -> dict[str, float]:
    """Microseconds a record, by the engine alone and by the model, and their ratio, for each size of batch."""
    found: dict[str, float] = {}
    model = factory.create(descriptor)
    try:
        for size in SIZES:
            batch = wines.slice(0, size)
            engine, ours = compare(bare_call(descriptor.type, model, batch), score_call(model, batch), size, rounds)
            found[f"engine_us_at_{size}"] = round(float(np.median(engine)) / size * 1e6, 3)
            found[f"model_us_at_{size}"] = round(float(np.median(ours)) / size * 1e6, 3)
            found[f"engine_over_model_at_{size}"] = round(float(np.median(engine / ours)), 3)
    finally:
        model.close()
    return found


def score_call(model: Model, batch: Any) -> Callable[[], object]:
    """What the servers do with a batch."""
    return lambda: model.score(batch)


def compare(one: Callable[[], object], other: Callable[[], object], size: int, rounds: int) -> NDArray[np.float64]:
    """Seconds of one call of each, shape ``(2, rounds)``. They take turns, so that noise disturbs both."""
    calls = max(1, 2 * max(SIZES) // size)
    for call in (one, other):
        end = time.perf_counter() + 0.5 + rounds / 60
        while time.perf_counter() < end:  # the engines compile while they run
            call()
    return np.array([(time_of(one, calls), time_of(other, calls)) for _ in range(rounds)]).T


def time_of(call: Callable[[], object], calls: int) -> float:
    """Seconds of one call, in the mean of so many."""
    started = time.perf_counter()
    for _ in range(calls):
        call()
    return (time.perf_counter() - started) / calls


def bare_call(model_type: ModelType, model: Any, batch: Any) -> Callable[[], object]:
    """One call of the engine alone, its input ready."""
    if model_type is ModelType.PMML:
        return bare_pmml(model._engine.java, model._reader.read(batch))
    tensors, _ = model._reader.read(batch)
    if model_type is ModelType.ONNX:
        feeds = {feed.name: tensor for feed, tensor in zip(model._reader.feeds, tensors, strict=True)}
        return lambda: model._session.run(model._names, feeds)
    return lambda: model._run(*tensors)


def bare_pmml(engine: Any, matrix: np.ndarray[Any, np.dtype[np.float64]]) -> Callable[[], object]:
    """A loop of Java's own method handles over ready ``double[]`` rows, each answer kept; Python only starts it."""
    handles = jvm.java_class("java.lang.invoke.MethodHandles")
    method_type = jvm.java_class("java.lang.invoke.MethodType").methodType
    thing, things, answers = (jvm.java_class(f"java.lang.Object{rank}").class_ for rank in ("", "[]", "[][]"))
    row, table = jvm.java_class("double[]").class_, jvm.java_class("double[][]").class_
    integer, nothing = jvm.java_class("java.lang.Integer").TYPE, jvm.java_class("java.lang.Void").TYPE
    predict = handles.publicLookup().findVirtual(
        jvm.java_class("org.pmml4s.model.Model").class_, "predict", method_type(things, [thing])
    )
    answer = handles.filterReturnValue(
        handles.arrayElementGetter(table), predict.bindTo(engine).asType(method_type(things, [row]))
    )
    keep = handles.collectArguments(handles.arrayElementSetter(answers), 2, answer)
    keep = handles.permuteArguments(keep, method_type(nothing, [answers, integer, table]), 0, 1, 2, 1)
    step = handles.foldArguments(handles.dropArguments(handles.identity(answers), 1, [integer, table]), keep)
    count = handles.arrayLength(table)
    loop = handles.countedLoop(count, handles.filterReturnValue(count, handles.arrayConstructor(answers)), step)
    call = jvm.java_class("java.lang.invoke.MethodHandleProxies").asInterfaceInstance(
        jvm.java_class("java.util.function.Function").class_, loop.asType(method_type(thing, [thing]))
    )
    rows = jvm.java_class("double[][]")(matrix.tolist())
    return lambda: call.apply(rows)


def worst_of_each_format(descriptors: list[ModelDescriptor], ratios: Mapping[str, float]) -> dict[str, float]:
    """The smallest ratio of each format, in the largest batches."""
    found: dict[str, float] = {}
    for descriptor in descriptors:
        name = f"{FORMATS.get(descriptor.type, descriptor.type.slug)}_batch_over_engine"
        found[name] = min(found.get(name, np.inf), ratios[f"{descriptor.name}.engine_over_model_at_{max(SIZES)}"])
    return found


if __name__ == "__main__":
    sys.setswitchinterval(0.0005)  # as the servers have it
    main()
