"""Lesson 13: a join that loses nobody."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelserving.kstreams import Consumed, Produced, StreamsBuilder, TopologyTestDriver, text
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require, what_came

_STORY = (
    ("scores", "line", "5.5"),
    ("trainers", "line", "Ann"),
    ("scores", "line", "5.7"),
    ("scores", "forest", "6.0"),
    ("trainers", "line", None),
    ("scores", "line", "5.9"),
)
_RIGHT = [
    ("line", "5.5 (unknown)"),
    ("line", "5.7 (Ann)"),
    ("forest", "6.0 (unknown)"),
    ("line", "5.9 (unknown)"),
]


def check(lesson: LessonEnvironment, named: Callable[[Any, Any], Any]) -> str:  # noqa: ARG001 - needs no broker
    """Send scores and news about trainers, and look at what comes out."""
    builder = StreamsBuilder()
    as_text = Consumed.with_(text(), text())
    result = named(builder.stream("scores", as_text), builder.table("trainers", as_text))
    require(
        hasattr(result, "to"),
        f"`named` returned {what_came(result)}. It is to return the joined stream: what `scores.leftJoin(...)` gives.",
    )
    result.to("out", Produced.with_(text(), text()))
    with TopologyTestDriver(builder.build(), statestore_cache_max_bytes=0) as driver:
        for topic, key, value in _STORY:
            driver.createInputTopic(topic, text(), text()).pipeInput(key, value)
        found = driver.createOutputTopic("out", text(), text()).readKeyValuesToList()
    scores = sum(topic == "scores" for topic, _, _ in _STORY)
    require(
        len(found) >= scores, f"{scores} scores went in, and {len(found)} came out: an inner join loses the others."
    )
    for came, right in zip(found, _RIGHT, strict=False):
        known = "of which nobody is known" if "unknown" in right[1] else "whose trainer is known"
        require(came == right, f"For a score of {right[0]}, {known}, {came[1]!r} came out; {right[1]!r} was expected.")
    require(len(found) == scores, f"{scores} scores went in, and {len(found)} came out: {found}.")
    return f"{scores} scores in, {len(found)} out: {', '.join(value for _, value in found)}."


_HEAD = """
from modelserving.kstreams import text
from modelserving.kstreams.java import Joined

def named(scores, trainers):
    as_text = Joined.with_(text(), text(), text())
"""

EXERCISE = Exercise(
    id="tables-join",
    lesson="13",
    title="Nobody gets lost",
    goal="""
Write `named(scores, trainers)`, which joins the stream of scores with the table of trainers and gives a stream. Each
score comes out as `5.7 (Ann)`; where nobody is known, or not any more, as `5.7 (unknown)`. No score is lost.
""",
    stub=_HEAD
    + """
    def say(score, trainer):
        return ...

    return ...
""",
    answer="named",
    hints=(
        "`scores.join(...)` leaves out what finds nothing; `scores.leftJoin(trainers, say, as_text)` does not.",
        "With nothing found, `trainer` is `None`: `trainer or 'unknown'`.",
    ),
    reference=_HEAD
    + """
    def say(score, trainer):
        return f"{score} ({trainer or 'unknown'})"

    return scores.leftJoin(trainers, say, as_text)
""",
    wrong=(
        WrongAnswer(
            _HEAD
            + """
    def say(score, trainer):
        return f"{score} ({trainer or 'unknown'})"

    scores.leftJoin(trainers, say, as_text)
""",
            "`named` returned `None`",
        ),
        WrongAnswer(
            _HEAD
            + """
    def say(score, trainer):
        return f"{score} {trainer}" if trainer else f"{score} (unknown)"

    return scores.leftJoin(trainers, say, as_text)
""",
            "whose trainer is known, '5.7 Ann' came out",
        ),
        WrongAnswer(
            _HEAD
            + """
    def say(score, trainer):
        return f"{score} ({trainer or 'unknown'})"

    return scores.join(trainers, say, as_text)
""",
            "an inner join loses the others",
        ),
        WrongAnswer(
            _HEAD
            + """
    def say(score, trainer):
        return f"{score} ({trainer})"

    return scores.leftJoin(trainers, say, as_text)
""",
            "'5.5 (None)' came out",
        ),
        WrongAnswer(
            _HEAD
            + """
    def say(score, trainer):
        return score + " (" + trainer + ")"

    return scores.leftJoin(trainers, say, as_text)
""",
            "can only concatenate str",
        ),
    ),
    check=check,
)
