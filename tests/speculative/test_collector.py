"""Each record gets exactly one decision, whatever happens, in whatever order, and at its deadline at the latest."""

from __future__ import annotations

from dataclasses import dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from modelserving.models.info import ModelInfo
from modelserving.records import ModelType
from modelserving.speculative.answers import Absence, Answer, Responder
from modelserving.speculative.collector import AnswerCollector, Decision
from modelserving.speculative.settings import ParticipantSettings, SpeculativeSettings

MS = 1_000_000
NAMES = ("smart", "fast", "third")


def info_of(name: str) -> ModelInfo:
    return ModelInfo(name, "", name, ModelType.PMML, "1", "ab" * 32)


def answer(name: str, value: float = 1.0, label: str | None = None) -> Answer:
    return Answer(value, label, 1.0, Responder(name, info_of(name)))


def wanted(*names: str, deadline_ms: float = 50.0, **more: object) -> SpeculativeSettings:
    made = SpeculativeSettings("wine", tuple(ParticipantSettings(name) for name in names), deadline_ms)
    return replace(made, **more)  # type: ignore[arg-type]


def value_of(decision: Decision | None) -> float | None:
    return decision.choice.value if decision and decision.choice else None


def test_the_preferred_answer_ends_the_waiting() -> None:
    """When the smart model has answered, nobody waits for the fast one."""
    collector = AnswerCollector(1, wanted("smart", "fast"), 0, NAMES[:2])
    collector.answer("smart", range(1), [answer("smart", 7.0)], 5 * MS)
    assert collector.open == 0
    decision = collector.decisions[0]
    assert decision is not None
    assert value_of(decision) == 7.0
    assert decision.account.absent == {"fast": "not needed"}


def test_at_the_deadline_the_best_of_what_has_come_is_taken() -> None:
    """The fast model's answer waits for the smart one's, and leaves when there is no more time."""
    collector = AnswerCollector(1, wanted("smart", "fast"), 0, NAMES[:2])
    collector.answer("fast", range(1), [answer("fast", 5.0)], 1 * MS)
    collector.tick(50 * MS - 1)
    assert collector.open == 1
    collector.tick(50 * MS)
    decision = collector.decisions[0]
    assert decision is not None
    assert value_of(decision) == 5.0
    assert decision.account.absent == {"smart": "late"}
    assert decision.account.after_ns == 50 * MS


def test_an_answer_after_the_deadline_is_never_used() -> None:
    """Also when nobody has looked at the clock in between."""
    collector = AnswerCollector(1, wanted("smart", "fast"), 0, NAMES[:2])
    collector.answer("fast", range(1), [answer("fast", 5.0)], 1 * MS)
    collector.answer("smart", range(1), [answer("smart", 7.0)], 51 * MS)
    assert value_of(collector.decisions[0]) == 5.0


def test_a_shorter_deadline_applies_to_the_records_that_wait() -> None:
    """In the older implementations it never did."""
    collector = AnswerCollector(1, wanted("smart", "fast", deadline_ms=5000), 0, NAMES[:2])
    collector.answer("fast", range(1), [answer("fast", 5.0)], 1 * MS)
    collector.reconfigure(wanted("smart", "fast", deadline_ms=10), 20 * MS)
    assert value_of(collector.decisions[0]) == 5.0


def test_a_longer_deadline_applies_to_the_records_that_wait() -> None:
    """What was not decided by then may wait longer."""
    collector = AnswerCollector(1, wanted("smart", "fast", deadline_ms=10), 0, NAMES[:2])
    collector.answer("fast", range(1), [answer("fast", 5.0)], 1 * MS)
    collector.reconfigure(wanted("smart", "fast", deadline_ms=100), 9 * MS)
    collector.tick(99 * MS)
    assert collector.open == 1
    collector.answer("smart", range(1), [answer("smart", 7.0)], 99 * MS)
    assert value_of(collector.decisions[0]) == 7.0


def test_who_takes_no_part_any_more_does_not_count() -> None:
    """Neither is it waited for, nor is what it has said an answer."""
    collector = AnswerCollector(2, wanted("smart", "fast", deadline_ms=0), 0, NAMES[:2])
    collector.answer("fast", range(1), [answer("fast", 5.0)], 1)
    collector.reconfigure(wanted("smart", deadline_ms=0), 2)
    assert collector.open == 2
    collector.answer("smart", range(2), [answer("smart", 7.0)] * 2, 3)
    assert [value_of(found) for found in collector.decisions] == [7.0, 7.0]


def test_rows_are_decided_one_by_one() -> None:
    """A piece of a batch that has all its answers does not wait for the rest."""
    collector = AnswerCollector(4, wanted("smart", "fast"), 0, NAMES[:2])
    collector.answer("smart", range(1, 3), [answer("smart")] * 2, 1)
    assert [found is not None for found in collector.decisions] == [False, True, True, False]


def test_when_all_failed_there_is_the_fallback_and_else_no_answer() -> None:
    """Nobody is waited for who has failed; the account says why."""
    failed = Absence("failed", "it broke")
    with_one = AnswerCollector(1, wanted("smart", fallback=4.0), 0, ("smart",))
    with_one.answer("smart", range(1), [failed], 1)
    assert value_of(with_one.decisions[0]) == 4.0
    without = AnswerCollector(1, wanted("smart"), 0, ("smart",))
    without.answer("smart", range(1), [failed], 1)
    assert without.open == 0
    decision = without.decisions[0]
    assert decision is not None
    assert decision.choice is None
    assert decision.account.reasons == {"smart": "it broke"}


def test_records_that_are_decided_alike_share_their_account() -> None:
    """It is written once for thousands of them."""
    collector = AnswerCollector(3, wanted("smart"), 0, ("smart",))
    one = answer("smart")
    collector.answer("smart", range(3), [one, one, one], 1)
    assert len({id(found.account) for found in collector.decisions if found}) == 1


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happens: who says what of which record, or what is wanted from then on."""

    pause_ms: int
    name: str = ""
    row: int = 0
    label: str | None = None
    fails: bool = False
    settings: SpeculativeSettings | None = None


ROWS = 3
configurations = st.builds(
    lambda names, deadline, decider, fallback: wanted(*names, deadline_ms=deadline, decider=decider, fallback=fallback),
    st.permutations(NAMES).flatmap(lambda names: st.integers(1, 3).map(lambda count: names[:count])),
    st.sampled_from([0.0, 5.0, 20.0, 60.0]),
    st.sampled_from(["best", "quality", "consensus", "consensus, best"]),
    st.sampled_from([None, 4.0, "none"]),
)
steps = st.lists(
    st.one_of(
        st.builds(
            Step,
            st.integers(0, 30),
            st.sampled_from(NAMES),
            st.integers(0, ROWS - 1),
            st.sampled_from([None, "good", "bad"]),
            st.booleans(),
        ),
        st.builds(lambda pause, settings: Step(pause, settings=settings), st.integers(0, 30), configurations),
        st.builds(Step, st.integers(0, 30)),
    ),
    max_size=25,
)


@settings(max_examples=settings().max_examples * 4, deadline=None)
@given(configurations, steps)
def test_each_record_is_decided_once_whatever_happens(first: SpeculativeSettings, happening: list[Step]) -> None:
    """Over all interleavings: no decision changes, none is made with what came late, none is missing in the end."""
    collector = AnswerCollector(ROWS, first, 0, NAMES)
    now = 0
    heard: list[Responder] = []
    for step in happening:
        now += step.pause_ms * MS
        before = list(collector.decisions)
        due = collector.due_ns
        if step.settings is not None:
            collector.reconfigure(step.settings, now)
        elif step.name:
            own = answer(step.name, float(step.row), step.label)
            if not (due is not None and now >= due):
                heard.append(own.by)
            said = Absence("failed") if step.fails else own
            collector.answer(step.name, range(step.row, step.row + 1), [said], now)
        else:
            collector.tick(now)
        for old, new in zip(before, collector.decisions, strict=True):
            assert old is None or new is old
        if due is not None and now >= due:
            assert collector.open == 0
        assert collector.open == collector.decisions.count(None)
    for decision in collector.decisions:
        if decision is not None:
            assert all(by in heard for by in decision.account.answered)
    for name in NAMES:
        collector.answer(name, range(ROWS), [Absence("failed")] * ROWS, now)
    assert collector.open == 0
    assert all(decision is not None for decision in collector.decisions)
