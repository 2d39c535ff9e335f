"""One answer of several: what each decider takes, and for whom it waits."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelserving.errors import ConfigError
from modelserving.speculative.answers import Answer, Case, Choice, Participant, Responder
from modelserving.speculative.deciders import best_in_time, by_quality, combine, consensus, parse_decider
from tests.speculative.test_collector import info_of

PARTICIPANTS = tuple(Participant(name, rank, 1 - rank / 10) for rank, name in enumerate("abcde"))


def case(said: dict[str, float | str], waiting: str = "", confidence: float = 1.0) -> Case:
    """What has come: numbers, or labels, by the participants' names."""
    answers = tuple(
        Answer(
            math.nan if isinstance(one, str) else one,
            one if isinstance(one, str) else None,
            confidence,
            Responder(name, info_of(name)),
        )
        for name, one in said.items()
    )
    return Case(answers, tuple(one for one in PARTICIPANTS if one.name in waiting), PARTICIPANTS)


def value(choice: Choice | None) -> float | str | None:
    return None if choice is None else choice.label or choice.value


def test_the_best_in_time_waits_only_for_better_ones() -> None:
    """The smart model's answer does not wait; the fast one's does, while there is time."""
    assert value(best_in_time(case({"a": 1.0}, waiting="b"))) == 1.0
    assert best_in_time(case({"b": 2.0}, waiting="a")) is None
    assert value(best_in_time(case({"b": 2.0, "c": 3.0}))) == 2.0
    assert best_in_time(case({})) is None


def test_a_majority_is_more_than_half_of_the_labels() -> None:
    """Two of four are none; and a lead that nobody can overtake need not wait."""
    assert value(consensus(case({"a": "good", "b": "bad", "c": "good"}))) == "good"
    assert consensus(case({"a": "good", "b": "bad", "c": "good", "d": "bad"})) is None
    assert value(consensus(case({"a": "good", "b": "good", "c": "good"}, waiting="de"))) == "good"
    assert consensus(case({"a": "good", "b": "good", "c": "bad"}, waiting="de")) is None


def test_of_numbers_the_median_is_taken_when_all_have_answered() -> None:
    """One that is far off does not move it."""
    assert value(consensus(case({"a": 5.0, "b": 6.0, "c": 900.0}))) == 6.0
    assert consensus(case({"a": 5.0, "b": 6.0, "c": 900.0}, waiting="d")) is None


def test_fewer_than_three_agree_on_nothing() -> None:
    """A consensus of two is the opinion of whoever is louder."""
    assert consensus(case({"a": "good", "b": "good"})) is None
    assert consensus(case({"a": "good", "b": "good", "c": "good"}), quorum=4) is None


def test_quality_times_confidence_decides() -> None:
    """A good model that is not sure loses to a worse one that is; and nobody is waited for who cannot win."""
    sure, unsure = case({"e": 5.0}), case({"a": 1.0}, confidence=0.5)
    both = Case(unsure.answers + sure.answers, (), PARTICIPANTS)
    assert value(by_quality(both)) == 5.0
    assert value(by_quality(case({"b": 2.0}, waiting="c"))) == 2.0
    assert by_quality(case({"b": 2.0}, waiting="a")) is None
    assert by_quality(case({})) is None


def test_deciders_combine() -> None:
    """The second is asked for what the first cannot decide, and not before there is no more time."""
    decide = combine(consensus, best_in_time)
    assert decide(case({"a": 1.0}, waiting="b")) is None
    assert value(decide(case({"a": 1.0}))) == 1.0
    assert value(decide(case({"a": 1.0, "b": 2.0, "c": 3.0}))) == 2.0


@pytest.mark.parametrize("text", ["", "worst", "consensus:2", "consensus:x", "best:3", "consensus,"])
def test_a_decider_that_is_none_is_refused(text: str) -> None:
    """The error names those that there are, or what is wrong with the number."""
    with pytest.raises(ConfigError, match="decider"):
        parse_decider(text)


def test_a_decider_is_named_in_text() -> None:
    """With how many must answer, and what comes after it."""
    decide = parse_decider("consensus:4, best")
    assert value(decide(case({"a": 1.0, "b": 2.0, "c": 2.0}))) == 1.0
    assert value(decide(case({"a": 1.0, "b": 2.0, "c": 2.0, "d": 9.0}))) == 2.0


@given(st.lists(st.sampled_from(["good", "bad", "ugly"]), min_size=3, max_size=5), st.integers(0, 2))
def test_a_majority_stays_one_whatever_comes(labels: list[str], more: int) -> None:
    """What is decided while somebody is waited for is what would have been decided when all had answered."""
    names = "abcde"
    some = labels[: max(3, len(labels) - more)]
    early = consensus(case(dict(zip(names, some, strict=False)), waiting=names[len(some) : len(labels)]))
    if early is not None:
        late = consensus(case(dict(zip(names, labels, strict=False))))
        assert late is not None
        assert late.label == early.label
