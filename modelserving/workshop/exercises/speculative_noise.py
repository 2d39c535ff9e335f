"""Lesson 16: copies of one model that disagree, and what a vote makes of them."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from modelserving.actors import PykkaRuntime
from modelserving.client import load_dataset
from modelserving.config import data_folder
from modelserving.datasets import default_schemas
from modelserving.kafka.messages import MessageRow
from modelserving.models.formats.inputs import to_batch
from modelserving.models.info import LoadedModel, ModelInfo
from modelserving.models.lifecycle.slots import ModelSlots
from modelserving.models.model import Records, Scores
from modelserving.records import ModelType, WineRecord, encode_wine
from modelserving.records.decoder import RecordDecoder
from modelserving.serving.messages import Batch
from modelserving.speculative.settings import ParticipantSettings, SpeculativeSettings
from modelserving.speculative.starter import Starter
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_SPREAD = 0.5
_COPIES = 5
_WINES = 400
_SICK = 3
"""The row that the model has no answer to."""


def check(lesson: LessonEnvironment, noisy: Callable[[Any, float, int], Any]) -> str:
    """Ask copies one by one first; then let the real starter ask five of them, and take the median."""
    del lesson
    wines = [one for one in load_dataset(data_folder()).records if one.data_type == "wine"][:_WINES]
    first, second = (_noise(noisy, wines, seed) for seed in (1, 2))
    require(
        first.std() > _SPREAD / 100,
        "Your copy gives every wine the same noise. `size=len(scores.values)` draws a number for each.",
    )
    require(
        abs(first.mean()) < _SPREAD / 4,
        f"Your noise pulls one way: on the average it is {first.mean():+.2f}, and 0 was expected. A vote "
        "removes what is as often too high as too low, and nothing else.",
    )
    require(
        0.8 < first.std() / _SPREAD < 1.2,
        f"Its standard deviation is {first.std():.2f}; {_SPREAD:g}, the `spread`, was expected: "
        "`chance.normal(0, spread, ...)`.",
    )
    require(
        np.abs(first - second).max() > _SPREAD / 100,
        "Two copies with different seeds are wrong in the same way: then five of them vote for one mistake. Make the "
        "generator from the `seed`: `np.random.default_rng(seed)`.",
    )
    require(
        _SICK in noisy(_Model(sick=True), _SPREAD, 1).score(wines).problems,
        "The model said that it has no answer to a wine, and your copy does not say so any more. "
        "`replace(scores, values=...)` keeps all the rest.",
    )
    one, vote = np.abs(first).mean(), _vote(noisy, wines)
    return (
        f"One noisy copy is off by {one:.2f} on the average of {_WINES} wines, the median of {_COPIES} by {vote:.2f}. "
        "What all copies get wrong alike, no vote would mend."
    )


def _noise(noisy: Callable[[Any, float, int], Any], wines: list[WineRecord], seed: int) -> NDArray[np.float64]:
    """What a copy adds to the model's answers."""
    model = _Model()
    scores = noisy(model, _SPREAD, seed).score(wines)
    require(
        isinstance(scores, Scores),
        f"`score` returned {type(scores).__name__}; it returns `Scores`, as the model does: "
        "`replace(scores, values=...)`.",
    )
    return np.asarray(scores.values - model.score(wines).values)


def _vote(noisy: Callable[[Any, float, int], Any], wines: list[WineRecord]) -> float:
    """How far the median of several copies is off, on the average; asked as the server asks."""
    names = [f"copy-{number}" for number in range(_COPIES)]
    settings = SpeculativeSettings("wine", tuple(map(ParticipantSettings, names)), decider="consensus")
    slots = ModelSlots()
    for seed, name in enumerate(names):
        slots.swap(LoadedModel(noisy(_Model(), _SPREAD, seed), ModelInfo(name, "", name, ModelType.PMML, "1", name)))
    with PykkaRuntime() as runtime:
        starter = Starter(runtime, RecordDecoder(default_schemas()))
        starter.configure("wine", settings)
        messages = [MessageRow("wine-records", 0, row, 0, None, encode_wine(wine)) for row, wine in enumerate(wines)]
        done = starter.score(Batch(messages), slots)
    slots.close()
    require(
        len(done.scored) == len(wines),
        "Asked by the server, your copies answered nothing: " + "; ".join({one.reason for one in done.dead}),
    )
    truths = _Model().score(wines).values
    return float(np.mean([abs(one.prediction - truths[one.offset]) for one in done.scored]))


class _Model:
    """The one model: half of the alcohol is the grade. It may have no answer to one wine."""

    inputs = ("alcohol",)

    def __init__(self, sick: bool = False) -> None:
        self._problems = MappingProxyType({_SICK: "no answer"} if sick else {})

    def score(self, records: Records) -> Scores:
        """Answer."""
        return Scores(to_batch(records)["alcohol"].to_numpy() / 2, self._problems)

    def to_bytes(self) -> bytes:
        """No bytes make this model."""
        return b""

    def close(self) -> None:
        """Nothing is held."""


_HEAD = """
from dataclasses import replace

import numpy as np

class Noisy:
    def __init__(self, model, spread, seed):
        self.model, self.inputs, self.spread = model, model.inputs, spread
        self.chance = np.random.default_rng(seed)

    def close(self):
        self.model.close()

    def score(self, records):
"""
_REFERENCE = (
    _HEAD
    + """        scores = self.model.score(records)
        noise = self.chance.normal(0, self.spread, size=len(scores.values))
        return replace(scores, values=scores.values + noise)
"""
)


def _instead(right: str, wrong: str) -> str:
    assert right in _REFERENCE
    return _REFERENCE.replace(right, wrong)


EXERCISE = Exercise(
    id="speculative-noise",
    lesson="16",
    title="Noise on copies of one model",
    goal="""
You have **one** model, and want to see what a vote does. So make copies of it that disagree: each adds **noise of its
own** to what the model says, as if it had been trained on other wines.

`Noisy(model, spread, seed)` is a model around a model. Complete its `score`: ask the model, add to each value a random
number (normal, mean 0, standard deviation `spread`), and keep all else that the scores say. The check lets the real
starter ask five copies, and takes the median.
""",
    stub=_HEAD
    + """        scores = self.model.score(records)
        return ...
""",
    answer="Noisy",
    hints=(
        "`scores.values` is an array, a number for each wine. Arrays of the same length can be added.",
        "`self.chance.normal(0, self.spread, size=len(scores.values))` draws the noise.",
        "`Scores` cannot be changed; `replace(scores, values=...)` makes another one with all the rest.",
    ),
    reference=_REFERENCE,
    wrong=(
        WrongAnswer(_instead(", size=len(scores.values))", ")"), "every wine the same noise"),
        WrongAnswer(_instead("normal(0, self.spread,", "uniform(0, self.spread,"), "pulls one way"),
        WrongAnswer(_instead("normal(0, self.spread,", "normal(0, self.spread ** 2,"), "the `spread`, was expected"),
        WrongAnswer(_instead("default_rng(seed)", "default_rng(16)"), "wrong in the same way"),
        WrongAnswer(
            _instead("replace(scores, values=scores.values + noise)", "scores.values + noise"), "it returns `Scores`"
        ),
        WrongAnswer(
            _instead("replace(scores, values=scores.values + noise)", "type(scores)(scores.values + noise)"),
            "has no answer to a wine",
        ),
    ),
    check=check,
)
