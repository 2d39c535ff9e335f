"""Lesson 03: a stage that serves models is a scan."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, NotYet, WrongAnswer, require

_Step = Callable[[tuple[Any, Any], tuple[str, Any]], tuple[Any, Any]]


def _double(record: int) -> int:
    return 2 * record


def _square(record: int) -> int:
    return record * record


_EVENTS = [
    ("record", 1),
    ("model", _double),
    ("record", 3),
    ("record", 5),
    ("model", _square),
    ("record", 5),
    ("record", 7),
    ("model", _double),
    ("record", 9),
]
_EXPECTED = [None, None, 6, 10, None, 25, 49, None, 18]


def check(_: LessonEnvironment, step: _Step) -> str:
    """Send records and models through the scan, and look at each answer."""
    state: tuple[Any, Any] = (None, None)
    for number, ((kind, thing), expected) in enumerate(zip(_EVENTS, _EXPECTED, strict=True)):
        state = _stepped(step, state, kind, thing)
        require(
            isinstance(state, tuple) and len(state) == 2,
            "`step` returned one thing. Return two things: the model in use, and the answer.",
        )
        require(state[1] == expected, _wrong(number, kind, thing, state[1], expected))
    return "Nine events, three models: each record met the newest model; the one before any model was skipped."


def _stepped(step: _Step, state: tuple[Any, Any], kind: str, thing: Any) -> Any:
    """One step.

    Raises:
        NotYet: it used a model before there was any.
    """
    try:
        return step(state, (kind, thing))
    except TypeError as error:
        if kind == "record" and state[0] is None and "not callable" in str(error):
            raise NotYet(
                f"Record {thing} came before any model, and `step` called it all the same: {error}."
            ) from error
        raise


def _wrong(number: int, kind: str, thing: Any, got: Any, expected: Any) -> str:
    if kind == "model":
        return f"Event {number} is a model, and models get no answer: return `None` beside the model."
    before = _EXPECTED[:number]
    if got is None and expected is not None:
        return (
            f"Record {thing} got no answer, though a model is in use. Does `step` return the model for the next event?"
        )
    if 25 not in before and expected == 25:
        return f"Record {thing} was answered {got!r}: that is still the old model. The new one says {expected}."
    return f"Record {thing} was answered {got!r}; {expected!r} was expected."


EXERCISE = Exercise(
    id="streams-newest-model",
    lesson="03",
    title="Your first model server",
    goal="""
A model server is a scan, too. Its state is **the model in use and the last answer**; its events are
`("model", function)` and `("record", number)`, in any order. Write the step:

* a model takes the place of the one before it, and the answer is `None`;
* a record is answered by the model in use;
* a record that comes **before any model** gets the answer `None`. It must not end the stream.
""",
    stub="""
def step(state, event):
    model, _ = state
    kind, thing = event
    if kind == "model":
        return ..., None
    return model, ...
""",
    answer="step",
    hints=(
        "The first thing that you return is what the next event finds as `model`.",
        "A model is a function: `model(thing)` is its answer to the record `thing`.",
        "Before the first model, `model` is `None`, and `None` cannot be called. Ask for that first.",
    ),
    reference="""
def step(state, event):
    model, _ = state
    kind, thing = event
    if kind == "model":
        return thing, None
    if model is None:
        return None, None
    return model, model(thing)
""",
    wrong=(
        WrongAnswer(
            """
def step(state, event):
    model, _ = state
    kind, thing = event
    if kind == "model":
        return thing, None
    return model, model(thing)
""",
            "came before any model, and `step` called it",
        ),
        WrongAnswer(
            """
def step(state, event):
    model, _ = state
    kind, thing = event
    if kind == "model":
        return thing, None
    return None, model(thing) if model else None
""",
            "Does `step` return the model for the next event?",
        ),
        WrongAnswer(
            """
def step(state, event):
    model, _ = state
    kind, thing = event
    if kind == "model":
        return model or thing, None
    return model, model(thing) if model else None
""",
            "that is still the old model",
        ),
        WrongAnswer(
            """
def step(state, event):
    model, _ = state
    kind, thing = event
    if kind == "model":
        return thing, thing
    return model, model(thing) if model else None
""",
            "models get no answer",
        ),
        WrongAnswer(
            """
def step(state, event):
    model, _ = state
    kind, thing = event
    if kind == "model":
        return thing
    return model, model(thing) if model else None
""",
            "Return two things",
        ),
    ),
    check=check,
)
