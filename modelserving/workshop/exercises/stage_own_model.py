"""Lesson 04: change a model, and have a real server take it."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import Any

from modelserving.config import data_folder
from modelserving.kafka import create_topics, delete_topics, make_producer, read_dead_letters
from modelserving.models.store.bundled import read_catalog
from modelserving.records import TOPICS, ModelDescriptor, encode_descriptor
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, WrongAnswer, require
from modelserving.workshop.processes.process import ServerProcess

_NAME = "wine-linear-regression"


def check(lesson: LessonEnvironment, kinder: Callable[[ModelDescriptor], Any]) -> str:
    """Publish the changed model to empty topics, start a server on them, and ask it which model it serves."""
    original = next(model for model in read_catalog(data_folder() / "models") if model.name == _NAME)
    mine = kinder(original)
    require(
        isinstance(mine, ModelDescriptor), "`kinder` is to return a descriptor: `replace(descriptor, ...)` makes one."
    )
    require(mine.name != original.name, f"Your model is still called {original.name}: nobody could tell the two apart.")
    require(mine.data != original.data, "The bytes are still the old ones, so it is the old model under a new name.")
    require(
        isinstance(mine.sha256, str),
        f"The digest is a text; yours is of type {type(mine.sha256).__name__}: `.hexdigest()` gives the text.",
    )
    require(isinstance(mine.data, bytes), f"The model is bytes; yours is of type {type(mine.data).__name__}.")
    prefix = f"{lesson.prefix}-own-{secrets.token_hex(3)}"
    state = _serve(lesson, prefix, mine)
    require(state["name"] == mine.name, f"The server serves {state['name']!r}, not {mine.name!r}.")
    return f"A server started on your model alone. `/state` says: {state['name']}, {str(state['digest'])[:8]}…"


def _serve(lesson: LessonEnvironment, prefix: str, descriptor: ModelDescriptor) -> dict[str, object]:
    """What ``/state`` of a server says that has nothing but this model.

    Raises:
        NotYet: it refused the model.
    """
    topics = TOPICS.prefixed(prefix)
    create_topics(lesson.connection, topics)
    try:
        with make_producer(lesson.connection) as producer:
            producer.send(topics.models, key=descriptor.data_type.encode(), value=encode_descriptor(descriptor))
            producer.flush(timeout=10)
        broker = {"KAFKA_BOOTSTRAP_SERVERS": lesson.connection.bootstrap_servers}
        with ServerProcess.start("stage", prefix, ("--port", "0", "--no-preload"), broker) as server:
            refused = [letter.reason for letter in read_dead_letters(lesson.connection, topics.dead_letters)]
            require(not refused, f"The server refused your model, and serves none. It says: {' '.join(refused)}")
            return server.get("/state")
    finally:
        delete_topics(lesson.connection, topics)


EXERCISE = Exercise(
    id="stage-own-model",
    lesson="04",
    title="A kinder model",
    goal="""
A model is data. `wine-linear-regression` is an XML text, and its `intercept` is what every wine starts from. Make a
kinder model, which gives every wine **half a point more**. The text is changed already; but the server will not take it
as long as

* its **golden answers** are those of the old model, and
* the **digest** in the descriptor is that of the old bytes.

The check publishes your model, starts a real server on it, and asks `/state`.
""",
    stub="""
import hashlib, re
from dataclasses import replace

def half_a_point_more(found):
    return b'intercept="%.8f"' % (float(found[1]) + 0.5)

def kinder(descriptor):
    data = re.sub(rb'intercept="(.*?)"', half_a_point_more, descriptor.data)
    golden = tuple(replace(one, expected=...) for one in descriptor.golden)
    return replace(descriptor, name="wine-kind", data=data, golden=golden, sha256=...)
""",
    answer="kinder",
    hints=(
        "A golden record is a wine (`one.record`) and the answer that a good model gives (`one.expected`).",
        "Every answer is half a point higher now: `one.expected + 0.5`.",
        "`hashlib.sha256(data).hexdigest()` is the digest of the new bytes.",
    ),
    reference="""
import hashlib, re
from dataclasses import replace

def half_a_point_more(found):
    return b'intercept="%.8f"' % (float(found[1]) + 0.5)

def kinder(descriptor):
    data = re.sub(rb'intercept="(.*?)"', half_a_point_more, descriptor.data)
    golden = tuple(replace(one, expected=one.expected + 0.5) for one in descriptor.golden)
    digest = hashlib.sha256(data).hexdigest()
    return replace(descriptor, name="wine-kind", data=data, golden=golden, sha256=digest)
""",
    wrong=(
        WrongAnswer(
            """
from dataclasses import replace

def kinder(descriptor):
    golden = tuple(replace(one, expected=one.expected + 0.5) for one in descriptor.golden)
    return replace(descriptor, name="wine-kind", golden=golden)
""",
            "The bytes are still the old ones",
        ),
        WrongAnswer(
            """
import re
from dataclasses import replace

def half_a_point_more(found):
    return b'intercept="%.8f"' % (float(found[1]) + 0.5)

def kinder(descriptor):
    data = re.sub(rb'intercept="(.*?)"', half_a_point_more, descriptor.data)
    golden = tuple(replace(one, expected=one.expected + 0.5) for one in descriptor.golden)
    return replace(descriptor, name="wine-kind", data=data, golden=golden)
""",
            "is not what its sender sent",
        ),
        WrongAnswer(
            """
import hashlib, re
from dataclasses import replace

def half_a_point_more(found):
    return b'intercept="%.8f"' % (float(found[1]) + 0.5)

def kinder(descriptor):
    data = re.sub(rb'intercept="(.*?)"', half_a_point_more, descriptor.data)
    return replace(descriptor, name="wine-kind", data=data, sha256=hashlib.sha256(data).hexdigest())
""",
            "was expected, give or take",
        ),
        WrongAnswer(
            """
def kinder(descriptor):
    return descriptor
""",
            "is still called wine-linear-regression",
        ),
    ),
    check=check,
)
