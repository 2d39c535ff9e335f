"""Lesson 09: shares of instances put together, and when they must not be."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from modelserving.kafka import end_offsets, make_producer
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require

_PARTITIONS = 4
_WINES = 120
_Share = dict[str, Any]
_Whole = Callable[[list[_Share], int], Any]


def check(lesson: LessonEnvironment, whole: _Whole) -> str:
    """Write wines to an empty topic, share its partitions out among instances, and compare with what the broker has."""
    counted = _write(lesson)
    wines = sum(counted.values())

    def ask(*held: Sequence[int]) -> Any:
        shares = [
            {"instance": f"http://instance-{number}", "partitions": {part: counted[part] for part in parts}}
            for number, parts in enumerate(held, start=1)
        ]
        return whole(shares, _PARTITIONS)

    all_three = ask([0], [1, 3], [2])
    require(all_three is not None, f"Three instances hold all {_PARTITIONS} partitions, and your function says None.")
    require(
        all_three == wines,
        f"Three instances hold all partitions. The broker has {wines} wines; your function says {all_three!r}.",
    )
    away = ask([0], [2])
    require(
        away is None,
        f"One instance did not answer, so nobody spoke for partitions 1 and 3. Your function says {away!r}, and the "
        f"broker has {wines} wines. Better no number than a wrong one.",
    )
    two = ask([0, 2], [1, 3])
    require(
        two == wines,
        f"One instance has ended, and two hold everything now: {wines} wines. Your function says {two!r}. It is not "
        "the number of instances that makes the whole.",
    )
    moving = ask([0], [1, 3], [2, 3])
    require(
        moving is None,
        f"Partition 3 is just being moved: two instances say that they have it. Your function says {moving!r}. Which "
        "of the two is right, it cannot know.",
    )
    mixed = ask([0], [1, 3], [3])
    require(
        mixed is None,
        f"Four counts came, but of partitions 0, 1, 3 and 3. Your function says {mixed!r}: it looked how many there "
        "are, and not which.",
    )
    return f"{wines} wines, from three instances and from two; and no number where a partition is missing or doubled."


def _write(lesson: LessonEnvironment) -> Mapping[int, int]:
    """How many wines are in each partition, as the broker says."""
    topic = lesson.scratch_topic(partitions=_PARTITIONS)
    with make_producer(lesson.connection) as producer:
        for number in range(_WINES):
            producer.send(topic, key=b"barrel-%d" % number, value=b"a wine")
        producer.flush(timeout=10)
    return end_offsets(lesson.connection, topic)


EXERCISE = Exercise(
    id="instances-whole",
    lesson="09",
    title="The whole, or nothing",
    goal="""
Write what `/state/wine` does with the answers of the instances: `whole(shares, partitions)` returns how many wines all
have scored together, **or `None` while nobody can tell**.

Each share is what one instance holds, `{"instance": "http://127.0.0.1:8888", "partitions": {0: 60, 2: 170}}`: for each
of its partitions, how many wines were scored. `partitions` is how many partitions the topic has; they are numbered from
0. An instance that does not answer is not in the list.
""",
    stub="""
def whole(shares, partitions):
    held = [partition for share in shares for partition in share["partitions"]]
    complete = ...
    if not complete:
        return None
    return sum(sum(share["partitions"].values()) for share in shares)
""",
    answer="whole",
    hints=(
        "It is the whole if each partition was heard of, and none of them twice. The number of instances says nothing.",
        "`held` has all partitions that anybody spoke for, in any order. How does it look, sorted, when all is well?",
        "`sorted(held) == list(range(partitions))` is false when one is missing, and when one is there twice.",
    ),
    reference="""
def whole(shares, partitions):
    held = [partition for share in shares for partition in share["partitions"]]
    complete = sorted(held) == list(range(partitions))
    if not complete:
        return None
    return sum(sum(share["partitions"].values()) for share in shares)
""",
    wrong=(
        WrongAnswer(
            """
def whole(shares, partitions):
    return sum(sum(share["partitions"].values()) for share in shares)
""",
            "Better no number than a wrong one",
        ),
        WrongAnswer(
            """
def whole(shares, partitions):
    if len(shares) < 3:
        return None
    return sum(sum(share["partitions"].values()) for share in shares)
""",
            "not the number of instances",
        ),
        WrongAnswer(
            """
def whole(shares, partitions):
    held = {}
    for share in shares:
        held.update(share["partitions"])
    return sum(held.values()) if len(held) == partitions else None
""",
            "two instances say that they have it",
        ),
        WrongAnswer(
            """
def whole(shares, partitions):
    counts = [count for share in shares for count in share["partitions"].values()]
    return sum(counts) if len(counts) == partitions else None
""",
            "it looked how many there are, and not which",
        ),
        WrongAnswer(
            """
def whole(shares, partitions):
    held = {partition for share in shares for partition in share["partitions"]}
    if held:
        return None
    return 0
""",
            "and your function says None",
        ),
    ),
    check=check,
)
