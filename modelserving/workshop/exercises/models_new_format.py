"""Lesson 05: a format of models that the servers have never heard of."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from modelserving.config import data_folder
from modelserving.models.formats.factory import FACTORIES
from modelserving.models.formats.inputs import to_batch
from modelserving.records import Golden, ModelDescriptor, ModelType, WineRecord, read_wines
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require
from modelserving.workshop.lesson.simulate import Simulation

_INTERCEPT = 1.5
_WEIGHTS = {"alcohol": 0.4, "volatile_acidity": -1.25, "sulphates": 0.5}
_DATA = json.dumps({"intercept": _INTERCEPT, **_WEIGHTS}).encode()
_CLOSE = 1e-9


def check(lesson: LessonEnvironment, factory: Callable[[], Any]) -> str:
    """Try the format on three wines, then publish a model of it and see that it would serve."""
    wines = [wine for wine, _ in read_wines(data_folder() / "wine_red.csv", "wine")][:3]
    golden = tuple(Golden(wine, _right(wine)) for wine in wines)
    descriptor = ModelDescriptor("json-line", "", "wine", ModelType.CUSTOM, _DATA, version="1", golden=golden)
    made = factory()
    model = made.create(descriptor)
    require(model is not None, "`create` returned nothing. It is to return a `JsonLinear` of the descriptor's `data`.")
    _compare(_score(model, wines), wines)
    again = made.restore(model.to_bytes())
    require(again is not None, "`restore` returned nothing: a server that keeps its models on disk could not go on.")
    _compare(_score(again, wines), wines)
    with _registered(made), Simulation(lesson) as topics:
        topics.publish(descriptor)
        seen = topics.verdict("wine")
    refused = f" It says: {seen.letters[-1].reason}" if seen.letters else ""
    require(seen.serving == "json-line", f"The answers are right, and yet a server would refuse the model.{refused}")
    return f"{len(_DATA)} bytes of JSON were published, built, checked on {len(golden)} golden records, and serve."


def _score(model: Any, wines: list[WineRecord]) -> Any:
    """As a server does: wines come as columns."""
    try:
        return np.asarray(model.score(to_batch(wines)).values)
    except (AttributeError, KeyError, TypeError) as error:
        require(False, f"`score` fails on a batch of wines: {error}. `records[name]` is the column of that name.")
        raise


def _right(wine: WineRecord) -> float:
    return _INTERCEPT + sum(weight * float(getattr(wine, name)) for name, weight in _WEIGHTS.items())


def _compare(answers: Any, wines: list[WineRecord]) -> None:
    right = np.array([_right(wine) for wine in wines])
    require(
        isinstance(answers, np.ndarray) and answers.shape == right.shape and answers.dtype.kind == "f",
        f"`score` is to give {len(wines)} numbers for {len(wines)} wines, as a NumPy array.",
    )
    off = answers - right
    require(
        not np.allclose(off, -_INTERCEPT, atol=_CLOSE),
        f"All answers are {_INTERCEPT:g} too low. The weighted fields are right; what is every wine's start?",
    )
    require(
        np.allclose(off, 0, atol=_CLOSE),
        f"The first wine got {answers[0]:g}; {right[0]:g} is right. Is each weight multiplied with the field that it "
        "is **named** after?",
    )


@contextmanager
def _registered(factory: Any) -> Iterator[None]:
    """The one line, for the time of the check."""
    FACTORIES[ModelType.CUSTOM] = factory
    try:
        yield
    finally:
        del FACTORIES[ModelType.CUSTOM]


_STUB = '''
import json
import numpy as np
from modelserving.models.model import Scores

class JsonLinear:
    def __init__(self, data):
        self._data = data
        self._weights = json.loads(data)  # of each field, by name
        self._intercept = self._weights.pop("intercept")
        self.inputs = tuple(self._weights)

    def score(self, records):
        return Scores(self._answer(records))

    def _answer(self, records):
        return {answer}

    def to_bytes(self):
        return self._data

    def close(self):
        """There is nothing to give back."""

class JsonLinearFactory:
    def create(self, descriptor):
        return {create}

    def restore(self, data, parameters=None):
        return {restore}

    def preload(self):
        """There is no engine to start."""
'''


def _code(answer: str, create: str = "JsonLinear(descriptor.data)", restore: str = "JsonLinear(data)") -> str:
    return _STUB.format(answer=answer, create=create, restore=restore)


EXERCISE = Exercise(
    id="models-new-format",
    lesson="05",
    title="A format of your own",
    goal="""
Somebody writes linear models as JSON: `{"intercept": 1.5, "alcohol": 0.4, "sulphates": 0.5}`. The answer to a wine is
the intercept, plus each weight times the field that it is named after. Teach the servers this format, in **one file and
one line**. This is the file. The line, which the check adds for you in this kernel, and which a server would have in
`factory.py`, is `FACTORIES[ModelType.CUSTOM] = JsonLinearFactory()`. (`CUSTOM` is kept free for a format of your own; a
second one would need a number in `modeldescriptor.proto` and a name in `ModelType` as well.)

A **factory** makes models out of bytes, a **model** scores batches, which are columns by name; each needs the methods
that you see, and no others. Fill in the three places. The check scores three wines, and then publishes such a model and
sees that it would serve.
""",
    stub=_code("...", "...", "..."),
    answer="JsonLinearFactory",
    hints=(
        "`create` finds the bytes in `descriptor.data`; `restore` has them already. Both make a `JsonLinear` of them.",
        "`records[name].to_numpy()` has the field called `name` of all wines of the batch.",
        "`sum(weight * records[name].to_numpy() for name, weight in self._weights.items())`, and the intercept on top.",
    ),
    reference=_code("self._intercept + sum(w * records[name].to_numpy() for name, w in self._weights.items())"),
    wrong=(
        WrongAnswer(
            _code("sum(w * records[name].to_numpy() for name, w in self._weights.items())"),
            "what is every wine's start?",
        ),
        WrongAnswer(
            _code(
                "self._intercept"
                " + sum(w * records[n].to_numpy() for w, n in zip(self._weights.values(), records.schema.names))"
            ),
            "the field that it is **named** after",
        ),
        WrongAnswer(
            _code(
                "self._intercept + sum(w * records[name].to_numpy() for name, w in self._weights.items())",
                restore="None",
            ),
            "`restore` returned nothing",
        ),
        WrongAnswer(
            _code(
                "self._intercept + sum(w * records[name].to_numpy() for name, w in self._weights.items())",
                create="None",
            ),
            "`create` returned nothing",
        ),
    ),
    check=check,
)
