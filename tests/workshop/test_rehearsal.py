"""What a server would make of messages, without a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from modelserving.config import data_folder
from modelserving.models.catalog import read_catalog
from modelserving.records import Action, ModelCommand
from modelserving.workshop import Lesson
from modelserving.workshop.rehearsal import Rehearsal

pytestmark = pytest.mark.broker


def test_models_and_commands_are_followed_in_the_order_in_which_they_were_sent(begin: Callable[[str], Lesson]) -> None:
    """A bad model is refused with its reason, and a rollback goes to the good one before the last good one."""
    good = next(model for model in read_catalog(data_folder() / "models") if model.name == "wine-linear-regression")
    with Rehearsal(begin("90")) as topics:
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
