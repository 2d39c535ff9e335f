"""Lesson 10: a label, unless the model is not sure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelserving.records import ScoredRecord, decode_scored, encode_scored
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_HIRES = (("casual", 0.93, "casual"), ("member", 0.12, "member"), ("member", 0.41, "?"), ("casual", 0.55, "?"))
"""The label, the probability of ``casual``, and what is right."""


def check(_: LessonEnvironment, sure: Callable[[ScoredRecord], Any]) -> str:
    """Write answers as a server does, read them back, and ask about each."""
    for offset, (label, casual, right) in enumerate(_HIRES):
        outputs = (("probabilities(casual)", casual), ("probabilities(member)", 1 - casual))
        answer = ScoredRecord("hire", float("nan"), "rider", "1", "", 0, offset, 1, 1, 1, label, outputs)
        found = sure(decode_scored(encode_scored(answer)))
        said = f"{label!r}, with {casual:.0%} for casual: your function says {found!r}."
        require(found is not None, f"{said} Return the label, or a question mark.")
        if right == "?":
            require(found == "?", f"{said} Neither has 70 %, so a person should look at it.")
        elif label == "member":
            require(
                found == right, f"{said} It is sure: a member has {1 - casual:.0%}. Look at the label's own output."
            )
        else:
            require(found == right, f"{said} It is sure, and the label is the answer.")
    return f"{len(_HIRES)} answers, two of them sure."


EXERCISE = Exercise(
    id="records-sure",
    lesson="10",
    title="How sure?",
    goal="""
Write `sure(answer)`: it returns the label of an answer if the model gives **that label** at least 70 %, and else `"?"`,
so that a person looks at it. `answer` is a `ScoredRecord`: `answer.answer` is the label, `answer.outputs` are pairs of
a name and a value, such as `("probabilities(casual)", 0.93)`.
""",
    stub="""
def sure(answer):
    probability = dict(answer.outputs)[...]
    return answer.answer if probability >= 0.7 else "?"
""",
    answer="sure",
    hints=(
        "Each label has an output of its own; its name has the label in it.",
        'An f-string makes the name: `f"probabilities({answer.answer})"`.',
    ),
    reference="""
def sure(answer):
    probability = dict(answer.outputs)[f"probabilities({answer.answer})"]
    return answer.answer if probability >= 0.7 else "?"
""",
    wrong=(
        WrongAnswer(
            """
def sure(answer):
    probability = dict(answer.outputs)["probabilities(casual)"]
    return answer.answer if probability >= 0.7 else "?"
""",
            "Look at the label's own output",
        ),
        WrongAnswer(
            """
def sure(answer):
    return answer.answer
""",
            "Neither has 70 %",
        ),
    ),
    check=check,
)
