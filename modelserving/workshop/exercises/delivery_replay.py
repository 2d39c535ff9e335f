"""Lesson 14: send again what was mended, and nothing else."""

from __future__ import annotations

from collections.abc import Callable

from modelserving.client.letters import LetterFilter
from modelserving.client.replay import replay
from modelserving.kafka import DeadLetter, headers, make_producer
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require, what_came

_FAILED = {
    "mended": ("score", "ScoringError", "no alcohol: the field is missing"),
    "garbage": ("decode", "DecodeError", "no wine: alcohol cannot be read"),
    "slow": ("score", "ScoringError", "the model gave no answer in time"),
}


def check(lesson: LessonEnvironment, chosen: Callable[[], LetterFilter]) -> str:
    """Put three letters on a topic, replay those that are chosen, and look which came back."""
    wanted = chosen()
    require(
        isinstance(wanted, LetterFilter),
        f"`chosen` returned {what_came(wanted)}. It is to return a filter: `LetterFilter(stage=..., reason=...)`.",
    )
    source, letters = lesson.scratch_topic(), lesson.scratch_topic()
    with make_producer(lesson.connection) as producer:
        for offset, (value, failed) in enumerate(_FAILED.items()):
            letter = DeadLetter(value.encode(), None, source, 0, offset, *failed)
            producer.send(letters, value=letter.body, key=letter.label, headers=headers(letter))
    sent = replay(lesson.connection, letters, [source], wanted).sent
    came = sorted(list(_FAILED)[int(name.partition(":")[2])] for name in sent)
    require("mended" in came, f"Came back: {came or 'nothing'}. The wine without alcohol, which is mended, is missing.")
    require(
        "garbage" not in came,
        f"Came back: {came}. The garbage says alcohol, too, but it failed when it was decoded, and will fail again.",
    )
    require(
        "slow" not in came,
        f"Came back: {came}. One of them failed in scoring for another reason, which nobody has mended.",
    )
    return "One of the three came back: the one whose cause was mended."


EXERCISE = Exercise(
    id="delivery-replay",
    lesson="14",
    title="Which ones?",
    goal="""
Three letters lie on the topic. One failed at `score`, since its alcohol was missing: **that** is mended. One is garbage
that failed at `decode`. One failed at `score`, too, since the model was too slow. Return a `LetterFilter` that takes
the first alone.
""",
    stub="""
def chosen():
    return LetterFilter(stage=..., reason=...)
""",
    answer="chosen",
    hints=(
        "Both must hold: where it failed, and what its reason says.",
        "The reason is looked for in the text of the error, whichever case: one word is enough.",
        "`stage` is `score`; the word that only that reason has, besides, is `alcohol`.",
    ),
    reference="""
def chosen():
    return LetterFilter(stage="score", reason="alcohol")
""",
    wrong=(
        WrongAnswer(
            """
def chosen():
    LetterFilter(stage="score", reason="alcohol")
""",
            "It is to return a filter",
        ),
        WrongAnswer(
            """
def chosen():
    return LetterFilter(stage="score")
""",
            "failed in scoring for another reason",
        ),
        WrongAnswer(
            """
def chosen():
    return LetterFilter(reason="alcohol")
""",
            "failed when it was decoded",
        ),
        WrongAnswer(
            """
def chosen():
    return LetterFilter(stage="decode", reason="missing")
""",
            "which is mended, is missing",
        ),
    ),
    check=check,
)
