"""Lesson 04: what is missing, and what is there twice."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from modelserving.kafka import make_producer, read_topic
from modelserving.records import ScoredRecord, decode_scored, encode_scored
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require, what_came

_Position = tuple[int, int]
_Audit = Callable[[list[_Position], list[ScoredRecord]], Any]

_SENT = [(partition, offset) for offset in range(8) for partition in (0, 1)]
_SCENES: tuple[tuple[str, set[_Position], list[_Position]], ...] = (
    ("Everything was answered once", set(), []),
    ("(1, 3) was never answered; (0, 3) was", {(1, 3)}, []),
    ("The last of partition 0 was never answered", {(0, 7)}, []),
    ("(0, 5) was answered twice, (1, 5) once", set(), [(0, 5)]),
    ("(0, 2) was never answered, (1, 2) was answered three times", {(0, 2)}, [(1, 2), (1, 2)]),
)


def check(lesson: LessonEnvironment, audit_all: _Audit) -> str:
    """Write answers to an empty topic, read them back from the broker, and have them audited."""
    for scene, lost, again in _SCENES:
        answers = _through_the_broker(lesson, [*(position for position in _SENT if position not in lost), *again])
        found = audit_all(list(_SENT), answers)
        require(
            isinstance(found, (tuple, list)) and len(found) == 2,
            "`audit_all` returned one thing. Return two: the positions that are missing, and those that are doubled.",
        )
        missing, doubled = (_positions(part) for part in found)
        require(missing == sorted(lost), _wrong(scene, "missing", missing, sorted(lost)))
        require(doubled == sorted(set(again)), _wrong(scene, "doubled", doubled, sorted(set(again))))
    return f"{len(_SCENES)} audits of answers from two partitions, read from the broker: every loss, every double."


def _positions(found: Any) -> list[Any]:
    require(
        isinstance(found, Iterable),
        f"One of the two that `audit_all` returned is {what_came(found)}. Each is to be a list of positions.",
    )
    return sorted(set(found))


def _wrong(scene: str, what: str, found: list[Any], right: list[_Position]) -> str:
    hint = ""
    if any(not isinstance(position, tuple) for position in found):
        hint = " A position is a partition **and** an offset: both partitions begin at offset 0."
    elif len(found) < len(right):
        hint = " Compare with the list of what was sent, and count how often each position was answered."
    return f"{scene}. As {what}, {right or 'nothing'} was expected, and {found or 'nothing'} came.{hint}"


def _through_the_broker(lesson: LessonEnvironment, positions: list[_Position]) -> list[ScoredRecord]:
    topic = lesson.scratch_topic(partitions=2)
    with make_producer(lesson.connection) as producer:
        for partition, offset in positions:
            scored = ScoredRecord("wine", 5.0, "wine-tree", "1.0", "", partition, offset, 1000, 0, 0)
            producer.send(topic, value=encode_scored(scored), partition=partition)
        producer.flush(timeout=10)
    return [decode_scored(record.value) for record in read_topic(lesson.connection, topic)]


EXERCISE = Exercise(
    id="stage-audit",
    lesson="04",
    title="Audit two partitions",
    goal="""
Our `audit` knows one partition only. Write one for any number of them. It is given

* `sent`: all positions where a wine was sent, as `(partition, offset)`, and
* `answers`: the scored records, each with `.partition` and `.offset` of its wine,

and returns two collections of positions: those that are **missing**, and those that are **doubled**.

The check writes answers to a topic, loses some and doubles others, and reads them back from the broker.
""",
    stub="""
from collections import Counter

def audit_all(sent, answers):
    times = Counter(...)
    missing = [position for position in sent if ...]
    doubled = [position for position in sent if ...]
    return missing, doubled
""",
    answer="audit_all",
    hints=(
        "`Counter` counts how often it was given each thing: `Counter('aab')['a']` is 2, and 0 for what never came.",
        "What identifies an answer is `(answer.partition, answer.offset)`.",
        "`times[position]` is 0 for a position that is missing, and more than 1 for one that is doubled.",
    ),
    reference="""
from collections import Counter

def audit_all(sent, answers):
    times = Counter((answer.partition, answer.offset) for answer in answers)
    missing = [position for position in sent if times[position] == 0]
    doubled = [position for position in sent if times[position] > 1]
    return missing, doubled
""",
    wrong=(
        WrongAnswer(
            """
from collections import Counter

def audit_all(sent, answers):
    times = Counter((answer.partition, answer.offset) for answer in answers)
    return sum(not times[position] for position in sent), sum(times[position] > 1 for position in sent)
""",
            "Each is to be a list of positions",
        ),
        WrongAnswer(
            """
from collections import Counter

def audit_all(sent, answers):
    times = Counter(answer.offset for answer in answers)
    missing = [offset for _, offset in sent if times[offset] == 0]
    doubled = [offset for _, offset in sent if times[offset] > 1]
    return missing, doubled
""",
            "both partitions begin at offset 0",
        ),
        WrongAnswer(
            """
def audit_all(sent, answers):
    there = {(answer.partition, answer.offset) for answer in answers}
    return [position for position in sent if position not in there], []
""",
            "As doubled, [(0, 5)] was expected, and nothing came",
        ),
        WrongAnswer(
            """
from collections import Counter

def audit_all(sent, answers):
    times = Counter((answer.partition, answer.offset) for answer in answers)
    last = max(offset for _, offset in times)
    missing = [(p, o) for p in (0, 1) for o in range(last) if not times[p, o]]
    return missing, [position for position in sent if times[position] > 1]
""",
            "The last of partition 0 was never answered. As missing",
        ),
        WrongAnswer(
            """
def audit_all(sent, answers):
    return len(answers) - len(sent)
""",
            "returned one thing",
        ),
    ),
    check=check,
)
