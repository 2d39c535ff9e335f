"""Lesson 05: which model scored this wine, and how good was it?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from modelserving.kafka import make_producer, read_topic
from modelserving.records import (
    ModelDescriptor,
    ModelType,
    ScoredRecord,
    decode_descriptor,
    decode_scored,
    encode_descriptor,
    encode_scored,
)
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_Who = Callable[[tuple[int, int], list[ScoredRecord], list[ModelDescriptor]], Any]


def check(lesson: LessonEnvironment, who: _Who) -> str:
    """Write models and answers to empty topics, read them back, and ask about three wines."""
    models = _models()
    answers, wines = _answers(models)
    answers_read = [decode_scored(value) for value in _through_the_broker(lesson, map(encode_scored, answers))]
    models_read = [decode_descriptor(value) for value in _through_the_broker(lesson, map(encode_descriptor, models))]
    for position, right in wines:
        found = who(position, list(answers_read), list(models_read))
        require(found is not None, f"For the wine at {position} your function returned nothing.")
        require(
            isinstance(found, ModelDescriptor),
            f"Return the model itself, with all that is known about it. {type(found).__name__} came.",
        )
        require(found.digest == right.digest, _wrong(position, found, right))
    return f"{len(wines)} wines, each traced to its model: " + ", ".join(_told(model) for _, model in wines) + "."


def _models() -> list[ModelDescriptor]:
    first = ModelDescriptor(
        "wine-tree", "", "wine", ModelType.PMML, b"<one/>", version="1.0", metrics=MappingProxyType({"mae": 0.44})
    )
    retrained = replace(first, data=b"<two/>", version="1.1", metrics=MappingProxyType({"mae": 0.41}))
    line = replace(first, name="wine-line", data=b"<three/>", metrics=MappingProxyType({"mae": 0.54}))
    return [first, retrained, line]


def _answers(models: list[ModelDescriptor]) -> tuple[list[ScoredRecord], list[tuple[tuple[int, int], ModelDescriptor]]]:
    """Answers of two partitions, in the order in which they were given; and wines to ask about."""
    first, retrained, line = models
    given = [((1, 0), line), ((0, 0), first), ((1, 1), line), ((0, 1), retrained), ((0, 2), retrained), ((1, 2), first)]
    answers = [
        ScoredRecord("wine", 5.0, model.name, model.version, model.digest, partition, offset, 1000, 0, 0)
        for (partition, offset), model in given
    ]
    return answers, [((0, 0), first), ((1, 1), line), ((0, 2), retrained)]


def _through_the_broker(lesson: LessonEnvironment, values: Iterable[bytes]) -> list[bytes]:
    topic = lesson.scratch_topic()
    with make_producer(lesson.connection) as producer:
        for value in values:
            producer.send(topic, value=value)
        producer.flush(timeout=10)
    return [record.value for record in read_topic(lesson.connection, topic)]


def _wrong(position: tuple[int, int], found: ModelDescriptor, right: ModelDescriptor) -> str:
    partition, offset = position
    told = f"For the wine at partition {partition}, offset {offset}, you found {_told(found)}. It was {_told(right)}."
    if found.name == right.name:
        return f"{told} Two models have that name. What have no two models in common?"
    return f"{told} Did you look at the answer of that partition **and** offset?"


def _told(model: ModelDescriptor) -> str:
    return f"{model.name} {model.version} (off by {model.metrics['mae']:g} on average)"


EXERCISE = Exercise(
    id="models-who",
    lesson="05",
    title="Who scored this wine?",
    goal="""
A customer complains about one bottle. Write `who(position, answers, models)`: it returns the model that scored the wine
at `position`, which is its `(partition, offset)`.

`answers` is a list of `ScoredRecord`, from two partitions: each has `partition`, `offset`, `model_name`,
`model_version` and `model_digest`. `models` is a list of `ModelDescriptor`, all that were ever published: each has
`name`, `version`, `digest` and `metrics`. One of them was trained again and kept its name.
""",
    stub="""
def who(position, answers, models):
    (answer,) = [one for one in answers if ...]
    (model,) = [one for one in models if ...]
    return model
""",
    answer="who",
    hints=(
        "First the answer that belongs to the position, then the model that gave this answer.",
        "`(one.partition, one.offset) == position` finds the answer: each partition has an offset 0.",
        "A name can be given twice, a digest cannot: `one.digest == answer.model_digest`.",
    ),
    reference="""
def who(position, answers, models):
    (answer,) = [one for one in answers if (one.partition, one.offset) == position]
    (model,) = [one for one in models if one.digest == answer.model_digest]
    return model
""",
    wrong=(
        WrongAnswer(
            """
def who(position, answers, models):
    (answer,) = [one for one in answers if (one.partition, one.offset) == position]
    by_name = {one.name: one for one in models}
    return by_name[answer.model_name]
""",
            "Two models have that name",
        ),
        WrongAnswer(
            """
def who(position, answers, models):
    answer = next(one for one in answers if one.offset == position[1])
    (model,) = [one for one in models if one.digest == answer.model_digest]
    return model
""",
            "Did you look at the answer of that partition",
        ),
        WrongAnswer(
            """
def who(position, answers, models):
    (answer,) = [one for one in answers if (one.partition, one.offset) == position]
    return answer.model_name
""",
            "Return the model itself",
        ),
    ),
    check=check,
)
