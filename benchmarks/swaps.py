"""What a swap costs those who wait for results; part of ``models.py``.

One thread scores batches of 1,000 messages without a pause, with the function that the servers use, and notes when each
result was there. Another builds the next model, as in the servers, and swaps it in. The *gap* of a swap is the longest
time between two results from the last one before it to the fourth after it. ``swap_gap_over_median`` is the median gap
of all swaps over the steady time between results, which is their median while nothing is built; ``..._95th_...`` is
what 95 of 100 gaps stay below, and ``..._worst_...`` the longest gap of all. ``no_swap_gap...`` are the same where a
swap might have been, and was not: what the machine's own unrest amounts to. ``building_gap...`` is the longest time
between two results while a model is built, of each format by name, and without a name of the worst of them.
``no_building_gap...`` is the longest in as much time after it, while nothing is built: no building can be below that.
"""

from __future__ import annotations

import gc
import itertools
import statistics
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import psutil
from numpy.typing import NDArray

from modelserving import jvm
from modelserving.config import data_folder
from modelserving.kafka.messages import MessageRow
from modelserving.models.formats import factory
from modelserving.models.info import LoadedModel, ModelInfo
from modelserving.models.lifecycle import build
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.models.model import Model
from modelserving.records import ModelDescriptor, ModelType, encode_wine, read_wines
from modelserving.serving import Batch, score_batch

FORMATS = {
    ModelType.PMML: "pmml",
    ModelType.TENSORFLOW: "tensorflow",
    ModelType.TENSORFLOWSAVED: "tensorflow",
    ModelType.ONNX: "onnx",
}
BATCH = 1_000
AROUND = 4
"""Results after a swap that belong to it: the first ones of the new model."""

Build = Callable[[ModelDescriptor], LoadedModel]


class Counted:
    """A model that counts how often it is closed."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self.inputs = model.inputs
        self.score = model.score
        self.to_bytes = model.to_bytes
        self.closed = 0

    def close(self) -> None:
        """Close, and count."""
        self.closed += 1
        self._model.close()


@dataclass(slots=True)
class Swaps:
    """What happened while models were swapped; moments in seconds.

    Args:
        results: when each result was there.
        begun: when each model began to be built, but for the first.
        swapped: when it was swapped in.
        calm: moments when nothing happened.
        idle: the beginning and the end of as much time as each model took to build, when nothing happened.
        memory: of this process after a tenth of the swaps and at the end, bytes.
        models: all that served.
    """

    results: list[float] = field(default_factory=list)
    begun: list[float] = field(default_factory=list)
    swapped: list[float] = field(default_factory=list)
    calm: list[float] = field(default_factory=list)
    idle: list[tuple[float, float]] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    models: list[Counted] = field(default_factory=list)

    @property
    def between(self) -> NDArray[np.float64]:
        """Seconds between two results."""
        return np.diff(np.array(self.results))

    @property
    def steady(self) -> float:
        """Their median, of those after each calm moment."""
        return float(np.median(np.concatenate([self._around(calm)[1:] for calm in self.calm])))

    def gaps(self, moments: Sequence[float]) -> list[float]:
        """The longest time between two results around each moment."""
        return [float(self._around(moment).max(initial=0.0)) for moment in moments]

    def building_gaps(self) -> list[float]:
        """The longest time between two results while each model was built."""
        return self._longest_in(zip(self.begun, self.swapped, strict=True))

    def idle_gaps(self) -> list[float]:
        """The longest time between two results in as much time, when nothing was built."""
        return self._longest_in(self.idle)

    def _longest_in(self, spans: Iterable[tuple[float, float]]) -> list[float]:
        ends = [self._before(span) for span in spans]
        return [float(self.between[first : last + 1].max(initial=0.0)) for first, last in ends]

    def _around(self, moment: float) -> NDArray[np.float64]:
        (start,) = self._before([moment])
        return self.between[start : start + AROUND + 1]

    def _before(self, moments: Sequence[float]) -> list[int]:
        """The last result before each moment."""
        return [max(0, int(found) - 1) for found in np.searchsorted(np.array(self.results), moments)]


def measure_swaps(descriptors: list[ModelDescriptor], swaps: int, figures: dict[str, float]) -> dict[str, float]:
    """The gap with warm-up and without, then many swaps in a row; returns ratios, and adds to ``figures``."""
    pair = _pair([model for model in descriptors if model.type is ModelType.PMML] or descriptors)
    warm, cold = swap_often(pair, swaps, build.build_candidate), swap_often(pair, swaps, build_cold)
    many = swap_often(pair, 5 * swaps, build.build_candidate)
    figures["swap_steady_us"] = round(warm.steady * 1e6, 1)
    ratios = {}
    for name, run, gaps in (
        ("swap_gap", warm, warm.gaps(warm.swapped)),
        ("no_swap_gap", warm, warm.gaps(warm.calm)),
        ("swap_gap_without_warm_up", cold, cold.gaps(cold.swapped)),
    ):
        figures[f"{name}_us"] = round(statistics.median(gaps) * 1e6, 1)
        ratios[f"{name}_over_median"] = round(statistics.median(gaps) / run.steady, 2)
        ratios[f"{name}_95th_over_median"] = round(float(np.percentile(gaps, 95)) / run.steady, 2)
        ratios[f"{name}_worst_over_median"] = round(max(gaps) / run.steady, 2)
    ratios |= measure_building(descriptors, swaps, warm if pair[0].type is ModelType.PMML else None)
    tenth = max(1, many.between.size // 10)
    figures["many_swaps"] = len(many.swapped)
    figures["many_swaps_models_closed_once"] = sum(model.closed == 1 for model in many.models)
    figures["many_swaps_models_closed_otherwise"] = sum(model.closed != 1 for model in many.models)
    last, first = (float(np.median(part)) for part in (many.between[-tenth:], many.between[:tenth]))
    ratios["many_swaps_latency_end_over_start"] = round(last / first, 2)
    ratios["many_swaps_memory_end_over_start"] = round(many.memory[-1] / many.memory[0], 3)
    return ratios


def measure_building(descriptors: list[ModelDescriptor], swaps: int, pmml: Swaps | None) -> dict[str, float]:
    """For how long results are late while a model of each format is built, and in the worst of the formats.

    Args:
        descriptors: the models.
        swaps: how often each format's are built.
        pmml: what was seen of PMML already, or ``None``.
    """
    ratios: dict[str, float] = {}
    late: dict[str, float] = {}
    for name in dict.fromkeys(FORMATS.values()):
        models = [model for model in descriptors if FORMATS.get(model.type) == name]
        if models:
            run = pmml if name == "pmml" and pmml else swap_often(_pair(models), swaps, build.build_candidate)
            late = _late("building_gap", run.building_gaps(), run.steady)
            late |= _late("no_building_gap", run.idle_gaps(), run.steady)
            ratios |= {f"{name}.{key}": ratio for key, ratio in late.items()}
    for key in late:
        ratios[key] = max(ratio for name, ratio in ratios.items() if name.endswith(f".{key}"))
    return ratios


def _late(name: str, gaps: Sequence[float], steady: float) -> dict[str, float]:
    return {
        f"{name}_over_median": round(statistics.median(gaps) / steady, 2),
        f"{name}_95th_over_median": round(float(np.percentile(gaps, 95)) / steady, 2),
        f"{name}_worst_over_median": round(max(gaps) / steady, 2),
    }


def _pair(models: list[ModelDescriptor]) -> list[ModelDescriptor]:
    """Two models to swap; of a single one, itself again."""
    return [*models, replace(models[0], name=f"{models[0].name} again")][:2]


def build_cold(descriptor: ModelDescriptor) -> LoadedModel:
    """A model as it comes out of its factory: neither checked nor warmed up."""
    model = factory.create(descriptor)
    return LoadedModel(model, ModelInfo.of(descriptor))


def swap_often(pair: list[ModelDescriptor], swaps: int, build: Build) -> Swaps:
    """Score in this thread while another one builds models and swaps them in."""
    seen = Swaps()
    slots = ModelSlots()
    batches = make_batches()
    swap(pair[0], build, slots, seen)
    seen.begun.clear()
    seen.swapped.clear()
    with _without_garbage():
        warm_until = time.perf_counter() + 2
        while time.perf_counter() < warm_until:
            score_batch(next(batches), slots)
        swapping = _Swapping(lambda: swap_in_turn(pair[::-1], swaps, build, slots, seen))
        swapping.start()
        while swapping.is_alive():
            score_batch(next(batches), slots)
            seen.results.append(time.perf_counter())
    slots.close()
    if swapping.error is not None:
        raise swapping.error
    return seen


def swap_in_turn(pair: list[ModelDescriptor], swaps: int, build: Build, slots: ModelSlots, seen: Swaps) -> None:
    """Swap, and let some results pass, over and over."""
    process = psutil.Process()
    for number, descriptor in enumerate(itertools.islice(itertools.cycle(pair), swaps)):
        swap(descriptor, build, slots, seen)
        if number in {swaps // 10, swaps - 1}:
            seen.memory.append(process.memory_info().rss)
        wait_for_results(seen, 2 * AROUND)
        seen.calm.append(time.perf_counter())
        wait_for_results(seen, 2 * AROUND)
        started = time.perf_counter()
        time.sleep(seen.swapped[-1] - seen.begun[-1])
        seen.idle.append((started, time.perf_counter()))
        wait_for_results(seen, 2 * AROUND)


def swap(descriptor: ModelDescriptor, build: Build, slots: ModelSlots, seen: Swaps) -> None:
    """Build a model and let it serve."""
    seen.begun.append(time.perf_counter())
    served = build(descriptor)
    model = Counted(served.model)
    seen.models.append(model)
    slots.swap(replace(served, model=model))
    seen.swapped.append(time.perf_counter())


def wait_for_results(seen: Swaps, count: int) -> None:
    """Wait until so many more results are there."""
    until = len(seen.results) + count
    while len(seen.results) < until:
        time.sleep(0.001)


def make_batches() -> Iterator[Batch]:
    """Batches without end."""
    wines = [encode_wine(wine) for wine, _ in itertools.islice(read_wines(data_folder() / "wine_red.csv"), BATCH)]
    return itertools.repeat(
        Batch([MessageRow("wines", 0, offset, 0, b"wine", value) for offset, value in enumerate(wines)])
    )


class _Swapping(threading.Thread):
    """The thread that swaps; what went wrong in it is told afterwards."""

    def __init__(self, work: Callable[[], None]) -> None:
        super().__init__(daemon=True)
        self._work = work
        self.error: BaseException | None = None

    def run(self) -> None:
        """Swap."""
        try:
            self._work()
        except BaseException as error:  # noqa: BLE001 - raised by who waits for this thread
            self.error = error


@contextmanager
def _without_garbage() -> Iterator[Any]:
    """What is loaded is not searched for garbage, and Java's is left to Java, as in the servers."""
    jvm.spare_collections()
    gc.collect()
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
