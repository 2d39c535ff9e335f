"""Lesson 02: walk through a message field by field, as the generated code does."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from modelserving.client import load_dataset
from modelserving.config import data_folder
from modelserving.kafka import make_producer, read_topic
from modelserving.records import FEATURES, WineRecord, decode_wine, encode_wine
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require


def check(lesson: LessonEnvironment, alcohol_of: Callable[[bytes], Any]) -> str:
    """Publish wines of which some leave fields out, read the bytes back, and compare with what the decoder says."""
    names = getattr(getattr(alcohol_of, "__code__", None), "co_names", ())
    require("decode_wine" not in names, "`decode_wine` is the generated code. Walk from tag to tag yourself, by hand.")
    full = [wine for wine in load_dataset(data_folder(None)).records if wine.citric_acid > 0][:5]
    # The longer data type keeps these as long as the others, so that a wrong place holds a wrong number, and no end.
    gappy = [replace(wine, citric_acid=0.0, sulphates=0.0, data_type="wine-from-the-hills") for wine in full]
    dry = replace(full[0], alcohol=0.0, data_type="wine-from-the-hills")
    topic = lesson.scratch_topic()
    with make_producer(lesson.connection) as producer:
        for wine in (*full, *gappy, dry):
            producer.send(topic, value=encode_wine(wine))
        producer.flush(timeout=10)
    answers = [(r.offset, decode_wine(r.value), alcohol_of(r.value)) for r in read_topic(lesson.connection, topic)]
    for offset, wine, answer in answers[: len(full)]:
        require(_equal(answer, wine.alcohol), f"Offset {offset}: {_explain(wine, answer)}")
    for offset, wine, answer in answers[len(full) : -1]:
        require(
            _equal(answer, wine.alcohol),
            f"Right where all fields are there, but at offset {offset} two are 0, so they are not among the bytes. "
            f"You returned {answer!r} instead of {wine.alcohol}. Go from field to field: no field has a fixed place.",
        )
    offset, _, answer = answers[-1]
    require(
        _equal(answer, 0.0),
        f"Offset {offset} has no alcohol among its bytes, which means 0.0. You returned {answer!r}.",
    )
    return f"{len(answers)} wines read from `{topic}`, byte by byte; {len(gappy) + 1} of them leave fields out."


def _equal(answer: Any, expected: float) -> bool:
    return isinstance(answer, float) and math.isclose(answer, expected, rel_tol=1e-12)


def _explain(wine: WineRecord, answer: Any) -> str:
    """What may have gone wrong with a whole record."""
    said = f"the wine has {wine.alcohol} % alcohol, you returned {answer!r}."
    if isinstance(answer, tuple):
        return f"{said} `struct.unpack` gives a tuple; its first part is the number."
    if not isinstance(answer, float):
        kind = type(answer).__name__
        return f'{said} That is of type `{kind}`. `struct.unpack("<d", eight_bytes)[0]` is a number, to be returned.'
    if _equal(answer, struct.unpack(">d", struct.pack("<d", wine.alcohol))[0]):
        return f"{said} Right bytes, wrong end: protobuf puts the smallest byte first, which is `<d`."
    for number, name in enumerate(FEATURES, 1):
        if _equal(answer, getattr(wine, name)):
            return f"{said} That is field {number}, {name}."
    return f"{said} How long is one field? One byte of tag, and then eight bytes of number."


_WALK = """
def alcohol_of(value):
    position = 0
    while position < len(value):
        number, kind = tag(value[position])
        if number == {number}:
            return {found}
        position += {step}
    return 0.0  # a field that is not there is 0
"""

EXERCISE = Exercise(
    id="protobuf-alcohol",
    lesson="02",
    title="Read the alcohol by hand",
    goal="""
Alcohol is field 11. Find it **without** the generated code: walk through the message from field to field, and decode
the number when you are there. All fields before it are doubles: one byte of tag, then eight bytes.

Mind the wines that leave fields out.
""",
    stub=_WALK.format(number=11, found="...", step="..."),
    answer="alcohol_of",
    hints=(
        "You need the eight bytes after the tag: `value[position + 1 : position + 9]`.",
        '`struct.unpack("<d", eight_bytes)` gives a tuple of one number.',
        "The next tag comes 9 bytes after this one.",
    ),
    reference=_WALK.format(number=11, found='struct.unpack("<d", value[position + 1 : position + 9])[0]', step="9"),
    wrong=(
        WrongAnswer("def alcohol_of(value):\n    return decode_wine(value).alcohol\n", "is the generated code"),
        WrongAnswer(
            'def alcohol_of(value):\n    return struct.unpack("<d", value[91:99])[0]\n',
            "no field has a fixed place",
        ),
        WrongAnswer(
            _WALK.format(number=11, found='struct.unpack(">d", value[position + 1 : position + 9])[0]', step="9"),
            "wrong end",
        ),
        WrongAnswer(
            _WALK.format(number=11, found='struct.unpack("<d", value[position + 1 : position + 9])', step="9"),
            "gives a tuple",
        ),
        WrongAnswer(_WALK.format(number=11, found="value[position + 1 : position + 9]", step="9"), "of type `bytes`"),
        WrongAnswer(
            _WALK.format(number=10, found='struct.unpack("<d", value[position + 1 : position + 9])[0]', step="9"),
            "That is field 10, sulphates",
        ),
        WrongAnswer(
            _WALK.format(number=11, found='struct.unpack("<d", value[position + 1 : position + 9])[0]', step="8"),
            "How long is one field?",
        ),
        WrongAnswer(
            _WALK.format(
                number=11, found='struct.unpack("<d", value[position + 1 : position + 9])[0]', step="9"
            ).replace("    return 0.0  # a field that is not there is 0\n", ""),
            "which means 0.0",
        ),
    ),
    check=check,
)
