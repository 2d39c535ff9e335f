"""How one answer is made of several: plain functions of what has come so far.

A decider is asked whenever an answer comes, and when the deadline has passed. It returns its choice, or ``None``: "not
yet" while somebody is waited for, and "I cannot" when nobody is. It must not remember anything::

    def first(case: Case) -> Choice | None:
        return Choice(case.answers[0].value, case.answers[0].label, "the first") if case.answers else None

By its name it can be put into the settings when it is in ``DECIDERS``.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from functools import lru_cache, partial
from statistics import median
from typing import TypeAlias

from modelserving.errors import ConfigError
from modelserving.speculative.answers import Answer, Case, Choice

Decider: TypeAlias = Callable[[Case], Choice | None]
"""From what has come to a choice."""


def best_in_time(case: Case) -> Choice | None:
    """The answer of the preferred model that came in time: the smart one's if it made it, else the fast one's."""
    if not case.answers:
        return None
    first = case.answers[0]
    if case.waiting and case.waiting[0].rank < case.of(first).rank:
        return None
    return _take(first, "the best of what came in time")


def by_quality(case: Case) -> Choice | None:
    """The answer whose model's quality, times the model's own confidence in it, is highest.

    Nobody is waited for whose quality is too low to win. The quality is what the settings say until truths have come,
    and moves with them then (``tracking.py``). The confidence is the highest of the probabilities that a model gives
    beside its answer, where its descriptor asks for them (``outputs``); without any it is quite sure.
    """
    if not case.answers:
        return None
    merits = [case.of(answer).quality * answer.confidence for answer in case.answers]
    highest = max(merits)
    if any(one.quality > highest for one in case.waiting):
        return None
    return _take(case.answers[merits.index(highest)], "the highest quality and confidence")


def consensus(case: Case, quorum: int = 3) -> Choice | None:
    """What most say: of labels the one that more than half of the models gave, of numbers the median.

    Args:
        case: what has come.
        quorum: so many must have answered.
    """
    answers = case.answers
    if len(answers) < quorum:
        return None
    if all(answer.label is not None for answer in answers):
        return _majority(answers, len(case.waiting))
    values = [answer.value for answer in answers if math.isfinite(answer.value)]
    if case.waiting or len(values) < quorum:
        return None
    return Choice(median(values), None, f"the median of {len(values)}")


def _majority(answers: tuple[Answer, ...], waiting: int) -> Choice | None:
    """The label that more than half have given; also before all have answered, if those cannot change it."""
    (label, votes), *_ = Counter(answer.label for answer in answers).most_common(1)
    if votes * 2 <= len(answers) + waiting:
        return None
    value = next(answer.value for answer in answers if answer.label == label)
    return Choice(value, label, f"{votes} of {len(answers)} agree")


def combine(*deciders: Decider) -> Decider:
    """The first decider that can decide, in their order; a later one is only asked when nobody is waited for."""

    def decide(case: Case) -> Choice | None:
        for decider in deciders if not case.waiting else deciders[:1]:
            choice = decider(case)
            if choice is not None:
                return choice
        return None

    return decide


def _take(answer: Answer, reason: str) -> Choice:
    return Choice(answer.value, answer.label, reason, answer.by, answer.outputs)


DECIDERS: dict[str, Decider] = {
    "best": best_in_time,
    "quality": by_quality,
    "consensus": consensus,
}
"""Deciders by the names that the settings know. One that takes a number is followed by it: ``consensus:5``."""


@lru_cache(maxsize=64)
def parse_decider(text: str) -> Decider:
    """The decider that some text names: one name, or several with commas, each for what those before it cannot decide.

    Raises:
        ConfigError: there is no such decider, or its number is none.
    """
    found = [_parse_one(part.strip()) for part in text.split(",")]
    return found[0] if len(found) == 1 else combine(*found)


def _parse_one(text: str) -> Decider:
    name, colon, number = text.partition(":")
    if name not in DECIDERS:
        raise ConfigError(f"there is no decider {name!r}. There are: {', '.join(DECIDERS)}; several with commas.")
    if not colon:
        return DECIDERS[name]
    if name != "consensus" or not number.isdecimal() or int(number) < 3:
        raise ConfigError(
            f"decider {text!r}: only consensus takes a number, how many must answer, and that is 3 at least."
        )
    return partial(consensus, quorum=int(number))
