"""What holds for actors on threads: a stop that waits for the last save, and who is seen at work."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from modelserving.actors import Life, PykkaRuntime, Ref
from modelserving.errors import ActorError, ActorStopped, MailboxFull
from modelserving.system.stopping import pause

SECONDS = 20.0


class Closing:
    """Does what it is told when it is closed."""

    def __init__(self, close: Callable[[], object]) -> None:
        self.close = close

    def receive(self, message: object, /) -> object:
        """Answer."""
        return message


class Gate:
    """Whoever goes in is seen, and stays until it is let out."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def enter(self) -> None:
        """Wait there."""
        self.entered.set()
        self.open.wait(SECONDS)


class Doorman(Gate):
    """An actor that waits at the gate with every message."""

    def receive(self, message: object, /) -> object:
        """Wait, then answer."""
        self.enter()
        return message


def has_ended(actor: Ref, seconds: float) -> bool:
    """Whether it ends within so many seconds. Only actors on threads can be waited for, by their runtime."""
    return actor.wait(seconds)  # type: ignore[attr-defined, no-any-return]


def test_the_runtime_is_closed_when_its_actors_have_closed() -> None:
    """A process that ends after it has lost nothing: its threads are daemons, and would be cut off in a save."""
    returned = threading.Event()
    early: list[bool] = []
    runtime = PykkaRuntime()
    runtime.spawn(Closing, lambda: early.append(returned.wait(0.2)), name="saving")
    runtime.close()
    returned.set()
    assert early == [False]


def test_an_actor_that_was_spawned_during_the_end_is_closed_too() -> None:
    """An actor above may have a message in hand that makes one below."""
    closed: list[str] = []
    runtime = PykkaRuntime()

    def spawn() -> None:
        runtime.spawn(Closing, lambda: closed.append("late"), name="late")

    runtime.spawn(Closing, spawn, name="early")
    runtime.close()
    assert closed == ["late"]


def test_an_actor_that_still_saves_has_not_stopped_and_keeps_its_name() -> None:
    """Else the next one of that name would read the same folder while this one writes there."""
    gate = Gate()
    with PykkaRuntime() as runtime:
        saving = runtime.spawn(Closing, gate.enter, name="saving")
        saving.stop()
        assert gate.entered.wait(SECONDS)
        assert [status.life for status in runtime.report()] == [Life.RUNNING]
        with pytest.raises(ActorStopped, match="'saving' is stopping"):
            saving.tell("too late")
        with pytest.raises(ActorError, match="'saving' already, and it is stopping"):
            runtime.spawn(Closing, gate.enter, name="saving")
        assert not has_ended(saving, 0)
        gate.open.set()
        assert has_ended(saving, SECONDS)
        assert [status.life for status in runtime.report()] == [Life.STOPPED]
        assert runtime.spawn(Closing, gate.enter, name="saving").ask("go", SECONDS) == "go"


def test_the_message_in_hand_is_counted_by_who_chooses_and_not_by_the_bound() -> None:
    """A worker that is busy is not idle; a mailbox for one message holds one beside the one in hand."""
    door = Doorman()
    with PykkaRuntime() as runtime:
        doorman = runtime.spawn(lambda: door, name="doorman", mailbox=1)
        assert doorman.waiting == 0
        first = doorman.request("first")
        assert door.entered.wait(SECONDS)
        assert doorman.waiting == 1
        second = doorman.request("second")
        assert doorman.waiting == 2
        assert [status.waiting for status in runtime.report()] == [1]
        with pytest.raises(MailboxFull, match="1 messages wait"):
            doorman.tell("third")
        door.open.set()
        assert [first.result(SECONDS), second.result(SECONDS)] == ["first", "second"]
        assert doorman.waiting == 0


def test_the_end_comes_also_when_closing_fails() -> None:
    """Nobody waits for an actor that cannot give back what it holds."""

    def fail() -> None:
        raise SystemExit(7)

    with PykkaRuntime() as runtime:
        failing = runtime.spawn(Closing, fail, name="failing")
        failing.stop()
        assert has_ended(failing, SECONDS)
        assert [status.life for status in runtime.report()] == [Life.STOPPED]


class Waiter:
    """An actor that waits for somebody else with every message."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.closed = False

    def receive(self, message: object, /) -> object:
        """Wait, as `system.stopping` does; then answer."""
        self.began.set()
        pause(0.2 if message == "soon" else 3600)
        return message

    def close(self) -> None:
        """Note it."""
        self.closed = True


def test_who_waits_for_somebody_else_waits_no_longer_when_all_end() -> None:
    """It has not failed, and closes as any other: what it counts is saved."""
    waiter = Waiter()
    with PykkaRuntime() as runtime:
        actor = runtime.spawn(lambda: waiter, name="waiter")
        reply = actor.request("go")
        assert waiter.began.wait(SECONDS)
    assert has_ended(actor, 0)
    assert waiter.closed
    with pytest.raises(ActorStopped):
        reply.result(SECONDS)


def test_an_actor_that_is_stopped_alone_ends_what_it_waits_for() -> None:
    """The others go on, and want the answer."""
    waiter = Waiter()
    with PykkaRuntime() as runtime:
        actor = runtime.spawn(lambda: waiter, name="waiter")
        reply = actor.request("soon")
        assert waiter.began.wait(SECONDS)
        actor.stop()
        assert reply.result(SECONDS) == "soon"
