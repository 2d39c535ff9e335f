"""Lesson 05: a command that can arrive twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from modelserving.config import data_folder
from modelserving.models.lifecycle.state import ServingState
from modelserving.models.store.bundled import read_catalog
from modelserving.records import ModelCommand, ModelDescriptor
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, NotYet, WrongAnswer, require
from modelserving.workshop.lesson.simulate import Simulation


def check(lesson: LessonEnvironment, undo: Callable[[ServingState], Any]) -> str:
    """Publish two models, send the command once and then again, and see which model serves after each."""
    old, new = _models()
    with Simulation(lesson) as topics:
        topics.publish(old)
        topics.publish(new)
        state = topics.verdict("wine").state
        if state is None:
            raise NotYet("The two models could not be built here. Run the cells above first.")
        command = undo(state)
        require(
            isinstance(command, ModelCommand),
            "`undo` is to return a command: `ModelCommand(Action.ROLL_BACK, ...)` makes one.",
        )
        for times in ("once", "twice"):
            topics.command(command)
            seen = topics.verdict("wine")
            refused = f" The server refused it: {seen.letters[-1].reason}" if seen.letters else ""
            require(seen.serving == old.name, _wrong(times, seen.serving) + refused)
    return (
        f"Sent once, and sent twice: {old.name} serves, both times. Commands are read from `{lesson.topics.control}`."
    )


def _models() -> tuple[ModelDescriptor, ModelDescriptor]:
    catalog = {model.name: model for model in read_catalog(data_folder() / "models")}
    line, tree = catalog["wine-linear-regression"], catalog["wine-decision-tree"]
    return replace(line, name="last-week"), replace(tree, name="this-morning")


def _wrong(times: str, serving: str | None) -> str:
    if times == "twice":
        return (
            f"Sent once, it is right. Then it came a second time, and {serving} serves again: the second rollback "
            "undid the first. Say **which** model you mean."
        )
    return f"Sent once, {serving or 'no model'} serves; last-week should."


EXERCISE = Exercise(
    id="models-rollback",
    lesson="05",
    title="Roll back, and mean it",
    goal="""
This morning's model was a mistake; last week's is to serve again. You send a command. But networks repeat themselves:
your command may arrive **twice**.

Write `undo(state)`: it returns the `ModelCommand` that brings the previous model back, however often it arrives.
`state` is what the server says of its models: `state.identity` is the model in use and `state.previous` the one before
it, each with `name`, `data_type` and `digest`. The check sends your command once, and then once more.
""",
    stub="""
from modelserving.records import Action, ModelCommand

def undo(state):
    return ModelCommand(Action.ROLL_BACK, ..., digest=...)
""",
    answer="undo",
    hints=(
        "The second argument says whose models are meant: `state.identity.data_type`.",
        "A command without a digest means: whichever model was there before. What was there before the second time?",
        "With the digest of the model that is to serve, a command that comes twice does what it does once.",
    ),
    reference="""
from modelserving.records import Action, ModelCommand

def undo(state):
    return ModelCommand(Action.ROLL_BACK, state.identity.data_type, digest=state.previous.digest)
""",
    wrong=(
        WrongAnswer(
            """
from modelserving.records import Action, ModelCommand

def undo(state):
    return ModelCommand(Action.ROLL_BACK, state.identity.data_type)
""",
            "the second rollback undid the first",
        ),
        WrongAnswer(
            """
from modelserving.records import Action, ModelCommand

def undo(state):
    return ModelCommand(Action.ROLL_BACK, state.identity.data_type, digest=state.identity.digest)
""",
            "Sent once, this-morning serves; last-week should.",
        ),
        WrongAnswer(
            """
from modelserving.records import Action, ModelCommand

def undo(state):
    return ModelCommand(Action.RETIRE, state.identity.data_type)
""",
            "Sent once, no model serves",
        ),
        WrongAnswer(
            """
from modelserving.records import Action

def undo(state):
    return Action.ROLL_BACK
""",
            "is to return a command",
        ),
    ),
    check=check,
)
