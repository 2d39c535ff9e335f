"""Lesson 09: to which partition a key goes, and who has that one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from zlib import crc32

from modelserving.kafka import make_producer, read_topic
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, NotYet, WrongAnswer, require

_KEYS = [b"wine", b"white", *(b"barrel-%d" % number for number in range(40))]
_FLEETS: tuple[Mapping[int, list[int]], ...] = (
    {8888: [0, 3], 8889: [1], 8890: [2]},
    {8888: [1, 3, 5], 8889: [0, 2, 4]},
)
_HolderOf = Callable[[bytes, list[dict[str, Any]]], Any]


def check(lesson: LessonEnvironment, holder_of: _HolderOf) -> str:
    """Send records with many keys to empty topics of 4 and 6 partitions, and ask the broker where each one went."""
    for fleet in _FLEETS:
        instances = [{"host": "127.0.0.1", "port": port, "partitions": held} for port, held in fleet.items()]
        went = _send(lesson, sum(map(len, fleet.values())))
        said = {key: _pair(holder_of(key, [dict(one) for one in instances])) for key in _KEYS}
        missed = [key for key in _KEYS if said[key][0] != went[key]]
        if missed:
            raise NotYet(_wrong(missed[0], {key: found for key, (found, _) in said.items()}, went, fleet))
        for key, (partition, port) in said.items():
            require(
                partition in fleet.get(port, ()),
                f"{key!r} is in partition {partition}, yes. But port {port} does not have it: "
                + ", ".join(f"port {other} has {held}" for other, held in fleet.items())
                + ".",
            )
    return f"{len(_KEYS)} keys, in topics of 4 and of 6 partitions: each record is where you said, and so is its state."


def _send(lesson: LessonEnvironment, partitions: int) -> Mapping[bytes, int]:
    """Where the records of each key are, as the broker says."""
    topic = lesson.scratch_topic(partitions=partitions)
    with make_producer(lesson.connection) as producer:
        for key in _KEYS:
            producer.send(topic, key=key, value=b"a wine")
        producer.flush(timeout=10)
    return {record.key: record.partition for record in read_topic(lesson.connection, topic)}


def _pair(found: Any) -> tuple[int, int]:
    require(
        isinstance(found, tuple) and len(found) == 2,
        f"Return two numbers, the partition and the port: `return partition, port`. {found!r} came.",
    )
    return found[0], found[1]


def _wrong(key: bytes, said: Mapping[bytes, int], went: Mapping[bytes, int], fleet: Mapping[int, list[int]]) -> str:
    partitions = sum(map(len, fleet.values()))
    told = (
        f"In a topic of {partitions} partitions, the record with the key {key!r} is in partition {went[key]}; your "
        f"function says {said[key]}."
    )
    if all(said[one] == hash(one) % partitions for one in _KEYS):
        return f"{told} Python's own `hash` gives other numbers in each process: writer and reader never meet."
    if all(said[one] == crc32(one) % partitions for one in _KEYS):
        return f"{told} That is CRC-32, which other clients take. Java's and those of this workbook take murmur2."
    if set(said.values()) <= set(range(len(fleet))):
        return f"{told} Did you divide by {len(fleet)}, the number of instances? They come and go; partitions stay."
    if partitions == 6:
        return f"{told} With 4 partitions all was right: did you take away the highest bit, the sign, first?"
    return f"{told} The clients of this workbook take murmur2, without its highest bit."


EXERCISE = Exercise(
    id="instances-partition",
    lesson="09",
    title="Whom to ask?",
    goal="""
Where all wines of a cellar have its name as their key, one instance knows all about that cellar. Which one? Write
`holder_of(key, instances)`: it returns the key's **partition**, and the **port** of the instance that has it.

`instances` is what `/state/instances` says, such as `[{"host": "127.0.0.1", "port": 8888, "partitions": [0, 3]}, ...]`.
Together they have all partitions. The check sends records with many keys to topics of 4 and of 6 partitions, and asks
the broker where they are.
""",
    stub="""
from kafka.partitioner.default import murmur2

def holder_of(key, instances):
    partition = ...
    (port,) = [one["port"] for one in instances if partition in one["partitions"]]
    return partition, port
""",
    answer="holder_of",
    hints=(
        "The hash without its sign, divided by the number of partitions: the rest is the partition.",
        '`sum(len(one["partitions"]) for one in instances)` is the number of partitions.',
        "`(murmur2(key) & 0x7fffffff) % partitions`: the number before the `%` is the hash without its highest bit.",
    ),
    reference="""
from kafka.partitioner.default import murmur2

def holder_of(key, instances):
    partitions = sum(len(one["partitions"]) for one in instances)
    partition = (murmur2(key) & 0x7fffffff) % partitions
    (port,) = [one["port"] for one in instances if partition in one["partitions"]]
    return partition, port
""",
    wrong=(
        WrongAnswer(
            """
def holder_of(key, instances):
    partition = hash(key) % sum(len(one["partitions"]) for one in instances)
    (port,) = [one["port"] for one in instances if partition in one["partitions"]]
    return partition, port
""",
            "Python's own `hash`",
        ),
        WrongAnswer(
            """
from kafka.partitioner.default import murmur2

def holder_of(key, instances):
    partition = murmur2(key) % sum(len(one["partitions"]) for one in instances)
    (port,) = [one["port"] for one in instances if partition in one["partitions"]]
    return partition, port
""",
            "the highest bit, the sign, first?",
        ),
        WrongAnswer(
            """
from zlib import crc32

def holder_of(key, instances):
    partition = crc32(key) % sum(len(one["partitions"]) for one in instances)
    (port,) = [one["port"] for one in instances if partition in one["partitions"]]
    return partition, port
""",
            "That is CRC-32",
        ),
        WrongAnswer(
            """
from kafka.partitioner.default import murmur2

def holder_of(key, instances):
    partition = (murmur2(key) & 0x7fffffff) % len(instances)
    (port,) = [one["port"] for one in instances if partition in one["partitions"]]
    return partition, port
""",
            "the number of instances?",
        ),
        WrongAnswer(
            """
from kafka.partitioner.default import murmur2

def holder_of(key, instances):
    partitions = sum(len(one["partitions"]) for one in instances)
    partition = (murmur2(key) & 0x7fffffff) % partitions
    return partition, instances[partition % len(instances)]["port"]
""",
            "does not have it",
        ),
        WrongAnswer(
            """
from kafka.partitioner.default import murmur2

def holder_of(key, instances):
    partitions = sum(len(one["partitions"]) for one in instances)
    return (murmur2(key) & 0x7fffffff) % partitions
""",
            "Return two numbers",
        ),
    ),
    check=check,
)
