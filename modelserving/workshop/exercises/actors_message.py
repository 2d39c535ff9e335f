"""Lesson 06: a message more for an actor that counts."""

from __future__ import annotations

from collections.abc import Callable

from modelserving.actors import Actor, Policy, PykkaRuntime, Ref
from modelserving.errors import ActorError
from modelserving.workshop.lesson.environment import LessonEnvironment
from modelserving.workshop.lesson.exercise import Exercise, NotYet, WrongAnswer, require


def check(lesson: LessonEnvironment, counting: Callable[[], Actor]) -> str:
    """Make an actor of the class, let it count, collect one of the types, and ask what is left."""
    with PykkaRuntime(Policy(restarts=0)) as runtime:
        actor = runtime.spawn(counting, name=f"{lesson.prefix} counting")
        for data_type in ("wine", "white", "wine", "white", "wine"):
            actor.tell(("scored", data_type))
        told = _ask(actor, "collect", "wine")
        require(
            told is not None, "Asked to collect 3 wines, the actor answered None: what `receive` returns is answered."
        )
        require(
            told == 3, f"It had counted 3 of wine and 2 of white. Asked to collect wine, it answered {told!r}, not 3."
        )
        left = _ask(actor, "how many", "wine")
        require(left == 0, f"After `collect` there are still {left!r} of wine: it is to begin again at 0.")
        others = _ask(actor, "how many", "white")
        require(others == 2, f"Only wine was collected, and of white there were 2; now there are {others!r}.")
        never = _ask(actor, "collect", "cider")
        require(never == 0, f"Asked to collect a type that it had never seen, it answered {never!r}, not 0.")
    return "Told of 3 wine and 2 white, it answered 3 to `collect`, then had 0 of wine, and 2 of white still."


def _ask(actor: Ref, what: str, data_type: str) -> object:
    """What the actor answers.

    Raises:
        NotYet: it failed on the question.
    """
    try:
        return actor.ask((what, data_type))
    except ActorError as error:
        raise NotYet(f"Asked ({what!r}, {data_type!r}), it has no answer: {error}") from error


def _answer(*lines: str) -> str:
    """The class with these lines in the place of the new message."""
    body = "\n".join(f"                {line}" for line in lines)
    return f"""
from collections import Counter

class Counting:
    def __init__(self):
        self.scored = Counter()

    def receive(self, message):
        match message:
            case ("scored", data_type):
                self.scored[data_type] += 1
            case ("how many", data_type):
                return self.scored[data_type]
            case ("collect", data_type):
{body}
"""


EXERCISE = Exercise(
    id="actors-message",
    lesson="06",
    title="A new message",
    goal="""
This actor counts what was scored. Somebody wants to **collect** the count, once an hour: to get it, and have it begin
again at 0. With two messages, one to ask and one to reset, a wine may come between them, and is never counted. So it is
to be one message.

Teach the actor `("collect", data_type)`: it answers how many there were of this type, and begins again at 0 for this
type only. The check makes an actor of your class, tells, and asks. No lock is needed. Why not?
""",
    stub=_answer("return ..."),
    answer="Counting",
    hints=(
        "What `receive` returns is the answer. So the count must be taken before it goes.",
        "`self.scored.pop(key, 0)` takes a value out and returns it; 0 if there is none.",
    ),
    reference=_answer("return self.scored.pop(data_type, 0)"),
    wrong=(
        WrongAnswer(_answer("return self.scored[data_type]"), "it is to begin again at 0"),
        WrongAnswer(_answer("self.scored[data_type] = 0"), "the actor answered None"),
        WrongAnswer(
            _answer("found = self.scored[data_type]", "self.scored.clear()", "return found"), "Only wine was collected"
        ),
        WrongAnswer(_answer("return self.scored.total()"), "it answered 5, not 3"),
        WrongAnswer(_answer("return self.scored.pop(data_type)"), "it has no answer"),
    ),
    check=check,
)
