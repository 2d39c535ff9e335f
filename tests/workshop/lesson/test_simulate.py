"""What a server would make of messages, without a server."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from modelserving.config import data_folder
from modelserving.kafka import list_topics, read_topic
from modelserving.models.store.bundled import read_catalog
from modelserving.records import Action, ModelCommand, ModelDescriptor
from modelserving.workshop import Lesson
from modelserving.workshop.lesson.simulate import Simulation

pytestmark = pytest.mark.broker


def _good() -> ModelDescriptor:
    return next(model for model in read_catalog(data_folder() / "models") if model.name == "wine-linear-regression")


def test_models_and_commands_are_followed_in_the_order_in_which_they_were_sent(begin: Callable[[str], Lesson]) -> None:
    """A bad model is refused with its reason, and a rollback goes to the good one before the last good one."""
    good = _good()
    with Simulation(begin("90")) as topics:
        assert topics.verdict("wine").serving is None
        topics.publish(replace(good, name="first"))
        topics.publish(replace(good, name="forged", sha256="0" * 64))
        topics.publish(replace(good, name="second", version="2"))
        assert topics.verdict("wine").serving == "second"
        topics.command(ModelCommand(Action.ROLL_BACK, "wine"))
        seen = topics.verdict("wine")
    assert seen.serving == "first"
    (letter,) = seen.letters
    assert letter.offset == 1
    assert "SHA-256" in letter.reason


def test_messages_bear_the_time_of_now(begin: Callable[[str], Lesson]) -> None:
    """A broker deletes, sooner or later, what bears a time before its retention, seven days by default."""
    lesson = begin("91")
    with Simulation(lesson) as topics:
        topics.publish(_good())
        topics.command(ModelCommand(Action.RETIRE, "wine"))
        own = [topic for topic in list_topics(lesson.connection) if topic.startswith(f"{lesson.prefix}-scratch")]
        stamps = [message.timestamp for topic in own for message in read_topic(lesson.connection, topic)]
    assert len(stamps) == 2
    assert all(abs(time.time() * 1000 - stamp) < 24 * 3600 * 1000 for stamp in stamps)
