"""Lesson 06: deal out the work, and keep what belongs together in order."""

from __future__ import annotations

from collections import defaultdict, namedtuple
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import Any

from modelserving.actors.routers import Router
from modelserving.kafka.messages import Message
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require, what_came

_WORKERS, _KEYS, _BATCH, _BATCHES = 4, 37, 120, 3
_Message = namedtuple("_Message", "topic partition offset timestamp key value")


def check(lesson: LessonEnvironment, router: Callable[[], Router]) -> str:
    """Deal out some batches, and look where each key went, in which order, and who had nothing to do."""
    mine = router()
    seen: list[list[Message]] = [[] for _ in range(_WORKERS)]
    for number in range(_BATCHES):
        batch = _batch(lesson.topics.records, number * _BATCH)
        hands = _lists(mine.deal(batch, [number, 0, 3 - number, 1]))
        require(len(hands) == _WORKERS, f"There are {_WORKERS} workers, and `deal` returned {len(hands)} lists.")
        dealt = sorted(message.offset for hand in hands for message in hand)
        require(
            dealt == [message.offset for message in batch],
            f"Of {len(batch)} messages {len(dealt)} were dealt out: each is for exactly one worker.",
        )
        for worker, hand in zip(seen, hands, strict=True):
            worker.extend(hand)
    _see_keys(seen)
    _see_other_process(router(), lesson.topics.records, seen)
    idle = [number for number, hand in enumerate(seen) if not hand]
    require(not idle, f"Worker {idle[0] if idle else 0} never gets anything: {_KEYS} keys are enough for all of them.")
    return f"{_KEYS} keys, {_BATCHES} batches: each key at one worker, in its order; records for each: {_sizes(seen)}."


def _batch(topic: str, first: int, kind: type[bytes] = bytes) -> list[Message]:
    """Messages of many keys, mixed: neighbours have different ones."""
    return [
        _Message(topic, 0, offset, 0, kind(b"cellar-%d" % (offset * 7 % _KEYS)), b"")
        for offset in range(first, first + _BATCH)
    ]


def _lists(hands: Any) -> list[list[Message]]:
    lists = isinstance(hands, (list, tuple)) and all(isinstance(hand, (list, tuple)) for hand in hands)
    require(
        lists, f"`deal` returned {what_came(hands)}. It is to return a list of messages for each worker, in a list."
    )
    strange = next((one for hand in hands for one in hand if not isinstance(one, _Message)), None)
    require(strange is None, f"In a worker's list is {what_came(strange)}. Put the message itself there, whole.")
    return list(hands)


def _see_keys(seen: Sequence[Sequence[Message]]) -> None:
    homes: dict[bytes, set[int]] = defaultdict(set)
    for worker, hand in enumerate(seen):
        for message in hand:
            homes[message.key or b""].add(worker)
    lost = next((key for key, workers in homes.items() if len(workers) > 1), None)
    require(
        lost is None,
        f"Records of {(lost or b'').decode()} went to workers {sorted(homes[lost or b''])}: nobody knows which "
        "of them is quicker, so their order is lost.",
    )
    for hand in seen:
        late = next((two for one, two in pairwise(hand) if two.offset < one.offset), None)
        require(late is None, f"Offset {late.offset if late else 0} stands behind a later one in a worker's list.")


class _Key(bytes):
    """A key as another process has it: the same bytes, with another ``hash``."""

    def __hash__(self) -> int:
        return hash(("another process", bytes(self)))

    def decode(self, *_: str) -> str:
        """The text, whose ``hash`` is another, too."""
        return _Text(bytes(self).decode())


class _Text(str):
    __slots__ = ()

    def __hash__(self) -> int:
        return hash(("another process", str.__str__(self)))


def _see_other_process(router: Router, topic: str, seen: Sequence[Sequence[Message]]) -> None:
    """Deal out the first batch once more, as a server does that was started again."""
    here = {message.offset: worker for worker, hand in enumerate(seen) for message in hand}
    batch = _batch(topic, 0, _Key)
    for worker, hand in enumerate(_lists(router.deal(batch, [0] * _WORKERS))):
        moved = next((message for message in hand if here[message.offset] != worker), None)
        require(
            moved is None,
            f"Here {moved.key if moved else b''!r} belongs to worker {here[moved.offset] if moved else 0}, and in "
            f"another process to worker {worker}. Python's `hash` of bytes or text is another one in each process: "
            "take `zlib.crc32`.",
        )


def _sizes(seen: Sequence[Sequence[Message]]) -> str:
    return ", ".join(str(len(hand)) for hand in seen)


def _answer(worker: str, put: str = "append(message)") -> str:
    """The router that gives a message to the worker of this number."""
    return f"""
import zlib

class SameKeySameWorker:
    def deal(self, messages, waiting):
        hands = [[] for _ in waiting]
        for message in messages:
            hands[{worker}].{put}
        return hands
"""


EXERCISE = Exercise(
    id="actors-router",
    lesson="06",
    title="A router that keeps the order",
    goal="""
Several workers score one data type. The records of one cellar have the same `key`, and must be scored **in their
order**; those of different cellars need not be. Which worker gets which message?

A router has one method. `messages` is a batch, in order; `waiting` says for each worker how many messages wait for it,
with the one in its hands. It returns a list of messages for each worker. All workers should get something, when there
are many keys. After a restart, and in another process, a key goes to the **same** worker as before.
""",
    stub=_answer("..."),
    answer="SameKeySameWorker",
    hints=(
        "Who gets a message may depend on nothing but its key; so not on the offset, nor on who is busy.",
        "Make a number of the key: `zlib.crc32(message.key)`, the same in every process. Python's `hash` is not.",
        "The remainder of a division by `len(waiting)` is the number of a worker.",
    ),
    reference=_answer("zlib.crc32(message.key) % len(waiting)"),
    wrong=(
        WrongAnswer(_answer("message.offset % len(waiting)"), "so their order is lost"),
        WrongAnswer(_answer("0"), "never gets anything"),
        WrongAnswer(_answer("0").replace("        return hands\n", ""), "`deal` returned `None`"),
        WrongAnswer(_answer("0", "append(message.key)"), "Put the message itself there"),
        WrongAnswer(_answer("hash(message.key) % len(waiting)"), "is another one in each process"),
        WrongAnswer(_answer("hash(message.key.decode()) % len(waiting)"), "is another one in each process"),
        WrongAnswer(
            _answer("zlib.crc32(message.key) % len(waiting)", "insert(0, message)"),
            "stands behind a later one",
        ),
        WrongAnswer(
            """
class SameKeySameWorker:
    def deal(self, messages, waiting):
        newest = {message.key: message for message in messages}
        hands = [[] for _ in waiting]
        for message in newest.values():
            hands[len(message.key) % len(waiting)].append(message)
        return hands
""",
            "each is for exactly one worker",
        ),
    ),
    check=check,
)
