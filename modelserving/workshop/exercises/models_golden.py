"""Lesson 05: golden records that catch a bad model."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from modelserving.config import data_folder
from modelserving.models.formats import factory
from modelserving.models.store.bundled import read_catalog
from modelserving.records import Golden, ModelDescriptor, WineRecord, read_wines
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require
from modelserving.workshop.lesson.simulate import Simulation

_GOOD = "wine-linear-regression"
_MOST = 3
_Judge = Callable[[WineRecord], float]


def check(lesson: LessonEnvironment, choose: Callable[[list[WineRecord], _Judge], Any]) -> str:
    """Publish the good model and three bad ones, each with the golden records, and see which would serve."""
    good = next(model for model in read_catalog(data_folder() / "models") if model.name == _GOOD)
    wines = _wines()
    golden = _golden(choose(list(wines), _answers_of(good, wines)))
    with Simulation(lesson) as topics:
        for name, data, _ in _bad(good.data):
            topics.publish(_with(good, name, data, golden))
        caught = {letter.offset for letter in topics.verdict("wine").letters}
        for offset, (name, _, lesson_of_it) in enumerate(_bad(good.data)):
            require(offset in caught, f"The model that {name} got through. {lesson_of_it}")
        topics.publish(_with(good, "good", good.data, golden))
        seen = topics.verdict("wine")
    require(
        seen.serving == "good",
        f"The bad models are refused, but so is the good one: {seen.letters[-1].reason} Use its exact answers.",
    )
    return f"{len(caught)} bad models refused, and the good one serves, with {len(golden)} golden records."


def _golden(chosen: Any) -> tuple[Golden, ...]:
    require(
        isinstance(chosen, (list, tuple)),
        f"Return a list of golden records from `choose`; it returned one {type(chosen).__name__}. Put it in `[...]`.",
    )
    golden = tuple(chosen)
    require(
        golden and all(isinstance(one, Golden) for one in golden),
        "`choose` is to return golden records: `Golden(wine, answer(wine))` for each wine that you chose.",
    )
    require(
        len(golden) <= _MOST,
        f"You chose {len(golden)} wines. Every server scores them before a model serves: {_MOST} must do.",
    )
    return golden


def _wines() -> tuple[WineRecord, ...]:
    """Sixty wines, those without citric acid first, the best by far in the middle."""
    red = [wine for wine, _ in read_wines(data_folder() / "wine_red.csv", "wine")]
    without = [wine for wine in red if not wine.citric_acid]
    weak = [wine for wine in red if wine.alcohol < 10.5 and wine.citric_acid > 0.3]
    strong = [wine for wine in red if wine.alcohol > 13]
    return (*without[:20], *strong[:10], *weak[:30])


def _answers_of(good: ModelDescriptor, wines: Sequence[WineRecord]) -> _Judge:
    model = factory.create(good)
    try:
        answers = dict(zip(wines, model.score(wines).values.tolist(), strict=True))
    finally:
        model.close()
    return answers.__getitem__


def _with(good: ModelDescriptor, name: str, data: bytes, golden: tuple[Golden, ...]) -> ModelDescriptor:
    return replace(good, name=name, data=data, sha256="", golden=golden)


def _bad(good: bytes) -> tuple[tuple[str, bytes, str], ...]:
    """Bad models: what is wrong with each, its bytes, and what to say when it gets through."""
    swapped = (
        good.replace(b'"volatile_acidity" coef', b'"-" coef')
        .replace(b'"citric_acid" coef', b'"volatile_acidity" coef')
        .replace(b'"-" coef', b'"citric_acid" coef')
    )
    forgetful = re.sub(rb'<NumericPredictor name="citric_acid"[^>]*/>', b"", good)
    ceiling = good.replace(b"</MiningSchema>", b'</MiningSchema><Targets><Target field="quality" max="6"/></Targets>')
    return (
        (
            "swapped two columns",
            swapped,
            "In your wines both are nearly the same: look for one in which they are far apart.",
        ),
        (
            "forgot citric acid",
            forgetful,
            "None of your wines has any: look for one whose `citric_acid` is more than 0.",
        ),
        ("gives no wine more than 6", ceiling, "None of your wines deserves more than 6: look for one that does."),
    )


EXERCISE = Exercise(
    id="models-golden",
    lesson="05",
    title="Three models that looked good",
    goal="""
Last year three bad models reached the servers. One had **swapped two columns**. One had **forgotten citric acid**. One
gave **no wine more than 6**. Each could be loaded, each answered with ordinary numbers.

Choose golden records that would have caught all three: at most **three**, out of sixty wines. `wines` is a list of
`WineRecord`, `answer(wine)` is what the good model says. The check publishes the three bad models with your golden
records, and then the good one, which must get through.
""",
    stub="""
from modelserving.records import Golden

def choose(wines, answer):
    chosen = ...  # at most three of the wines
    return [Golden(wine, answer(wine)) for wine in chosen]
""",
    answer="choose",
    hints=(
        "A golden record catches a bad model only if the good one answers it differently. Take the three one by one.",
        "A wine without citric acid says nothing about the second, a wine below 6 nothing about the third.",
        "`max(wines, key=answer)` is the best wine. Is there citric acid in it? Which wine has the most?",
    ),
    reference="""
from modelserving.records import Golden

def choose(wines, answer):
    best = max(wines, key=answer)
    sourest = max(wines, key=lambda wine: wine.citric_acid)
    return [Golden(wine, answer(wine)) for wine in (best, sourest)]
""",
    wrong=(
        WrongAnswer(
            """
from modelserving.records import Golden

def choose(wines, answer):
    return [Golden(wine, answer(wine)) for wine in wines[:3]]
""",
            "forgot citric acid got through",
        ),
        WrongAnswer(
            """
from modelserving.records import Golden

def choose(wines, answer):
    return [Golden(wine, answer(wine)) for wine in wines[-3:]]
""",
            "no wine more than 6 got through",
        ),
        WrongAnswer(
            """
from modelserving.records import Golden

def choose(wines, answer):
    best = max(wines, key=answer)
    sourest = max(wines, key=lambda wine: wine.citric_acid)
    return [Golden(wine, round(answer(wine))) for wine in (best, sourest)]
""",
            "but so is the good one",
        ),
        WrongAnswer(
            """
from modelserving.records import Golden

def choose(wines, answer):
    return [Golden(wine, answer(wine)) for wine in wines]
""",
            "3 must do",
        ),
        WrongAnswer(
            """
def choose(wines, answer):
    return [max(wines, key=answer)]
""",
            "is to return golden records",
        ),
    ),
    check=check,
)
